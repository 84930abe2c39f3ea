/*
 * line_reader.h - the orders in a body of lines, some at a time
 *
 * Whoever reads a body serves others as well, and may not be held up by one:
 * so a take is bounded by lines and by bytes, and a body of empty lines, or of
 * long ones that are no orders, is read in many takes.
 *
 * Owns nothing: the body must live as long as the lines, which point into it.
 */
#ifndef GATEWAY_LINE_READER_H
#define GATEWAY_LINE_READER_H

#include "gateway/order_line.h"

/* A take begins no line behind so many bytes. */
#define LINE_READER_BYTES 65536

struct line_reader {
    char *body;
    size_t bytes;
    size_t at;       /* what is read of it */
    uint64_t number; /* of lines           */
};

void line_reader_init(struct line_reader *reader, char *body, size_t bytes);

/*
 * Reads the next lines that are not empty, good or bad (order_line_read), and
 * returns how many there are, lines_max at most.  Fewer, or none, is not the
 * end: the take's bytes may be used up.  Blanks alone are an empty line, up
 * to ORDER_LINE_BYTES_MAX of them.
 */
uint32_t line_reader_take(struct line_reader *reader,
                          struct order_line *lines, uint32_t lines_max);

/* All of the body is read. */
bool line_reader_ended(const struct line_reader *reader);

#endif
