#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/knobs.h"
#include "../support/child.h"

#define WORDS_MAX 8
#define ERROR_BYTES 1024

/* Tests run in a directory of their own; the file is "conf" there. */
static int started_fd = -1;
static char directory[] = "/tmp/test_config.XXXXXX";

static int
enter_directory(void **state)
{
    (void)state;
    started_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return started_fd < 0 || mkdtemp(directory) == NULL ||
           chdir(directory) != 0;
}

static int
leave_directory(void **state)
{
    (void)state;
    unlink("conf");
    return fchdir(started_fd) != 0 || rmdir(directory) != 0;
}

static void
write_conf_bytes(const char *text, size_t bytes)
{
    FILE *file = fopen("conf", "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void
write_conf(const char *text)
{
    write_conf_bytes(text, strlen(text));
}

/* Words that end at the first NULL, as argv or environment want them. */
struct words {
    char *list[WORDS_MAX + 2];
    int count;
};

static struct words
words_of(const char *first, const char *const *rest)
{
    struct words words = { .count = 0 };

    if (first != NULL)
        words.list[words.count++] = strdup(first);
    for (; *rest != NULL; rest++)
        words.list[words.count++] = strdup(*rest);
    return words;
}

static void
words_free(struct words *words)
{
    for (int index = 0; index < words->count; index++)
        free(words->list[index]);
}

static char error[ERROR_BYTES];

static enum rc
read_as(enum process self, struct config *config, const char *const *arguments,
        const char *const *environment)
{
    struct words argv = words_of("program", arguments);
    struct words env = words_of(NULL, environment);
    enum rc rc;

    error[0] = '\0';
    rc = config_read(config, self, argv.count, argv.list, env.list, error,
                     sizeof error);
    words_free(&argv);
    words_free(&env);
    return rc;
}

#define NOTHING ((const char *const[]){ NULL })
#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* --- sources --- */

static void
test_config_read_defaults_and_derived(void **state)
{
    struct config config;

    (void)state;
    assert_int_equal(read_as(PROCESS_LEDGER, &config, NOTHING, NOTHING),
                     RC_OK);
    assert_int_equal(config.self, PROCESS_LEDGER);
    assert_string_equal(config.name, "ledger");
    assert_string_equal(config.home, "./var");
    assert_string_equal(config.bus, "ipc://./var/run/broker.ipc");
    assert_string_equal(config.tap, "ipc://./var/run/tap.ipc");
    assert_string_equal(config.http, "127.0.0.1:9192");
    assert_string_equal(config.currency, "USD");
    assert_true(config.drain == 5000);
    assert_true(config.http_body == 16384);
    assert_true(config.disk_floor == 256u << 20);
}

static void
test_config_read_instance_names_gateways_only(void **state)
{
    struct config config;

    (void)state;
    assert_int_equal(read_as(PROCESS_GATEWAY, &config,
                             LIST("--instance", "b2", "--order-id-stride=2"),
                             NOTHING), RC_OK);
    assert_string_equal(config.name, "gateway-b2");
    assert_int_equal(read_as(PROCESS_BROKER, &config,
                             LIST("--instance", "b2"), NOTHING), RC_OK);
    assert_string_equal(config.name, "broker");
}

static void
test_config_read_longest_home_fits_its_sockets(void **state)
{
    struct config config;
    char home[81];

    (void)state;
    memset(home, 'h', 80);
    home[80] = '\0';
    assert_int_equal(read_as(PROCESS_BROKER, &config, LIST("--home", home),
                             NOTHING), RC_OK);
    assert_int_equal(strlen(config.bus), 6 + 80 + 15);
    assert_true(strlen(config.bus) - 6 <= 107);
}

/* Each source alone and over all weaker ones. */
static void
test_config_read_flag_over_environment_over_file_over_default(void **state)
{
    const char *const flags[] = { "--config", "conf", "--window=4", NULL };
    const char *const no_flags[] = { "--config=conf", NULL };
    struct config config;

    (void)state;
    write_conf("window = 2\n");
    assert_int_equal(read_as(PROCESS_LEDGER, &config, NOTHING, NOTHING),
                     RC_OK);
    assert_true(config.window == 8);
    assert_int_equal(read_as(PROCESS_LEDGER, &config, no_flags, NOTHING),
                     RC_OK);
    assert_true(config.window == 2);
    assert_int_equal(read_as(PROCESS_LEDGER, &config, no_flags,
                             LIST("SAGAPIPE_WINDOW=3")), RC_OK);
    assert_true(config.window == 3);
    assert_int_equal(read_as(PROCESS_LEDGER, &config, flags,
                             LIST("SAGAPIPE_WINDOW=3")), RC_OK);
    assert_true(config.window == 4);
    assert_int_equal(read_as(PROCESS_LEDGER, &config, flags, NOTHING), RC_OK);
    assert_true(config.window == 4);
}

static void
test_config_read_every_knob_from_every_source(void **state)
{
    (void)state;
    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        char name[KNOB_VARIABLE_BYTES];
        char text[CONFIG_STRING_BYTES];
        char flag[KNOB_VARIABLE_BYTES];
        struct config config;

        knob_flag(id, flag);
        assert_int_equal(read_as(PROCESS_BROKER, &config,
                                 LIST(flag, knobs[id].fallback), NOTHING),
                         RC_OK);
        knob_variable(id, name);
        snprintf(text, sizeof text, "%s=%s", name, knobs[id].fallback);
        assert_int_equal(read_as(PROCESS_BROKER, &config, NOTHING, LIST(text)),
                         RC_OK);
        snprintf(text, sizeof text, "%s=%s", knobs[id].name,
                 knobs[id].fallback);
        write_conf(text);
        assert_int_equal(read_as(PROCESS_BROKER, &config,
                                 LIST("--config", "conf"), NOTHING), RC_OK);
    }
}

static void
test_config_read_flag_forms(void **state)
{
    static const char *const forms[][3] = {
        { "--order-id-stride", "7", NULL },
        { "--order-id-stride=7", NULL, NULL },
        { "--order_id_stride", "7", NULL },
        { "--order_id-stride=7", NULL, NULL },
    };
    struct config config;

    (void)state;
    for (size_t index = 0; index < ARRAY_COUNT(forms); index++) {
        assert_int_equal(read_as(PROCESS_GATEWAY, &config, forms[index],
                                 NOTHING), RC_OK);
        assert_true(config.order_id_stride == 7);
    }
    /* of a flag given twice the last counts, as everywhere */
    assert_int_equal(read_as(PROCESS_GATEWAY, &config,
                             LIST("--window=1", "--window=2"), NOTHING),
                     RC_OK);
    assert_true(config.window == 2);
}

static void
test_config_read_file_forms(void **state)
{
    struct config config;

    (void)state;
    write_conf("# all\n"
               "\n"
               "  \t\r\n"
               "   # indented = comment\n"
               "home=/a\n"
               "  currency \t =\t EUR  # of prices\r\n"
               "seed = # nothing\n"
               "instance = a#b\n");
    assert_int_equal(read_as(PROCESS_GATEWAY, &config,
                             LIST("--config", "conf"), NOTHING),
                     RC_MALFORMED);
    assert_string_equal(error, "gateway: instance: \"a#b\" is not made of a-z "
                               "and 0-9 (from conf, line 8)");
    write_conf("home=/a#b=c\n  currency \t =\t EUR  # of prices\r\nseed = # no"
               "\nwindow = 3");
    assert_int_equal(read_as(PROCESS_GATEWAY, &config, NOTHING,
                             LIST("SAGAPIPE_CONFIG=conf")), RC_OK);
    assert_string_equal(config.home, "/a#b=c");
    assert_string_equal(config.currency, "EUR");
    assert_string_equal(config.seed, "");
    assert_true(config.window == 3);
}

static void
test_config_read_flag_names_the_file_over_the_environment(void **state)
{
    struct config config;

    (void)state;
    write_conf("window = 3\n");
    assert_int_equal(read_as(PROCESS_GATEWAY, &config,
                             LIST("--config", "conf"),
                             LIST("SAGAPIPE_CONFIG=/nowhere")), RC_OK);
    assert_true(config.window == 3);
    assert_int_equal(read_as(PROCESS_GATEWAY, &config, NOTHING,
                             LIST("SAGAPIPE_CONFIG=")), RC_OK);
    assert_true(config.window == 8);
}

/* A shell that holds what sagactl asks for may start us, too. */
static void
test_config_072_variables_of_sagactl_are_passed_over(void **state)
{
    struct config config;

    (void)state;
    assert_int_equal(read_as(PROCESS_GATEWAY, &config, NOTHING,
                             LIST("SAGAPIPE_TOKEN=secret",
                                  "SAGAPIPE_URL=http://127.0.0.1:1",
                                  "SAGAPIPE_WINDOW=3")), RC_OK);
    assert_true(config.window == 3);
    assert_string_equal(config.tokens, "");
    assert_int_equal(read_as(PROCESS_GATEWAY, &config, NOTHING,
                             LIST("SAGAPIPE_TOKE=secret")), RC_MALFORMED);
}

/* --- refusals: the exact line --- */

struct refusal_case {
    const char *name;
    const char *arguments[WORDS_MAX];
    const char *environment[WORDS_MAX];
    const char *file; /* NULL: none is named */
    const char *line;
};

static const struct refusal_case refusal_cases[] = {
    { "unknown_flag", { "--htp", "x" }, { 0 }, NULL,
      "gateway: unknown flag \"--htp\" (gateway --help names all)" },
    { "unknown_flag_equals", { "--htp=x" }, { 0 }, NULL,
      "gateway: unknown flag \"--htp\" (gateway --help names all)" },
    { "unknown_flag_hostile", { "--\n\x80" }, { 0 }, NULL,
      "gateway: unknown flag \"--\\n\\x80\" (gateway --help names all)" },
    { "unknown_flag_long", { "--0123456789012345678901234567890123456789" },
      { 0 }, NULL,
      "gateway: unknown flag \"--0123456789012345678901234567890123456789\" "
      "(gateway --help names all)" },
    { "flag_prefix", { "--windo", "1" }, { 0 }, NULL,
      "gateway: unknown flag \"--windo\" (gateway --help names all)" },
    { "help_takes_no_value", { "--help=1" }, { 0 }, NULL,
      "gateway: unknown flag \"--help\" (gateway --help names all)" },
    { "word", { "start" }, { 0 }, NULL,
      "gateway: unexpected argument \"start\"" },
    { "empty_word", { "" }, { 0 }, NULL, "gateway: unexpected argument \"\"" },
    { "single_dash", { "-x" }, { 0 }, NULL,
      "gateway: unexpected argument \"-x\"" },
    { "double_dash", { "--" }, { 0 }, NULL,
      "gateway: unexpected argument \"--\"" },
    { "no_value", { "--http" }, { 0 }, NULL,
      "gateway: \"--http\" needs a value" },
    { "no_config_value", { "--config" }, { 0 }, NULL,
      "gateway: \"--config\" needs a value" },
    { "bad_flag", { "--http", "x" }, { 0 }, NULL,
      "gateway: http: \"x\" is not address:port or [v6]:port (from the flag "
      "--http)" },
    { "empty_flag", { "--http=" }, { 0 }, NULL,
      "gateway: http: \"\" has 0 bytes, not 1 to 64 (from the flag --http)" },
    { "bad_variable", { 0 }, { "SAGAPIPE_HTTP=x" }, NULL,
      "gateway: http: \"x\" is not address:port or [v6]:port (from the "
      "environment, SAGAPIPE_HTTP)" },
    { "bad_variable_behind_flag", { "--http=127.0.0.1:1" },
      { "SAGAPIPE_HTTP=x" }, NULL,
      "gateway: http: \"x\" is not address:port or [v6]:port (from the "
      "environment, SAGAPIPE_HTTP)" },
    { "unknown_variable", { 0 }, { "SAGAPIPE_HTTPS=x" }, NULL,
      "gateway: \"SAGAPIPE_HTTPS\" is no setting (from the environment)" },
    { "small_variable", { 0 }, { "SAGAPIPE_http=127.0.0.1:1" }, NULL,
      "gateway: \"SAGAPIPE_http\" is no setting (from the environment)" },
    { "bare_prefix", { 0 }, { "SAGAPIPE_=1" }, NULL,
      "gateway: \"SAGAPIPE_\" is no setting (from the environment)" },
    { "bad_file_value", { 0 }, { 0 }, "\nwindow = 0\n",
      "gateway: window: \"0\" is not within 1 to 64 (from conf, line 2)" },
    { "unknown_key", { 0 }, { 0 }, "windows = 1\n",
      "gateway: \"windows\" is no setting (from conf, line 1)" },
    { "key_with_dashes", { 0 }, { 0 }, "order-id-stride = 1\n",
      "gateway: \"order-id-stride\" is no setting (from conf, line 1)" },
    { "no_key", { 0 }, { 0 }, "= 1\n",
      "gateway: \"\" is no setting (from conf, line 1)" },
    { "no_equals", { 0 }, { 0 }, "# x\nwindow 1  # y\n",
      "gateway: \"window 1\" is not `name = value` (from conf, line 2)" },
    { "repeated_key", { 0 }, { 0 }, "window = 1\n\nwindow = 1\n",
      "gateway: window: is set before, in line 1 (from conf, line 3)" },
    { "control_in_file", { 0 }, { 0 }, "home = /a\x1b\n",
      "gateway: home: \"/a\\x1b\" has a control character (from conf, line "
      "1)" },
    { "no_file", { "--config", "/nowhere/x y" }, { 0 }, NULL,
      "gateway: config: cannot read \"/nowhere/x y\": No such file or "
      "directory (from the flag --config)" },
    { "no_file_environment", { 0 }, { "SAGAPIPE_CONFIG=nowhere" }, NULL,
      "gateway: config: cannot read \"nowhere\": No such file or directory "
      "(from the environment, SAGAPIPE_CONFIG)" },
    { "directory", { "--config=." }, { 0 }, NULL,
      "gateway: config: cannot read \".\": Is a directory (from the flag "
      "--config)" },
    { "empty_config_flag", { "--config=" }, { 0 }, NULL,
      "gateway: config: cannot read \"\": No such file or directory (from the "
      "flag --config)" },
    { "offset_over_stride", { "--order-id-offset=3", "--order-id-stride=2" },
      { 0 }, NULL,
      "gateway: order_id_offset: \"3\" is more than the order_id_stride, 2 "
      "(from the flag --order-id-offset)" },
    { "offset_over_stride_elsewhere", { "--order-id-stride=2" },
      { "SAGAPIPE_ORDER_ID_OFFSET=3" }, NULL,
      "gateway: order_id_offset: \"3\" is more than the order_id_stride, 2 "
      "(from the environment, SAGAPIPE_ORDER_ID_OFFSET)" },
    { "reachable_without_tokens", { 0 }, { "SAGAPIPE_HTTP=0.0.0.0:80" }, NULL,
      "gateway: http: \"0.0.0.0:80\" is not a loopback address: others could "
      "reach it; configure tokens (SAGAPIPE_TOKENS) first (from the "
      "environment, SAGAPIPE_HTTP)" },
    { "reachable_with_no_tokens", { "--http=[::]:80", "--tokens=" }, { 0 },
      NULL,
      "gateway: http: \"[::]:80\" is not a loopback address: others could "
      "reach it; configure tokens (SAGAPIPE_TOKENS) first (from the flag "
      "--http)" },
    { "print_config_reads_all", { "--print-config", "--window=0" }, { 0 },
      NULL,
      "gateway: window: \"0\" is not within 1 to 64 (from the flag "
      "--window)" },
};

static void
test_config_read_refusal_is_one_exact_line(void **state)
{
    (void)state;
    for (size_t index = 0; index < ARRAY_COUNT(refusal_cases); index++) {
        const struct refusal_case *c = &refusal_cases[index];
        struct config config;
        enum rc rc;

        if (c->file != NULL) {
            write_conf(c->file);
            rc = read_as(PROCESS_GATEWAY, &config, LIST("--config", "conf"),
                         c->environment);
        } else {
            rc = read_as(PROCESS_GATEWAY, &config, c->arguments,
                         c->environment);
        }
        if (rc != RC_MALFORMED || strcmp(error, c->line) != 0)
            fail_msg("%s: %s: %s", c->name, rc_name(rc), error);
    }
}

static void
test_config_read_file_too_large_is_refused(void **state)
{
    static char text[65537];
    struct config config;

    (void)state;
    memset(text, '#', sizeof text);
    write_conf_bytes(text, sizeof text - 1);
    assert_int_equal(read_as(PROCESS_LEDGER, &config, LIST("--config", "conf"),
                             NOTHING), RC_OK);
    write_conf_bytes(text, sizeof text);
    assert_int_equal(read_as(PROCESS_LEDGER, &config, LIST("--config", "conf"),
                             NOTHING), RC_MALFORMED);
    assert_string_equal(error, "ledger: config: \"conf\" has over 65536 bytes "
                               "(from the flag --config)");
}

static void
test_config_read_file_with_nul_is_refused(void **state)
{
    struct config config;

    (void)state;
    write_conf_bytes("window = 1\0\n", 12);
    assert_int_equal(read_as(PROCESS_LEDGER, &config, LIST("--config", "conf"),
                             NOTHING), RC_MALFORMED);
    assert_string_equal(error, "ledger: config: \"conf\" is not a text (from "
                               "the flag --config)");
}

static void
test_config_read_short_error_buffer_is_not_overrun(void **state)
{
    char *argv[] = { strdup("gateway"), strdup("--htp"), NULL };
    char *environment[] = { NULL };
    char small[] = "################";
    struct config config;

    (void)state;
    assert_int_equal(config_read(&config, PROCESS_GATEWAY, 2, argv,
                                 environment, small, 8), RC_MALFORMED);
    assert_string_equal(small, "gateway");
    assert_int_equal(small[8], '#');
    free(argv[0]);
    free(argv[1]);
}

static void
test_config_read_no_arguments_at_all(void **state)
{
    char *argv[] = { NULL };
    struct config config;

    (void)state;
    assert_int_equal(config_read(&config, PROCESS_GATEWAY, 0, argv, argv,
                                 error, sizeof error), RC_OK);
    assert_int_equal(config_read(&config, PROCESS_GATEWAY, 0, argv, NULL,
                                 error, sizeof error), RC_OK);
}

static void
test_config_read_requests_are_not_found(void **state)
{
    static const char *const requests[] = { "--help", "-h", "--version",
                                            "--print-config" };
    struct config config;

    (void)state;
    for (size_t index = 0; index < ARRAY_COUNT(requests); index++)
        assert_int_equal(read_as(PROCESS_GATEWAY, &config,
                                 LIST(requests[index]), NOTHING),
                         RC_NOT_FOUND);
    /* help is given whatever is wrong around it */
    assert_int_equal(read_as(PROCESS_GATEWAY, &config, LIST("-h", "--bogus"),
                             LIST("SAGAPIPE_X=1")), RC_NOT_FOUND);
}

/* --- config_load: a process that exits --- */

struct load {
    enum process self;
    const char *const *arguments;
    const char *variable; /* "NAME=value" or NULL */
};

static void
run_load(void *context)
{
    const struct load *load = context;
    struct words argv = words_of("program", load->arguments);
    struct config config;

    if (load->variable != NULL)
        putenv(strdup(load->variable));
    config_load(&config, load->self, argv.count, argv.list);
    printf("%s %s\n", config.name, config.home);
    words_free(&argv);
}

static struct child child;

static int
load_ends(enum process self, const char *const *arguments,
          const char *variable)
{
    struct load load = { self, arguments, variable };

    child_start(&child, run_load, &load);
    return child_end(&child);
}

static void
test_config_load_all_right_returns(void **state)
{
    (void)state;
    assert_int_equal(load_ends(PROCESS_LEDGER, LIST("--drain=1s"),
                               "SAGAPIPE_HOME=/h"), 0);
    assert_string_equal(child.out.text, "ledger /h\n");
    assert_string_equal(child.err.text, "");
}

static void
test_config_load_refusal_is_one_line_and_exit_100(void **state)
{
    (void)state;
    assert_int_equal(load_ends(PROCESS_GATEWAY, NOTHING, "SAGAPIPE_HTTP=x"),
                     EXIT_USAGE);
    assert_string_equal(child.out.text, "");
    assert_string_equal(child.err.text,
                        "gateway: http: \"x\" is not address:port or "
                        "[v6]:port (from the environment, SAGAPIPE_HTTP)\n");
}

static void
test_config_load_version(void **state)
{
    (void)state;
    assert_int_equal(load_ends(PROCESS_BROKER, LIST("--version"), NULL), 0);
    assert_string_equal(child.out.text,
                        "broker (sagapipe) " SAGAPIPE_VERSION "\n");
    assert_string_equal(child.err.text, "");
}

/* --help names what the process uses, and nothing else, within 80 columns. */
static void
test_config_load_help_names_the_process_knobs(void **state)
{
    (void)state;
    for (enum process self = PROCESS_BROKER; self < PROCESS_COUNT; self++) {
        char usage[64];
        char *line;

        assert_int_equal(load_ends(self, LIST("--help"), "SAGAPIPE_BAD=1"), 0);
        snprintf(usage, sizeof usage, "usage: %s [", process_name(self));
        assert_ptr_equal(strstr(child.out.text, usage), child.out.text);
        assert_non_null(strstr(child.out.text, "100 wrong use"));
        for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
            const bool used = (knobs[id].who & BY(self)) != 0;
            char flag[KNOB_VARIABLE_BYTES];
            char head[2 * KNOB_VARIABLE_BYTES];
            char text[128];

            knob_flag(id, flag);
            snprintf(head, sizeof head, "\n  %s %s ", flag,
                     knob_kind_name(knobs[id].kind));
            snprintf(text, sizeof text, "\n      %s\n", knobs[id].text);
            if ((strstr(child.out.text, head) != NULL) != used ||
                (strstr(child.out.text, text) != NULL) != used)
                fail_msg("%s --help: %s", process_name(self), flag);
        }
        for (line = strtok(child.out.text, "\n"); line != NULL;
             line = strtok(NULL, "\n"))
            assert_true(strlen(line) <= 80);
    }
}

