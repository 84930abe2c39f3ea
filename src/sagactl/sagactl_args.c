#include "sagactl/sagactl_args.h"

#include <stdio.h>
#include <string.h>

#include "saga/text_writer.h"

#define COMMAND_BYTES 64
#define WHAT_BYTES 160

/* ---- what a row says ---- */

/* How many words may, and must, follow. */
static void
count_words(const struct sagactl_command *command, int *min, int *max)
{
    const char *at = command->arguments;

    *min = *max = 0;
    for (at += strspn(at, " "); *at != '\0' && strncmp(at, "--", 2) != 0;
         at += strspn(at, " ")) {
        *min += *at != '[';
        ++*max;
        at += strcspn(at, " ");
    }
}

static bool
takes_rest(const struct sagactl_command *command)
{
    return strstr(command->arguments, "-- ") != NULL;
}

/* Options stand between the words and "--". */
void
args_usage(const struct sagactl_command *command, char usage[ARGS_USAGE_BYTES])
{
    const char *rest = strstr(command->arguments, "-- ");
    size_t words = rest != NULL ? (size_t)(rest - command->arguments)
                                : strlen(command->arguments);
    struct text_writer writer;

    while (words > 0 && command->arguments[words - 1] == ' ')
        words--;
    text_writer_init(&writer, usage, ARGS_USAGE_BYTES);
    text_put(&writer, command->name);
    text_put(&writer, words > 0 ? " " : "");
    text_put_bytes(&writer, command->arguments, words);
    for (const struct sagactl_option *option = command->options;
         option->name != NULL; option++) {
        text_put(&writer, " [--");
        text_put(&writer, option->name);
        text_put(&writer, option->value != NULL ? " " : "");
        text_put(&writer, option->value != NULL ? option->value : "");
        text_put(&writer, "]");
    }
    text_put(&writer, rest != NULL ? " " : "");
    text_put(&writer, rest != NULL ? rest : "");
    text_end(&writer);
    invariant(!writer.failed);
}

/* ---- what is wrong ---- */

static int
wrong(const struct sagactl_command *command, const char *what)
{
    char usage[ARGS_USAGE_BYTES] = "COMMAND ..., or sagactl --help";

    if (command != NULL)
        args_usage(command, usage);
    fprintf(stderr, "sagactl: usage: sagactl %s%s%s%s\n", usage,
            what != NULL ? " (" : "", what != NULL ? what : "",
            what != NULL ? ")" : "");
    return EXIT_USAGE;
}

int
args_wrong(const struct sagactl_args *args, const char *what)
{
    return wrong(args->command, what);
}

static int
wrong_word(const struct sagactl_args *args, const char *words,
           const char *typed)
{
    char what[WHAT_BYTES];

    snprintf(what, sizeof what, "%s \"%.80s\"", words, typed);
    for (char *at = what; *at != '\0'; at++)
        if ((uint8_t)*at < ' ' || *at == 0x7f)
            *at = '?';
    return wrong(args->command, what);
}

/* ---- reading ---- */

static const struct sagactl_option *
find_option(const struct sagactl_option *options, size_t count,
            const char *name, size_t bytes)
{
    for (size_t i = 0; i < count && options[i].name != NULL; i++)
        if (strlen(options[i].name) == bytes
            && memcmp(options[i].name, name, bytes) == 0)
            return &options[i];
    return NULL;
}

/* Finds the option, and the place of its value. */
static const struct sagactl_option *
find_place(struct sagactl_args *args, const char *name, size_t bytes,
           const char ***value)
{
    const struct sagactl_command *command = args->command;
    const struct sagactl_option *option = NULL;

    if (command != NULL)
        option = find_option(command->options, ARGS_OPTIONS_MAX, name, bytes);
    if (option != NULL) {
        *value = &args->values[option - command->options];
        return option;
    }
    option = find_option(sagactl_global_options, sagactl_global_count, name,
                         bytes);
    if (option != NULL)
        *value = &args->globals[option - sagactl_global_options];
    return option;
}

/* argv[*at] begins with "--". */
static int
read_option(struct sagactl_args *args, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2;
    size_t bytes = strcspn(name, "=");
    bool joined = name[bytes] == '=';
    const char **value;
    const struct sagactl_option *option =
        find_place(args, name, bytes, &value);

    if (option == NULL)
        return wrong_word(args, "no such option:", argv[*at]);
    if (*value != NULL)
        return wrong_word(args, "given twice:", argv[*at]);
    if (option->value == NULL) {
        if (joined)
            return wrong_word(args, "it takes no value:", argv[*at]);
        *value = "";
    } else if (joined)
        *value = name + bytes + 1;
    else if (*at + 1 < argc)
        *value = argv[++*at];
    else
        return wrong_word(args, "it needs a value:", argv[*at]);
    return EXIT_DONE;
}

