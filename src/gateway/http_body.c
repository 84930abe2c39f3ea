#include "gateway/http_body.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "gateway/body_plain.h"
#include "saga/event.h"

static const char *
type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

/* An integer from 1 to max, or a problem. */
static int64_t
read_integer(const json_t *value, const char *name, int64_t max,
             struct problem *problem)
{
    json_int_t number;

    if (!json_is_integer(value)) {
        problem_set(problem, PROBLEM_FIELD_TYPE, name,
                    "%s must be an integer, not %s", name, type_name(value));
        return 0;
    }
    number = json_integer_value(value);
    if (number < 1 || number > max) {
        problem_set(problem, PROBLEM_FIELD_RANGE, name,
                    "%s must be from 1 to %" PRId64, name, max);
        problem->limit = (uint64_t)max;
        return 0;
    }
    return number;
}

/* The amount as it stands; RC_NOT_FOUND if the JSON type is none for it. */
static enum rc
amount_of(const json_t *value, struct money *amount_out)
{
    const struct money one = { .minor = 100 };

    if (json_is_integer(value))
        return money_mul(one, json_integer_value(value), amount_out)
                   ? RC_OK : RC_FULL;
    if (json_is_real(value))
        return money_from_double(json_real_value(value), amount_out);
    if (json_is_string(value))
        return money_parse(json_string_value(value),
                           json_string_length(value), amount_out);
    return RC_NOT_FOUND;
}

static struct money
read_amount(const json_t *value, const char *name, struct problem *problem)
{
    struct money amount = { .minor = 0 };
    enum rc rc = amount_of(value, &amount);

    if (rc == RC_NOT_FOUND)
        problem_set(problem, PROBLEM_FIELD_TYPE, name,
                    "%s must be a number or a decimal string, not %s", name,
                    type_name(value));
    else if (rc == RC_MALFORMED)
        problem_set(problem, PROBLEM_FIELD_RANGE, name,
                    "%s must be an amount with at most two decimals", name);
    else if (rc != RC_OK && json_is_real(value))
        problem_set(problem, PROBLEM_FIELD_RANGE, name,
                    "%s must be from 0 to 90071992547409.91, and a decimal "
                    "string from 70368744177664 on", name);
    else if (rc != RC_OK || amount.minor < 0)
        problem_set(problem, PROBLEM_FIELD_RANGE, name,
                    "%s must be from 0 to 90071992547409.91", name);
    return amount;
}

static void
read_key(const json_t *value, const char *name, char *key,
         struct problem *problem)
{
    size_t bytes = json_string_length(value); /* 0 if it is no string */
    size_t i = 0;

    if (!json_is_string(value)) {
        problem_set(problem, PROBLEM_FIELD_TYPE, name,
                    "%s must be a string, not %s", name, type_name(value));
        return;
    }
    if (bytes <= IDEMPOTENCY_KEY_BYTES_MAX) {
        memcpy(key, json_string_value(value), bytes + 1);
        while (key[i] > ' ' && key[i] < 0x7f)
            i++;
    }
    if (i > 0 && i == bytes)
        return;
    key[0] = '\0';
    problem_set(problem, PROBLEM_KEY, name,
                "%s must have 1 to %d visible ASCII characters", name,
                IDEMPOTENCY_KEY_BYTES_MAX);
    problem->limit = IDEMPOTENCY_KEY_BYTES_MAX;
}

static void
read_field(const json_t *value, const struct body_field *field,
           struct body_value *value_out, struct problem *problem)
{
    value_out->present = true;
    switch (field->kind) {
    case BODY_ID:
        value_out->id = (uint64_t)read_integer(value, field->name,
                                               (int64_t)ID_MAX, problem);
        break;
    case BODY_COUNT:
        value_out->count = read_integer(value, field->name, QUANTITY_MAX,
                                        problem);
        break;
    case BODY_AMOUNT:
        value_out->amount = read_amount(value, field->name, problem);
        break;
    case BODY_KEY:
        read_key(value, field->name, value_out->key, problem);
        break;
    }
}

/* Names a key that no field has; there is one, since the object has more keys
 * than fields were found. */
static void
name_unknown(json_t *object, const struct body_field *fields, size_t count,
             struct problem *problem)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        size_t i = 0;

        while (i < count && strcmp(fields[i].name, key) != 0)
            i++;
        if (i == count) {
            problem_set(problem, PROBLEM_FIELD_UNKNOWN, key,
                        "there is no field of this name here");
            return;
        }
    }
}

static void
read_object(json_t *object, const struct body_field *fields, size_t count,
            struct body_value *values_out, struct problem *problem)
{
    json_t *values[BODY_FIELDS_MAX];
    size_t found = 0;

    invariant(count <= BODY_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        values[i] = json_object_get(object, fields[i].name);
        if (values[i] != NULL)
            found++;
    }
    if (found != json_object_size(object))
        name_unknown(object, fields, count, problem);
    for (size_t i = 0; i < count; i++) {
        if (values[i] != NULL)
            read_field(values[i], &fields[i], &values_out[i], problem);
        else if (fields[i].required)
            problem_set(problem, PROBLEM_FIELD_MISSING, fields[i].name,
                        "%s is required", fields[i].name);
    }
}

/* A number that no int64 or double holds is well-formed JSON, but in no
 * field's range. */
static void
refuse_text(const json_error_t *error, struct problem *problem)
{
    if (json_error_code(error) == json_error_numeric_overflow)
        problem_set(problem, PROBLEM_FIELD_RANGE, NULL,
                    "line %d, column %d: the number is too large",
                    error->line, error->column);
    else
        problem_set(problem, PROBLEM_JSON, NULL, "line %d, column %d: %s",
                    error->line, error->column, error->text);
}

static void
values_clear(const struct body_field *fields, size_t count,
             struct body_value *values_out)
{
    for (size_t i = 0; i < count; i++) {
        values_out[i].present = false;
        values_out[i].id = 0;
        values_out[i].count = 0;
        values_out[i].amount.minor = 0;
        if (fields[i].kind == BODY_KEY)
            values_out[i].key[0] = '\0';
    }
}

void
body_parse(const char *text, size_t bytes, const struct body_field *fields,
           size_t count, struct body_value *values_out,
           struct problem *problem)
{
    json_error_t error;
    json_t *object;

    values_clear(fields, count, values_out);
    if (bytes == 0) {
        problem_set(problem, PROBLEM_JSON, NULL, "the body is empty");
        return;
    }
    if (body_plain_parse(text, bytes, fields, count, values_out))
        return;
    values_clear(fields, count, values_out);
    object = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        refuse_text(&error, problem);
    else if (!json_is_object(object))
        problem_set(problem, PROBLEM_JSON, NULL,
                    "the body must be an object, not %s", type_name(object));
    else
        read_object(object, fields, count, values_out, problem);
    json_decref(object);
}