static void
test_config_load_print_config_says_where_from(void **state)
{
    (void)state;
    write_conf("cache = 2097152\ndrain = 120s\nhome = /srv/a b\n");
    assert_int_equal(load_ends(PROCESS_GATEWAY,
                               LIST("--print-config", "--config=conf",
                                    "--window=3", "--currency", "EUR"),
                               "SAGAPIPE_WINDOW=2"), 0);
    assert_string_equal(child.err.text, "");
    for (size_t index = 0; index < 7; index++) {
        static const char *const lines[] = {
            "home = /srv/a b  # from conf, line 3\n",
            "\nbus = ipc:///srv/a b/run/broker.ipc  # made from home\n",
            "\ncurrency = EUR  # from the flag --currency\n",
            "\ndrain = 2m  # from conf, line 2\n",
            "\nwindow = 3  # from the flag --window\n",
            "\ncache = 2m  # from conf, line 1\n",
            "\ntopics =   # the default\n",
        };

        if (strstr(child.out.text, lines[index]) == NULL)
            fail_msg("no %s in %s", lines[index], child.out.text);
    }
    assert_int_equal(load_ends(PROCESS_GATEWAY, LIST("--print-config"),
                               "SAGAPIPE_SEED=x"), 0);
    assert_non_null(strstr(child.out.text, "\nseed = x  # from the "
                                           "environment, SAGAPIPE_SEED\n"));
}

