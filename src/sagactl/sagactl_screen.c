#include "sagactl/sagactl_screen.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ROWS_DEFAULT 24
#define COLUMNS_DEFAULT 80
#define ENTER "\033[?1049h\033[?25l" /* alternate screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"

static void
put(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

static void
enter(struct screen *screen)
{
    struct termios raw = screen->before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    if (screen->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    put(ENTER);
}

static void
leave(struct screen *screen)
{
    put(LEAVE);
    if (screen->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

bool
screen_open(struct screen *screen)
{
    static const int signals[] = { SIGINT,  SIGTERM, SIGHUP,
                                   SIGQUIT, SIGTSTP, SIGWINCH };
    sigset_t set;

    if (isatty(STDOUT_FILENO) != 1)
        return false;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    screen->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    screen->has_keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
    enter(screen);
    return screen->signal_fd >= 0;
}

void
screen_close(struct screen *screen)
{
    leave(screen);
    close(screen->signal_fd);
}

/* ---- drawing ---- */

/* The end of what fits: escapes take no column, and neither do the octets of
 * a character behind its first. */
static const char *
cut(const char *at, const char *end, unsigned columns)
{
    unsigned used = 0;

    while (at < end) {
        if (*at == '\033') {
            while (at < end && *at != 'm')
                at++;
        } else if (((uint8_t)*at & 0xc0) != 0x80 && ++used > columns)
            return at;
        at += at < end;
    }
    return end;
}

void
screen_draw(const char *text, size_t bytes)
{
    struct winsize size = { 0 };
    const char *end = text + bytes, *line_end;
    unsigned row;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) {
        size.ws_row = ROWS_DEFAULT;
        size.ws_col = COLUMNS_DEFAULT;
    }
    fputs("\033[H", stdout);
    for (row = 0; row < size.ws_row && text < end; row++) {
        line_end = memchr(text, '\n', (size_t)(end - text));
        if (line_end == NULL)
            line_end = end;
        fwrite(text, 1, (size_t)(cut(text, line_end, size.ws_col) - text),
               stdout);
        fputs("\033[0m\033[K", stdout);
        if (row + 1 < size.ws_row)
            fputs("\r\n", stdout);
        text = line_end + (line_end < end);
    }
    put(row < size.ws_row ? "\033[J" : "");
}

/* ---- what happens ---- */

static enum screen_event
on_signal(struct screen *screen)
{
    struct signalfd_siginfo info;

    if (read(screen->signal_fd, &info, sizeof info) != sizeof info)
        return SCREEN_END;
    if (info.ssi_signo == SIGWINCH)
        return SCREEN_DRAW;
    if (info.ssi_signo != SIGTSTP)
        return SCREEN_END;
    leave(screen);
    kill(getpid(), SIGSTOP);
    enter(screen); /* somebody continued us */
    return SCREEN_DRAW;
}

enum screen_event
screen_wait(struct screen *screen, int timeout_ms)
{
    struct pollfd waits[] = {
        { .fd = screen->signal_fd, .events = POLLIN },
        { .fd = screen->has_keys ? STDIN_FILENO : -1, .events = POLLIN },
    };
    char key = '\0';

    if (poll(waits, ARRAY_COUNT(waits), timeout_ms) <= 0)
        return SCREEN_TIME;
    if (waits[0].revents != 0)
        return on_signal(screen);
    if (read(STDIN_FILENO, &key, 1) <= 0) {
        screen->has_keys = false; /* the terminal went: SIGHUP follows */
        return SCREEN_DRAW;
    }
    return key == 'q' || key == 'Q' ? SCREEN_END : SCREEN_DRAW;
}
