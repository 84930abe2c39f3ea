/*
 * log.h - one line per finished thing, as key=value, on stderr
 *
 *   time=2026-11-22T13:05:07.123Z level=info process=gateway event=ready ...
 *
 * Values with blanks, quotes or control characters are quoted and escaped
 * ("\"", "\\", "\n", "\xNN"), so a line is always one line.  A line is written
 * with one write(2), cut at LOG_LINE_BYTES_MAX.  Thread-safe.
 *
 * To journald a line begins with its level, as "<3>" (sd-daemon(3)): it takes
 * that off, and `journalctl -p warning` finds the line.
 */
#ifndef SAGA_LOG_H
#define SAGA_LOG_H

#include "saga/base.h"

#define LOG_LINE_BYTES_MAX 2048

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING,
                 LOG_LEVEL_ERROR, LOG_LEVEL_FATAL };

/* Names the process in all later lines, and looks (JOURNAL_STREAM) whether
 * stderr is journald's.  Call once, first. */
void log_open(const char *process);

/*
 * log_line(level, "ready", "port=%u home=%s", port, log_quote(...))
 * `fields` is a printf format of key=value pairs; blanks at its ends do not
 * count.  Text from outside goes through log_quote().
 */
void log_line(enum log_level level, const char *event, const char *fields, ...)
    PRINTF_LIKE(3, 4);

/* log_info("ready", "port=%u", port), or with "" for no fields: the blank in
 * front keeps gcc from warning of an empty format. */
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, " " __VA_ARGS__)
#define log_warning(event, ...)                                                \
    log_line(LOG_LEVEL_WARNING, event, " " __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, " " __VA_ARGS__)

/* Writes lines of level info that are ready, as they are; nothing if bytes is
 * 0. */
void log_write(const char *lines, size_t bytes);

/*
 * Where stderr is the file HOME/log/NAME.log and holds `bytes` or more, goes on
 * in a new one: the old one becomes NAME.log.old, in place of the one before.
 * Elsewhere (a terminal, journald) it does nothing.  Never fails: a file that
 * can't be renamed grows, and is tried again.
 */
void log_keep_small(const char *home, const char *name, uint64_t bytes);

/* The text as a safe value, quoted if need be.  Memory of the calling
 * thread's; the last 4 results stay valid.  Cut at 256 bytes. */
const char *log_quote(const char *text);
const char *log_quote_bytes(const void *text, size_t bytes);

/* One line on stderr "PROCESS: words", for a person who just typed a command,
 * then exit(code). */
void die(int code, const char *format, ...) PRINTF_LIKE(2, 3) NORETURN;

#endif
