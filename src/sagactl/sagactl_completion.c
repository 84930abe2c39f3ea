#include <stdio.h>
#include <string.h>

#include "saga/topic.h"
#include "sagactl/sagactl.h"

/* What stays the same; the functions that it calls are made from the table. */
static const char script_head[] =
    "# bash completion for sagactl; made by: sagactl completion bash\n"
    "_sagactl() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} command='' count=0 i word\n"
    "    local wanted=''\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]} wanted=''\n"
    "        if [[ $word == -- ]]; then\n"
    "            wanted=@command\n"
    "            break\n"
    "        elif _sagactl_value \"$command\" \"$word\"; then\n"
    "            ((++i < COMP_CWORD)) && wanted=''\n"
    "        elif [[ $word == -* ]]; then\n"
    "            continue\n"
    "        elif _sagactl_command \"${command:+$command }$word\"; then\n"
    "            command+=${command:+ }$word\n"
    "        else\n"
    "            ((++count))\n"
    "        fi\n"
    "    done\n"
    "    if [[ -z $wanted ]]; then\n"
    "        if [[ $current == -* ]]; then\n"
    "            wanted=$(_sagactl_options \"$command\")\n"
    "        else\n"
    "            wanted=$(_sagactl_words \"$command\" \"$count\")\n"
    "        fi\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    case $wanted in\n"
    "        @dir) mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
    "        @file) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
    "        @command) mapfile -t COMPREPLY"
    " < <(compgen -c -- \"$current\") ;;\n"
    "        *) mapfile -t COMPREPLY < <(compgen -W \"$wanted\" --"
    " \"$current\") ;;\n"
    "    esac\n"
    "}\n";

/* What can stand for the word of a usage: "DIR", "asc|desc", "[NUMBER|all]". */
static void
print_choices(const char *word, size_t bytes)
{
    if (bytes >= 2 && word[0] == '[') {
        word++;
        bytes -= 2;
    }
    if (bytes == 3 && memcmp(word, "DIR", 3) == 0)
        printf("@dir");
    else if (bytes == 4 && memcmp(word, "FILE", 4) == 0)
        printf("@file");
    else if (bytes == 5 && memcmp(word, "TOPIC", 5) == 0)
        for (int i = 0; i < TOPIC_COUNT; i++)
            printf("%s ", topic_routes[i].name);
    else
        for (size_t i = 0; i < bytes; i++) {
            size_t from = i;

            while (i < bytes && word[i] != '|')
                i++;
            if (word[from] >= 'a' && word[from] <= 'z')
                printf("%.*s ", (int)(i - from), word + from);
        }
}

static void
print_value_cases(const char *command, const struct sagactl_option *options,
                  size_t count)
{
    for (size_t i = 0; i < count && options[i].name != NULL; i++) {
        if (options[i].value == NULL)
            continue;
        printf("        '%s --%s') wanted='", command, options[i].name);
        print_choices(options[i].value, strlen(options[i].value));
        printf("' ;;\n");
    }
}

/* True, and what may follow in `wanted`, if the word is an option that takes
 * a value. */
static void
print_values(void)
{
    printf("_sagactl_value() {\n    case \"$1 $2\" in\n");
    for (size_t i = 0; i < sagactl_commands_count; i++)
        print_value_cases(sagactl_commands[i].name,
                          sagactl_commands[i].options, ARGS_OPTIONS_MAX);
    for (size_t i = 0; i < sagactl_global_count; i++) {
        const struct sagactl_option *option = &sagactl_global_options[i];

        if (option->value == NULL)
            continue;
        printf("        *' --%s') wanted='", option->name);
        print_choices(option->value, strlen(option->value));
        printf("' ;;\n");
    }
    printf("        *) return 1 ;;\n    esac\n    wanted=${wanted:-@none}\n"
           "}\n");
}

static void
print_options(void)
{
    printf("_sagactl_options() {\n    case $1 in\n");
    for (size_t i = 0; i < sagactl_commands_count; i++) {
        const struct sagactl_option *option = sagactl_commands[i].options;

        if (option->name == NULL)
            continue;
        printf("        '%s') printf '", sagactl_commands[i].name);
        for (; option->name != NULL; option++)
            printf("%%s ");
        printf("'");
        for (option = sagactl_commands[i].options; option->name != NULL;
             option++)
            printf(" --%s", option->name);
        printf(" ;;\n");
    }
    printf("    esac\n    echo '");
    for (size_t i = 0; i < sagactl_global_count; i++)
        printf("--%s ", sagactl_global_options[i].name);
    printf("'\n}\n");
}

/* The length of a name's first word, if it has two and those before it in the
 * table do not begin with that word; else 0. */
static size_t
new_group(size_t row)
{
    const char *name = sagactl_commands[row].name;
    size_t first = strcspn(name, " ");

    if (name[first] == '\0'
        || (row > 0 && strncmp(sagactl_commands[row - 1].name, name,
                               first + 1) == 0))
        return 0;
    return first;
}

static void
print_commands(void)
{
    printf("_sagactl_command() {\n    case $1 in\n");
    for (size_t i = 0; i < sagactl_commands_count; i++) {
        const char *name = sagactl_commands[i].name;
        size_t group = new_group(i);

        if (group > 0)
            printf("        '%.*s') ;;\n", (int)group, name);
        printf("        '%s') ;;\n", name);
    }
    printf("        *) return 1 ;;\n    esac\n}\n");
}

/* The words that may follow `typed`, once each: those of one group stand
 * together in the table. */
static void
print_next_words(const char *typed)
{
    size_t skip = strlen(typed);
    const char *last = "";
    size_t last_bytes = 0;

    for (size_t i = 0; i < sagactl_commands_count; i++) {
        const char *name = sagactl_commands[i].name;
        size_t bytes;

        if (strncmp(name, typed, skip) != 0)
            continue;
        name += skip;
        bytes = strcspn(name, " ");
        if (bytes != last_bytes || memcmp(name, last, bytes) != 0)
            printf("%.*s ", (int)bytes, name);
        last = name;
        last_bytes = bytes;
    }
}

static void
print_arguments(const struct sagactl_command *command)
{
    const char *at = command->arguments;

    for (int i = 0; *at != '\0' && strncmp(at, "--", 2) != 0; i++) {
        size_t bytes = strcspn(at, " ");

        printf("        '%s %d') echo '", command->name, i);
        if (strcmp(command->name, "help") == 0 && i == 0)
            print_next_words("");
        else
            print_choices(at, bytes);
        printf("' ;;\n");
        at += bytes;
        at += strspn(at, " ");
    }
}

static void
print_words(void)
{
    printf("_sagactl_words() {\n    case \"$1 $2\" in\n        ' 0') echo '");
    print_next_words("");
    printf("' ;;\n");
    for (size_t i = 0; i < sagactl_commands_count; i++) {
        size_t first = new_group(i);
        char group[64];

        print_arguments(&sagactl_commands[i]);
        if (first == 0)
            continue;
        snprintf(group, sizeof group, "%.*s ", (int)first,
                 sagactl_commands[i].name);
        printf("        '%s0') echo '", group);
        print_next_words(group);
        printf("' ;;\n");
    }
    printf("    esac\n}\n");
}

int
sagactl_completion(const struct sagactl *ctl, const struct sagactl_args *args)
{
    if (strcmp(args->words[0], "bash") != 0)
        return args_wrong(args, "for bash only");
    if (ctl->json)
        return args_wrong(args, "a script is no JSON");
    printf("%s", script_head);
    print_values();
    print_options();
    print_commands();
    print_words();
    printf("complete -F _sagactl sagactl\n");
    return EXIT_DONE;
}
