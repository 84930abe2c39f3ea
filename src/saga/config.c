#include "saga/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "saga/config_reading.h"
#include "saga/quote.h"

#define FILE_BYTES_MAX 65536
#define QUOTED_BYTES 160

static const char variable_prefix[] = "SAGAPIPE_";

struct special {
    const char *name;
    enum request request;
};

static const struct special specials[] = {
    { "help", REQUEST_HELP },
    { "version", REQUEST_VERSION },
    { "print-config", REQUEST_PRINT },
};

static enum rc refuse(struct reading *reading, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* The one line that tells what is wrong. */
static enum rc
refuse(struct reading *reading, const char *format, ...)
{
    char words[LINE_ERROR_BYTES];
    va_list values;

    va_start(values, format);
    vsnprintf(words, sizeof words, format, values);
    va_end(values);
    snprintf(reading->error, reading->error_bytes, "%s: %s",
             reading->name, words);
    return RC_MALFORMED;
}

/* Foreign text as it stands in a refusal. */
static const char *
quoted(char out[QUOTED_BYTES], const char *text, size_t bytes)
{
    quote_text(out, QUOTED_BYTES, text, bytes, QUOTE_ALWAYS);
    return out;
}

static enum rc
set(struct reading *reading, enum knob_id id, const char *value,
    struct origin origin)
{
    char words[KNOB_WORDS_BYTES];
    char from[ORIGIN_BYTES];

    reading->origins[id] = origin;
    if (knob_parse(id, value, reading->config, words) == RC_OK)
        return RC_OK;
    origin_text(origin, id, reading->path, from);
    return refuse(reading, "%s: %s (%s)", knobs[id].name, words, from);
}

/* --- flags --- */

static const struct special *
special_find(const char *name, size_t bytes)
{
    for (size_t index = 0; index < ARRAY_COUNT(specials); index++) {
        const struct special *special = &specials[index];

        if (strlen(special->name) == bytes &&
            memcmp(special->name, name, bytes) == 0)
            return special;
    }
    return NULL;
}

/* The flag's name as the table has it: '_' for '-'. */
static enum knob_id
flag_find(const char *name, size_t bytes)
{
    char knob_name[KNOB_NAME_BYTES];

    if (bytes >= sizeof knob_name)
        return KNOB_COUNT;
    for (size_t index = 0; index < bytes; index++)
        knob_name[index] = name[index] == '-' ? '_' : name[index];
    return knob_find(knob_name, bytes);
}

/* What follows "--name": "=value" in the same argument, or the next one. */
static const char *
flag_value(const char *behind_name, int argc, char **argv, int *index)
{
    if (*behind_name == '=')
        return behind_name + 1;
    return *index + 1 < argc ? argv[++*index] : NULL;
}

static enum rc
take_flag(struct reading *reading, int argc, char **argv, int *index)
{
    const char *flag = argv[*index];
    const char *name = flag + 2;
    const size_t bytes = strcspn(name, "=");
    const bool is_config = bytes == 6 && memcmp(name, "config", 6) == 0;
    const enum knob_id id = flag_find(name, bytes);
    const char *value;
    char text[QUOTED_BYTES];

    if (!is_config && id == KNOB_COUNT)
        return refuse(reading, "unknown flag %s (%s --help names all)",
                      quoted(text, flag, bytes + 2),
                      reading->name);
    value = flag_value(name + bytes, argc, argv, index);
    if (value == NULL)
        return refuse(reading, "%s needs a value",
                      quoted(text, flag, strlen(flag)));
    if (is_config) {
        reading->path = value;
        reading->path_from = "from the flag --config";
    } else {
        reading->flags[id] = value;
    }
    return RC_OK;
}

/* --help and --version end the reading where they stand. */
static enum rc
take_flags(struct reading *reading, int argc, char **argv)
{
    for (int index = 1; index < argc; index++) {
        const char *flag = argv[index];
        const struct special *special = NULL;
        char text[QUOTED_BYTES];
        enum rc rc;

        if (strcmp(flag, "-h") == 0)
            special = &specials[0];
        else if (strncmp(flag, "--", 2) != 0 || flag[2] == '\0')
            return refuse(reading, "unexpected argument %s",
                          quoted(text, flag, strlen(flag)));
        else
            special = special_find(flag + 2, strlen(flag + 2));
        if (special != NULL) {
            reading->request = special->request;
            if (special->request != REQUEST_PRINT)
                return RC_OK;
            continue;
        }
        rc = take_flag(reading, argc, argv, &index);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* --- environment --- */

static enum knob_id
variable_find(const char *name, size_t bytes)
{
    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        char variable[KNOB_VARIABLE_BYTES];

        knob_variable(id, variable);
        if (strlen(variable) == bytes && memcmp(variable, name, bytes) == 0)
            return id;
    }
    return KNOB_COUNT;
}

/* What sagactl asks for: a shell that holds it may start us, too. */
static bool
is_sagactls(const char *variable, size_t bytes)
{
    static const char *const names[] = { "SAGAPIPE_URL", "SAGAPIPE_TOKEN" };

    for (size_t index = 0; index < ARRAY_COUNT(names); index++) {
        if (strlen(names[index]) == bytes &&
            memcmp(names[index], variable, bytes) == 0)
            return true;
    }
    return false;
}

static enum rc
take_variable(struct reading *reading, const char *variable)
{
    static const char config_name[] = "SAGAPIPE_CONFIG";
    const size_t bytes = strcspn(variable, "=");
    const char *value = variable + bytes + (variable[bytes] == '=');
    const enum knob_id id = variable_find(variable, bytes);
    char text[QUOTED_BYTES];

    if (id != KNOB_COUNT) {
        reading->variables[id] = value;
        return RC_OK;
    }
    if (is_sagactls(variable, bytes))
        return RC_OK;
    if (bytes != sizeof config_name - 1 ||
        memcmp(variable, config_name, bytes) != 0)
        return refuse(reading, "%s is no setting (from the environment)",
                      quoted(text, variable, bytes));
    if (reading->path == NULL && value[0] != '\0') {
        reading->path = value;
        reading->path_from = "from the environment, SAGAPIPE_CONFIG";
    }
    return RC_OK;
}

static enum rc
take_environment(struct reading *reading, char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        enum rc rc;

        if (strncmp(*environment, variable_prefix,
                    sizeof variable_prefix - 1) != 0)
            continue;
        rc = take_variable(reading, *environment);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* --- the file --- */

static bool
is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Cuts blanks off both ends of [*begin_p, end) and ends it with a NUL. */
static void
trim(char **begin_p, char *end)
{
    while (*begin_p < end && is_blank(**begin_p))
        (*begin_p)++;
    while (end > *begin_p && is_blank(end[-1]))
        end--;
    *end = '\0';
}

/* A '#' first or behind a blank begins a comment. */
static char *
comment_find(char *line)
{
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '#' && (at == line || is_blank(at[-1])))
            return at;
    }
    return line + strlen(line);
}

static enum rc
take_line(struct reading *reading, char *line, unsigned number)
{
    const struct origin origin = { ORIGIN_FILE, number };
    char from[ORIGIN_BYTES];
    char text[QUOTED_BYTES];
    char *end = comment_find(line);
    char *equals;
    char *value;
    enum knob_id id;

    trim(&line, end);
    if (line[0] == '\0')
        return RC_OK;
    origin_text(origin, KNOB_COUNT, reading->path, from);
    equals = strchr(line, '=');
    if (equals == NULL)
        return refuse(reading, "%s is not `name = value` (%s)",
                      quoted(text, line, strlen(line)), from);
    value = equals + 1;
    trim(&value, value + strlen(value));
    trim(&line, equals);
    id = knob_find(line, strlen(line));
    if (id == KNOB_COUNT)
        return refuse(reading, "%s is no setting (%s)",
                      quoted(text, line, strlen(line)), from);
    if (reading->origins[id].source == ORIGIN_FILE)
        return refuse(reading, "%s: is set before, in line %u (%s)",
                      knobs[id].name, reading->origins[id].line, from);
    return set(reading, id, value, origin);
}

static enum rc
take_lines(struct reading *reading, char *text)
{
    unsigned number = 0;

    while (text != NULL) {
        char *line = strsep(&text, "\n");
        enum rc rc = take_line(reading, line, ++number);

        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc
take_file(struct reading *reading)
{
    char content[FILE_BYTES_MAX + 1];
    char text[QUOTED_BYTES];
    size_t bytes = 0;
    int failure = 0;
    FILE *file;

    quoted(text, reading->path, strlen(reading->path));
    errno = 0;
    file = fopen(reading->path, "re");
    if (file != NULL) {
        bytes = fread(content, 1, sizeof content, file);
        failure = ferror(file) ? errno : 0;
        fclose(file);
    }
    if (file == NULL || failure != 0)
        return refuse(reading, "config: cannot read %s: %s (%s)", text,
                      strerror(file == NULL ? errno : failure),
                      reading->path_from);
    if (bytes > FILE_BYTES_MAX)
        return refuse(reading, "config: %s has over %d bytes (%s)", text,
                      FILE_BYTES_MAX, reading->path_from);
    if (memchr(content, '\0', bytes) != NULL)
        return refuse(reading, "config: %s is not a text (%s)", text,
                      reading->path_from);
    content[bytes] = '\0';
    return take_lines(reading, content);
}

/* --- all together --- */

/* Whoever can reach the gateway must show a token. */
static enum rc
check_reach(struct reading *reading)
{
    const struct config *config = reading->config;
    char from[ORIGIN_BYTES];

    if (config->tokens[0] != '\0' || knob_http_is_loopback(config->http))
        return RC_OK;
    origin_text(reading->origins[KNOB_http], KNOB_http, reading->path, from);
    return refuse(reading, "http: \"%s\" is not a loopback address: others "
                  "could reach it; configure tokens (SAGAPIPE_TOKENS) first "
                  "(%s)", config->http, from);
}

/* A second payment or ledger would decide, and number, everything once more;
 * and two gateways must not give the same order id. */
static enum rc
check_instance(struct reading *reading)
{
    const struct config *config = reading->config;
    bool single = reading->self == PROCESS_PAYMENT ||
                  reading->self == PROCESS_LEDGER;
    bool collides = reading->self == PROCESS_GATEWAY &&
                    config->order_id_stride == 1;
    char from[ORIGIN_BYTES];

    if (config->instance[0] == '\0' || (!single && !collides))
        return RC_OK;
    origin_text(reading->origins[KNOB_instance], KNOB_instance, reading->path,
                from);
    if (single)
        return refuse(reading, "instance: \"%s\": there is one %s, only "
                      "gateways can be several (%s)", config->instance,
                      reading->name, from);
    return refuse(reading, "instance: \"%s\": several gateways need an "
                  "order_id_stride of 2 or more, the same for all, and each "
                  "its own order_id_offset (%s)", config->instance, from);
}

/* Laws between two knobs, and what is made from others. */
static enum rc
complete(struct reading *reading)
{
    const struct origin made = { ORIGIN_HOME, 0 };
    struct config *config = reading->config;
    char from[ORIGIN_BYTES];

    if (config->order_id_offset > config->order_id_stride) {
        origin_text(reading->origins[KNOB_order_id_offset],
                    KNOB_order_id_offset, reading->path, from);
        return refuse(reading,
                      "order_id_offset: \"%ju\" is more than the "
                      "order_id_stride, %ju (%s)",
                      (uintmax_t)config->order_id_offset,
                      (uintmax_t)config->order_id_stride, from);
    }
    if (check_instance(reading) != RC_OK)
        return RC_MALFORMED;
    if (config->bus[0] == '\0') {
        snprintf(config->bus, sizeof config->bus, "ipc://%.*s/run/broker.ipc",
                 CONFIG_STRING_BYTES - 32, config->home);
        reading->origins[KNOB_bus] = made;
    }
    if (config->tap[0] == '\0') {
        snprintf(config->tap, sizeof config->tap, "ipc://%.*s/run/tap.ipc",
                 CONFIG_STRING_BYTES - 32, config->home);
        reading->origins[KNOB_tap] = made;
    }
    config->self = reading->self;
    snprintf(config->name, sizeof config->name, "%s", reading->name);
    if (config->instance[0] != '\0' && reading->self == PROCESS_GATEWAY)
        snprintf(config->name, sizeof config->name, "%s-%.8s", reading->name,
                 config->instance);
    return RC_OK;
}

/* The one loop over the one table: the strongest source wins. */
static enum rc
set_all(struct reading *reading)
{
    const struct origin flag = { ORIGIN_FLAG, 0 };
    const struct origin variable = { ORIGIN_ENVIRONMENT, 0 };

    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        enum rc rc = RC_OK;

        if (reading->variables[id] != NULL)
            rc = set(reading, id, reading->variables[id], variable);
        if (rc == RC_OK && reading->flags[id] != NULL)
            rc = set(reading, id, reading->flags[id], flag);
        if (rc != RC_OK)
            return rc;
    }
    return check_reach(reading) == RC_OK ? complete(reading) : RC_MALFORMED;
}

enum rc
config_read_all(struct reading *reading, int argc, char **argv,
         char *const *environment)
{
    enum rc rc = take_flags(reading, argc, argv);

    if (rc != RC_OK || reading->request == REQUEST_HELP ||
        reading->request == REQUEST_VERSION)
        return rc;
    for (enum knob_id id = 0; id < KNOB_COUNT && rc == RC_OK; id++)
        rc = set(reading, id, knobs[id].fallback, (struct origin){ 0 });
    if (rc == RC_OK)
        rc = take_environment(reading, environment);
    if (rc == RC_OK && reading->path != NULL)
        rc = take_file(reading);
    if (rc == RC_OK)
        rc = set_all(reading);
    return rc;
}

struct reading
config_reading(struct config *config, enum process self, char *error,
           size_t error_bytes)
{
    memset(config, 0, sizeof *config);
    return (struct reading){ .self = self,
                             .name = process_name(self),
                             .config = config,
                             .error = error,
                             .error_bytes = error_bytes };
}

enum rc
config_read(struct config *config, enum process self, int argc, char **argv,
            char *const *environment, char *error, size_t error_bytes)
{
    struct reading reading = config_reading(config, self, error, error_bytes);
    const enum rc rc = config_read_all(&reading, argc, argv, environment);

    if (rc == RC_OK && reading.request != REQUEST_RUN)
        return RC_NOT_FOUND;
    return rc;
}