/* What was printed sets every knob to the same value. */
static void
test_config_load_print_config_is_a_file_again(void **state)
{
    const char *const arguments[] = {
        "--home=/a b#c", "--cache=3m", "--drain=1234", "--topics=x,y",
        "--http=[::1]:0", "--retention-time=36h", NULL };
    struct config first;
    struct config again;

    (void)state;
    assert_int_equal(read_as(PROCESS_BROKER, &first, arguments, NOTHING),
                     RC_OK);
    assert_int_equal(load_ends(PROCESS_BROKER,
                               LIST("--print-config", "--home=/a b#c",
                                    "--cache=3m", "--drain=1234",
                                    "--topics=x,y", "--http=[::1]:0",
                                    "--retention-time=36h"), NULL), 0);
    write_conf(child.out.text);
    assert_int_equal(read_as(PROCESS_BROKER, &again, LIST("--config", "conf"),
                             NOTHING), RC_OK);
    assert_memory_equal(&first, &again, sizeof first);
}

/* --- etc/sagapipe.conf --- */

/* One knob as the file has it: its text, and its default commented out. */
static size_t
knob_lines(enum knob_id id, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "\n# %s\n#%s =%s%s\n", knobs[id].text,
                            knobs[id].name,
                            knobs[id].fallback[0] == '\0' ? "" : " ",
                            knobs[id].fallback);
}

