#include "saga/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "saga/quote.h"

#define PROCESS_BYTES 32
#define QUOTES_COUNT 4
#define QUOTE_BYTES 257 /* 256 and the NUL */
#define TIME_BYTES 48

static const char cut_mark[] = " cut=true\n";

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_FATAL] = "fatal",
};
/* syslog's, of one digit. */
static const char journal_levels[] = {
    [LOG_LEVEL_DEBUG] = '7', [LOG_LEVEL_INFO] = '6',
    [LOG_LEVEL_WARNING] = '4', [LOG_LEVEL_ERROR] = '3',
    [LOG_LEVEL_FATAL] = '2',
};

/* Set once, by log_open(), before any thread starts. */
static char process[PROCESS_BYTES] = "sagapipe";
static bool to_journal;

static _Thread_local char line_buffer[LOG_LINE_BYTES_MAX + 1];
static _Thread_local char quote_buffers[QUOTES_COUNT][QUOTE_BYTES];
static _Thread_local unsigned quote_turn;

/* The second's text is kept: gmtime is the dear part of a line. */
static _Thread_local time_t text_second = -1;
static _Thread_local char text_of_second[TIME_BYTES];

/* journald names the stream that it reads; stderr may be another by now. */
static bool
is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat out;
    char name[48];

    if (stream == NULL || fstat(STDERR_FILENO, &out) != 0)
        return false;
    snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)out.st_dev,
             (uintmax_t)out.st_ino);
    return strcmp(name, stream) == 0;
}

void
log_open(const char *name)
{
    snprintf(process, sizeof process, "%s", name);
    to_journal = is_journal();
}

static const char *
second_text(time_t second)
{
    struct tm parts;

    if (second != text_second) {
        gmtime_r(&second, &parts);
        strftime(text_of_second, sizeof text_of_second, "%Y-%m-%dT%H:%M:%S",
                 &parts);
        text_second = second;
    }
    return text_of_second;
}

/* One write(2); what the other end does not take is lost, not waited for. */
static void
write_once(enum log_level level, char *text, size_t bytes)
{
    char head[] = "<0>";
    struct iovec parts[] = { { head, 0 }, { text, bytes } };
    ssize_t written;

    if (to_journal) {
        head[1] = journal_levels[level];
        parts[0].iov_len = sizeof head - 1;
    }
    do {
        written = writev(STDERR_FILENO, parts, ARRAY_COUNT(parts));
    } while (written < 0 && errno == EINTR);
}

/*
 * The longest start of the line, at most `room` bytes, that does not end
 * inside an escape; *open_out tells whether it ends inside quotes.
 */
static size_t
safe_length(const char *line, size_t room, bool *open_out)
{
    size_t length = 0;

    *open_out = false;
    while (length < room) {
        size_t step = 1;

        if (line[length] == '\\')
            step = line[length + 1] == 'x' ? 4 : 2;
        else if (line[length] == '"')
            *open_out = !*open_out;
        if (length + step > room)
            break;
        length += step;
    }
    return length;
}

/* Ends a line that was too long, so that it still reads as key=value. */
static size_t
cut(char *line)
{
    const size_t mark = sizeof cut_mark - 1;
    bool quote_is_open;
    size_t length =
        safe_length(line, LOG_LINE_BYTES_MAX - mark - 1, &quote_is_open);

    if (quote_is_open)
        line[length++] = '"';
    memcpy(line + length, cut_mark, mark);
    return length + mark;
}

static size_t
put_head(char *line, size_t size, enum log_level level, const char *event)
{
    struct timespec now;
    int bytes;

    clock_gettime(CLOCK_REALTIME, &now);
    bytes = snprintf(line, size, "time=%s.%03ldZ level=%s process=%s event=%s",
                     second_text(now.tv_sec), now.tv_nsec / 1000000,
                     level_names[level], process, event);
    return bytes < 0 ? 0 : (size_t)bytes;
}

void
log_line(enum log_level level, const char *event, const char *fields, ...)
{
    const size_t size = sizeof line_buffer;
    const int saved_errno = errno;
    char *line = line_buffer;
    size_t used = put_head(line, size, level, event);

    if (fields[0] != '\0' && used + 1 < size) {
        va_list values;
        int bytes;

        line[used++] = ' ';
        fields += fields[0] == ' ';
        va_start(values, fields);
        bytes = vsnprintf(line + used, size - used, fields, values);
        va_end(values);
        used += bytes < 0 ? 0 : (size_t)bytes;
    }
    if (used < size && line[used - 1] == ' ')
        used--;
    quote_disarm(line, used < size ? used : size - 1);
    if (used < LOG_LINE_BYTES_MAX)
        line[used++] = '\n';
    else
        used = cut(line);
    write_once(level, line, used);
    errno = saved_errno;
}

void
log_write(const char *lines, size_t bytes)
{
    ssize_t written;

    while (bytes > 0) {
        written = write(STDERR_FILENO, lines, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        lines += written;
        bytes -= (size_t)written;
    }
}

static bool
same_file(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* What is written to the old file goes to the new one from here on. */
static void
move_to(int fd, const struct stat *old)
{
    struct stat out;

    if (fstat(STDOUT_FILENO, &out) == 0 && same_file(&out, old))
        (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
}

void
log_keep_small(const char *home, const char *name, uint64_t bytes)
{
    char path[256], old_path[256 + 4];
    struct stat now, named;
    int fd;

    if (fstat(STDERR_FILENO, &now) != 0 || !S_ISREG(now.st_mode) ||
        (uint64_t)now.st_size < bytes ||
        snprintf(path, sizeof path, "%s/log/%s.log", home, name) >=
            (int)sizeof path ||
        stat(path, &named) != 0 || !same_file(&now, &named))
        return;
    snprintf(old_path, sizeof old_path, "%s.old", path);
    if (rename(path, old_path) != 0)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
              now.st_mode & 0777);
    if (fd < 0)
        return;
    move_to(fd, &now);
    close(fd);
    log_info("log_begun", "before=%s", log_quote(old_path));
}

const char *
log_quote_bytes(const void *text, size_t bytes)
{
    char *out = quote_buffers[quote_turn++ % QUOTES_COUNT];

    quote_text(out, QUOTE_BYTES, text, bytes, QUOTE_IF_NEEDED);
    return out;
}

const char *
log_quote(const char *text)
{
    return log_quote_bytes(text, strlen(text));
}

void
die(int code, const char *format, ...)
{
    char line[LOG_LINE_BYTES_MAX];
    const size_t room = sizeof line - 1; /* for the newline */
    va_list values;
    size_t used;
    int bytes;

    bytes = snprintf(line, room, "%s: ", process);
    used = bytes < 0 ? 0 : (size_t)bytes;
    va_start(values, format);
    bytes = vsnprintf(line + used, room - used, format, values);
    va_end(values);
    used += bytes < 0 ? 0 : (size_t)bytes;
    if (used > room - 1)
        used = room - 1;
    quote_disarm(line, used);
    line[used++] = '\n';
    write_once(LOG_LEVEL_ERROR, line, used);
    exit(code);
}
