/*
 * body_plain.h - the usual body, read without a JSON library
 *
 * Nearly every body is one flat object of a few whole numbers.  Such a one is
 * read here, in one pass and without a malloc; whatever is more, or wrong in
 * any way, is left to body_parse(), which tells what it is.
 */
#ifndef GATEWAY_BODY_PLAIN_H
#define GATEWAY_BODY_PLAIN_H

#include "gateway/http_body.h"

/*
 * True if text[0..bytes) is an object whose keys are fields of kind BODY_ID or
 * BODY_COUNT, none twice and no required one missing, each with an integer in
 * range; they are then in values_out[0..count), which was cleared.  False if
 * it is anything else: values_out is then to be cleared again.
 */
bool body_plain_parse(const char *text, size_t bytes,
                      const struct body_field *fields, size_t count,
                      struct body_value *values_out);

#endif