static void
test_sagapipe_conf_is_the_table(void **state)
{
    static char text[65536];
    static char table[65536];
    size_t bytes;
    size_t used = 0;
    FILE *file;
    int fd;

    (void)state;
    for (enum knob_id id = 0; id < KNOB_COUNT; id++)
        used += knob_lines(id, table + used, sizeof table - used);
    fd = openat(started_fd, "etc/sagapipe.conf", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    file = fdopen(fd, "r");
    bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = '\0';
    assert_non_null(strstr(text, "\n\n"));
    assert_string_equal(strstr(text, "\n\n") + 1, table);
}

/* Uncommented, it sets everything to its default. */
static void
test_sagapipe_conf_uncommented_changes_nothing(void **state)
{
    static char text[65536];
    struct config plain;
    struct config config;
    size_t used = 0;

    (void)state;
    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        char lines[512];

        knob_lines(id, lines, sizeof lines);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s",
                                 strstr(lines, "\n#") == lines
                                     ? strchr(lines + 2, '#') + 1
                                     : lines);
    }
    write_conf(text);
    assert_int_equal(read_as(PROCESS_BROKER, &plain, NOTHING, NOTHING), RC_OK);
    assert_int_equal(read_as(PROCESS_BROKER, &config,
                             LIST("--config", "conf"), NOTHING), RC_OK);
    assert_memory_equal(&plain, &config, sizeof plain);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_read_defaults_and_derived),
        cmocka_unit_test(test_config_read_instance_names_gateways_only),
        cmocka_unit_test(test_config_read_longest_home_fits_its_sockets),
        cmocka_unit_test(
            test_config_read_flag_over_environment_over_file_over_default),
        cmocka_unit_test(test_config_read_every_knob_from_every_source),
        cmocka_unit_test(test_config_read_flag_forms),
        cmocka_unit_test(test_config_read_file_forms),
        cmocka_unit_test(
            test_config_read_flag_names_the_file_over_the_environment),
        cmocka_unit_test(test_config_072_variables_of_sagactl_are_passed_over),
        cmocka_unit_test(test_config_read_refusal_is_one_exact_line),
        cmocka_unit_test(test_config_read_file_too_large_is_refused),
        cmocka_unit_test(test_config_read_file_with_nul_is_refused),
        cmocka_unit_test(test_config_read_short_error_buffer_is_not_overrun),
        cmocka_unit_test(test_config_read_no_arguments_at_all),
        cmocka_unit_test(test_config_read_requests_are_not_found),
        cmocka_unit_test(test_config_load_all_right_returns),
        cmocka_unit_test(test_config_load_refusal_is_one_line_and_exit_100),
        cmocka_unit_test(test_config_load_version),
        cmocka_unit_test(test_config_load_help_names_the_process_knobs),
        cmocka_unit_test(test_config_load_print_config_says_where_from),
        cmocka_unit_test(test_config_load_print_config_is_a_file_again),
        cmocka_unit_test(test_sagapipe_conf_is_the_table),
        cmocka_unit_test(test_sagapipe_conf_uncommented_changes_nothing),
    };

    clearenv(); /* what the caller's shell has set is no part of a test */
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
