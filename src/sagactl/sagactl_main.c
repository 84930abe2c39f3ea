#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/log.h"
#include "sagactl/sagactl.h"

static const struct {
    const char *name;
    sagactl_fn *run;
    const char *text;
} commands[] = {
    { "verify", sagactl_verify,
      "verify [--offline | --copy DIR]   prove that no cent is lost" },
    { "parked", sagactl_parked,
      "parked list|show|redrive|drop     events that wait for you" },
    { "backup", sagactl_backup,
      "backup DIR                        copy all stores while they work" },
    { "restore", sagactl_restore,
      "restore DIR                       into a home that has no stores" },
};

static void
print_help(void)
{
    size_t i;

    printf("usage: sagactl [--home DIR] [--json] COMMAND ...\n\n");
    for (i = 0; i < ARRAY_COUNT(commands); i++)
        printf("  %s\n", commands[i].text);
    printf("\n--home: the pipeline's SAGAPIPE_HOME (default: that variable, "
           "else ./var)\n"
           "--json: the result as JSON\n\n"
           "exit status: 0 done; 1 it is not as it should be; 100 wrong use; "
           "111 the system\nfailed us\n");
}

int
sagactl_usage(const char *usage)
{
    fprintf(stderr, "sagactl: usage: sagactl %s\n", usage);
    return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "home", required_argument, NULL, 'h' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, '?' },
        { NULL, 0, NULL, 0 },
    };
    struct sagactl ctl = { .home = getenv("SAGAPIPE_HOME") };
    size_t i;
    int option;

    log_open("sagactl");
    if (ctl.home == NULL || *ctl.home == '\0')
        ctl.home = "./var";
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == 'h')
            ctl.home = optarg;
        else if (option == 'j')
            ctl.json = true;
        else if (optopt != 0 || strcmp(argv[optind - 1], "--help") != 0)
            return sagactl_usage("[--home DIR] [--json] COMMAND, or --help");
        else {
            print_help();
            return EXIT_DONE;
        }
    }
    for (i = 0; optind < argc && i < ARRAY_COUNT(commands); i++)
        if (strcmp(argv[optind], commands[i].name) == 0)
            return commands[i].run(&ctl, argc - optind, argv + optind);
    return sagactl_usage("[--home DIR] [--json] verify|parked|backup|restore, "
                         "or --help");
}
