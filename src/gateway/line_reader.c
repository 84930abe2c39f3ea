#include "gateway/line_reader.h"

#include <string.h>

#include "gateway/http_problem.h"

void
line_reader_init(struct line_reader *reader, char *body, size_t bytes)
{
    *reader = (struct line_reader){ .body = body, .bytes = bytes };
}

bool
line_reader_ended(const struct line_reader *reader)
{
    return reader->at == reader->bytes;
}

/* Most empty lines are in a run of such: no line is made of them. */
static void
skip_ends(struct line_reader *reader, size_t stop)
{
    const char *body = reader->body;
    size_t at = reader->at;

    while (at < stop && body[at] == '\n')
        at++;
    reader->number += at - reader->at;
    reader->at = at;
}

/* The body's next line; there is one. */
static void
next_line(struct line_reader *reader, struct order_line *line)
{
    size_t left = reader->bytes - reader->at;
    char *end;

    line->text = reader->body + reader->at;
    end = memchr(line->text, '\n', left);
    line->bytes = end != NULL ? (size_t)(end - line->text) : left;
    line->number = ++reader->number;
    reader->at += end != NULL ? line->bytes + 1 : left;
}

static bool
is_empty(const struct order_line *line)
{
    size_t i;

    if (line->bytes > ORDER_LINE_BYTES_MAX)
        return false;
    for (i = 0; i < line->bytes; i++) {
        if (line->text[i] != ' ' && line->text[i] != '\t' &&
            line->text[i] != '\r')
            return false;
    }
    return true;
}

/* What is wrong with a bad line is found again when it is told: nobody keeps
 * a problem for each line. */
uint32_t
line_reader_take(struct line_reader *reader, struct order_line *lines,
                 uint32_t lines_max)
{
    size_t left = reader->bytes - reader->at;
    size_t stop = reader->at + (left < LINE_READER_BYTES ? left
                                                         : LINE_READER_BYTES);
    uint32_t count = 0;
    struct problem unused;

    while (count < lines_max) {
        skip_ends(reader, stop);
        if (reader->at >= stop)
            break;
        next_line(reader, &lines[count]);
        if (is_empty(&lines[count]))
            continue;
        problem_init(&unused);
        (void)order_line_read(&lines[count], &unused);
        count++;
    }
    return count;
}