/* The row of that name; *is_group: it is the first word of some. */
static const struct sagactl_command *
find_command(const char *name, bool *is_group)
{
    size_t bytes = strlen(name);

    *is_group = false;
    for (size_t i = 0; i < sagactl_commands_count; i++) {
        const char *row = sagactl_commands[i].name;

        if (strncmp(row, name, bytes) != 0)
            continue;
        if (row[bytes] == '\0')
            return &sagactl_commands[i];
        *is_group = *is_group || row[bytes] == ' ';
    }
    return NULL;
}

/* One word of the command's name, or one behind it. */
static int
read_word(struct sagactl_args *args, const char *word)
{
    char name[COMMAND_BYTES];
    struct text_writer writer;
    bool is_group;

    if (args->command != NULL) {
        if (args->count == ARGS_WORDS_MAX)
            return wrong_word(args, "too much:", word);
        args->words[args->count++] = word;
        return EXIT_DONE;
    }
    text_writer_init(&writer, name, sizeof name);
    text_put(&writer, args->group != NULL ? args->group : "");
    text_put(&writer, args->group != NULL ? " " : "");
    text_put(&writer, word);
    text_end(&writer);
    if (writer.failed)
        return wrong_word(args, "no such command:", word);
    args->command = find_command(name, &is_group);
    if (args->command != NULL)
        return EXIT_DONE;
    if (!is_group || args->group != NULL)
        return wrong_word(args, "no such command:", name);
    args->group = word;
    return EXIT_DONE;
}

/* The first word of some commands, and nothing behind it. */
static int
wrong_group(const char *group)
{
    size_t bytes = strlen(group);

    fprintf(stderr, "sagactl: usage: sagactl %s", group);
    for (size_t i = 0, found = 0; i < sagactl_commands_count; i++)
        if (strncmp(sagactl_commands[i].name, group, bytes) == 0
            && sagactl_commands[i].name[bytes] == ' ')
            fprintf(stderr, "%c%s", found++ == 0 ? ' ' : '|',
                    sagactl_commands[i].name + bytes + 1);
    fprintf(stderr, " ...\n");
    return EXIT_USAGE;
}

static int
check_count(const struct sagactl_args *args)
{
    int min, max;

    if (args->command == NULL)
        return args->group != NULL ? wrong_group(args->group) : EXIT_DONE;
    count_words(args->command, &min, &max);
    if (args->count > max)
        return wrong_word(args, "too much:", args->words[max]);
    if (args->count < min)
        return args_wrong(args, NULL);
    if (takes_rest(args->command) != (args->rest != NULL))
        return args_wrong(args, NULL);
    return EXIT_DONE;
}

int
args_read(struct sagactl_args *args, int argc, char **argv)
{
    static char help[] = "--help"; /* argv outlives us */
    int code = EXIT_DONE;

    *args = (struct sagactl_args){ 0 };
    for (int i = 1; i < argc && code == EXIT_DONE; i++) {
        if (strcmp(argv[i], "-h") == 0)
            argv[i] = help;
        if (strcmp(argv[i], "--") == 0) {
            args->rest = &argv[i + 1];
            break;
        }
        if (strncmp(argv[i], "--", 2) == 0)
            code = read_option(args, argc, argv, &i);
        else if (argv[i][0] == '-' && argv[i][1] != '\0')
            code = wrong_word(args, "no such option:", argv[i]);
        else
            code = read_word(args, argv[i]);
    }
    if (code != EXIT_DONE || args_global(args, "help") != NULL
        || args_global(args, "version") != NULL)
        return code;
    return check_count(args);
}

const char *
args_value(const struct sagactl_args *args, const char *name)
{
    const struct sagactl_option *options = args->command->options;
    const struct sagactl_option *option =
        find_option(options, ARGS_OPTIONS_MAX, name, strlen(name));

    invariant(option != NULL);
    return args->values[option - options];
}

const char *
args_global(const struct sagactl_args *args, const char *name)
{
    const struct sagactl_option *option = find_option(
        sagactl_global_options, sagactl_global_count, name, strlen(name));

    invariant(option != NULL);
    return args->globals[option - sagactl_global_options];
}

/* ---- values ---- */

bool
args_number(const struct sagactl_args *args, const char *what,
            const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    char words[WHAT_BYTES];
    uint64_t number = 0;
    bool right = digits > 0 && digits <= 19 && text[digits] == '\0';

    for (size_t i = 0; right && i < digits; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    if (right && number >= min && number <= max) {
        *out = number;
        return true;
    }
    snprintf(words, sizeof words, "%s is a number from %llu to %llu, not",
             what, (unsigned long long)min, (unsigned long long)max);
    wrong_word(args, words, text);
    return false;
}

bool
args_amount(const struct sagactl_args *args, const char *what,
            const char *text)
{
    char words[WHAT_BYTES];
    struct money amount;

    if (money_parse(text, strlen(text), &amount) == RC_OK
        && amount.minor >= 0)
        return true;
    snprintf(words, sizeof words, "%s is an amount like 25.00, not", what);
    wrong_word(args, words, text);
    return false;
}
