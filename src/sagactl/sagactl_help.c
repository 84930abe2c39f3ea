#include <stdio.h>
#include <string.h>

#include "sagactl/sagactl.h"

#define COLUMNS 78
#define USAGE_COLUMN 40
#define OPTION_COLUMN 20
#define NAME_BYTES 64

/* Words, folded at the column, each line `indent` in. */
static void
print_folded(const char *text, int indent)
{
    int column = 0;

    while (*text != '\0') {
        int bytes = (int)strcspn(text, " ");

        if (column > 0 && column + 1 + bytes > COLUMNS) {
            printf("\n");
            column = 0;
        }
        printf("%*s%.*s", column == 0 ? indent : 1, "", bytes, text);
        column += bytes + (column == 0 ? indent : 1);
        text += bytes;
        text += strspn(text, " ");
    }
    printf("\n");
}

static void
print_options(const struct sagactl_option *options, size_t count)
{
    for (size_t i = 0; i < count && options[i].name != NULL; i++) {
        int used = printf("  --%s%s%s", options[i].name,
                          options[i].value != NULL ? " " : "",
                          options[i].value != NULL ? options[i].value : "");

        printf("%*s%s\n", used < OPTION_COLUMN + 2 ? OPTION_COLUMN + 2 - used
                                                   : 1,
               "", options[i].text);
    }
}

static void
print_line(const struct sagactl_command *command)
{
    int used = printf("  %s%s%s", command->name,
                      *command->arguments != '\0' ? " " : "",
                      command->arguments);

    if (used >= USAGE_COLUMN)
        printf("\n%*s", USAGE_COLUMN, "");
    else
        printf("%*s", USAGE_COLUMN - used, "");
    printf("%s\n", command->summary);
}

static void
print_text(void)
{
    printf("usage: sagactl [OPTION...] COMMAND ...\n\n");
    for (size_t i = 0; i < sagactl_commands_count; i++)
        print_line(&sagactl_commands[i]);
    printf("\noptions of every command:\n");
    print_options(sagactl_global_options, sagactl_global_count);
    printf("\nexit status: 0 done; 1 it is not as it should be, not found or "
           "refused;\n100 wrong use, or this home is no pipeline's; 111 "
           "it does not run or answer,\nor the system failed us\n\n"
           "sagactl help COMMAND explains one.\n");
}

static void
print_one(const struct sagactl_command *command)
{
    char usage[ARGS_USAGE_BYTES];

    args_usage(command, usage);
    printf("usage: sagactl %s\n\n", usage);
    print_folded(command->detail, 0);
    if (command->options[0].name != NULL) {
        printf("\n");
        print_options(command->options, ARGS_OPTIONS_MAX);
    }
}

/* ---- as JSON: a row of the table is one object ---- */

static json_t *
options_json(const struct sagactl_command *command)
{
    const struct sagactl_option *option = command->options;
    json_t *list = json_array();

    for (; option->name != NULL; option++)
        json_array_append_new(
            list, json_pack("{s:s, s:s?, s:s}", "name", option->name, "value",
                            option->value, "text", option->text));
    return list;
}

static void
print_json(const struct sagactl_command *command)
{
    json_t *row = json_pack(
        "{s:s, s:s, s:s, s:s, s:o}", "command", command->name, "arguments",
        command->arguments, "summary", command->summary, "detail",
        command->detail, "options", options_json(command));

    json_dumpf(row, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(row);
}

/* ---- the command ---- */

static void
print_all(const struct sagactl *ctl)
{
    if (!ctl->json)
        print_text();
    for (size_t i = 0; i < sagactl_commands_count && ctl->json; i++)
        print_json(&sagactl_commands[i]);
}

/* One command, or those of a group; false if there is none. */
static bool
print_named(const struct sagactl *ctl, const char *name)
{
    size_t bytes = strlen(name);
    bool found = false;

    for (size_t i = 0; i < sagactl_commands_count; i++) {
        const struct sagactl_command *command = &sagactl_commands[i];

        if (strcmp(command->name, name) == 0) {
            ctl->json ? print_json(command) : print_one(command);
            return true;
        }
        if (strncmp(command->name, name, bytes) == 0
            && command->name[bytes] == ' ') {
            ctl->json ? print_json(command) : print_line(command);
            found = true;
        }
    }
    return found;
}

int
sagactl_help(const struct sagactl *ctl, const struct sagactl_args *args)
{
    char name[NAME_BYTES];

    if (args->command == NULL && args->group != NULL) { /* GROUP --help */
        print_named(ctl, args->group);
        return EXIT_DONE;
    }
    if (args->command == NULL || (args->command->run == sagactl_help
                                  && args->count == 0)) {
        print_all(ctl);
        return EXIT_DONE;
    }
    if (args->command->run != sagactl_help) { /* COMMAND --help */
        print_named(ctl, args->command->name);
        return EXIT_DONE;
    }
    snprintf(name, sizeof name, "%s%s%s", args->words[0],
             args->count > 1 ? " " : "", args->count > 1 ? args->words[1] : "");
    if (print_named(ctl, name))
        return EXIT_DONE;
    return args_wrong(args, "there is no such command");
}
