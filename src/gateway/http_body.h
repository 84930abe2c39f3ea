/*
 * http_body.h - JSON bodies: one flat object, strictly read
 *
 * A route lists the fields of its body; everything else in it is refused, as
 * are repeated keys, wrong types and values out of range.  The first problem
 * found is told: malformed JSON first, then unknown keys, then the fields in
 * the order of their list.
 */
#ifndef GATEWAY_HTTP_BODY_H
#define GATEWAY_HTTP_BODY_H

#include "gateway/http_problem.h"
#include "gateway/request.h"

#define BODY_FIELDS_MAX 8

enum body_kind {
    BODY_ID,     /* an integer from 1 to ID_MAX                             */
    BODY_COUNT,  /* an integer from 1 to QUANTITY_MAX                       */
    BODY_AMOUNT, /* money, 0 or more: an integer, a real with at most two
                    decimals, or decimal text                               */
    BODY_KEY,    /* an idempotency key: 1 to IDEMPOTENCY_KEY_BYTES_MAX
                    visible ASCII characters                                */
};

struct body_field {
    const char *name;
    enum body_kind kind;
    bool required;
};

struct body_value {
    bool present;
    uint64_t id;         /* BODY_ID     */
    int64_t count;       /* BODY_COUNT  */
    struct money amount; /* BODY_AMOUNT */
    char *key; /* BODY_KEY: the caller's, IDEMPOTENCY_KEY_BYTES_MAX + 1; set
                  before body_parse(), not touched for other kinds */
};

/* Reads text[0..bytes) into values_out[0..count); what is not present is
 * zero, a key that is not present "". */
void body_parse(const char *text, size_t bytes,
                const struct body_field *fields, size_t count,
                struct body_value *values_out, struct problem *problem);

#endif
