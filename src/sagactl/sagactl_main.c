#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/config.h"
#include "saga/log.h"
#include "sagactl/sagactl.h"
#include "sagactl/sagactl_out.h"

/* The first that is given and not empty. */
static const char *
either(const char *option, const char *variable, const char *fallback)
{
    const char *value = option != NULL ? option : getenv(variable);

    return value != NULL && *value != '\0' ? value : fallback;
}

static bool
colour_wanted(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) == 1
           && (no_colour == NULL || *no_colour == '\0')
           && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static int
run(const struct sagactl *ctl, const struct sagactl_args *args)
{
    if (args_global(args, "version") != NULL) {
        printf(ctl->json ? "{\"version\":\"%s\"}\n" : "sagactl %s\n",
               SAGAPIPE_VERSION);
        return EXIT_DONE;
    }
    if (args_global(args, "help") != NULL)
        return sagactl_help(ctl, args);
    if (args->command == NULL)
        return args_wrong(args, NULL);
    return args->command->run(ctl, args);
}

int
main(int argc, char **argv)
{
    struct sagactl_args args;
    struct sagactl ctl;
    int code;

    log_open("sagactl");
    signal(SIGPIPE, SIG_IGN); /* a reader that goes is no failure: out.h */
    code = args_read(&args, argc, argv);
    if (code != EXIT_DONE)
        return code;
    ctl = (struct sagactl){
        .home = either(args_global(&args, "home"), "SAGAPIPE_HOME", "./var"),
        .url = either(args_global(&args, "url"), "SAGAPIPE_URL", NULL),
        .token_file = args_global(&args, "token-file"),
        .json = args_global(&args, "json") != NULL,
        .colour = colour_wanted(),
    };
    return out_finish(run(&ctl, &args));
}
