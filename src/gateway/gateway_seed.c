#include "gateway/gateway_seed.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/ids.h"

/* What one list of the file is called, and what stands in it. */
struct seed_form {
    const char *list;
    const char *id;
    const char *amount;
    int64_t amount_min; /* minor units */
};

static const struct seed_form products_form = { "products", "id", "price", 1 };
static const struct seed_form users_form = { "users", "userId", "balance", 0 };

struct seed_reader {
    const char *path;
    char *error;
    size_t error_bytes;
};

static enum rc seed_refuse(const struct seed_reader *reader, enum rc rc,
                           const char *format, ...) PRINTF_LIKE(3, 4);

static enum rc
seed_refuse(const struct seed_reader *reader, enum rc rc, const char *format,
            ...)
{
    va_list arguments;
    int used;

    used = snprintf(reader->error, reader->error_bytes, "seed: %s: ",
                    reader->path);
    if (used >= 0 && (size_t)used < reader->error_bytes) {
        va_start(arguments, format);
        vsnprintf(reader->error + used, reader->error_bytes - (size_t)used,
                  format, arguments);
        va_end(arguments);
    }
    return rc;
}

/* The whole file in malloc'ed memory. */
static enum rc
seed_load(const struct seed_reader *reader, char **text_out, size_t *bytes_out)
{
    FILE *file = fopen(reader->path, "re");
    enum rc rc = RC_OK;

    if (file == NULL)
        return seed_refuse(reader, errno == ENOENT ? RC_NOT_FOUND : RC_IO,
                           "%s", strerror(errno));
    *text_out = malloc(SEED_BYTES_MAX + 1);
    if (*text_out == NULL) {
        rc = seed_refuse(reader, RC_IO, "no memory");
        goto out;
    }
    *bytes_out = fread(*text_out, 1, SEED_BYTES_MAX + 1, file);
    if (ferror(file) != 0)
        rc = seed_refuse(reader, RC_IO, "%s", strerror(errno));
    else if (*bytes_out > SEED_BYTES_MAX)
        rc = seed_refuse(reader, RC_FULL, "larger than %u bytes",
                         SEED_BYTES_MAX);
    if (rc != RC_OK)
        free(*text_out);
out:
    fclose(file);
    return rc;
}

/* RC_MALFORMED for what is not an amount, RC_FULL out of range. */
static enum rc
seed_amount(const json_t *value, struct money *amount_out)
{
    if (json_is_integer(value)) {
        json_int_t whole = json_integer_value(value);

        return money_mul((struct money){ 100 }, whole, amount_out) ? RC_OK
                                                                   : RC_FULL;
    }
    if (json_is_real(value))
        return money_from_double(json_real_value(value), amount_out);
    if (json_is_string(value))
        return money_parse(json_string_value(value),
                           json_string_length(value), amount_out);
    return RC_MALFORMED;
}

static enum rc
seed_row(const struct seed_reader *reader, const struct seed_form *form,
         size_t index, const json_t *object, struct seed_row *row_out)
{
    const json_t *id = json_object_get(object, form->id);
    const json_t *amount = json_object_get(object, form->amount);

    if (!json_is_object(object) || json_object_size(object) != 2 ||
        id == NULL || amount == NULL)
        return seed_refuse(reader, RC_MALFORMED,
                           "%s[%zu] is not an object of exactly \"%s\" and "
                           "\"%s\"",
                           form->list, index, form->id, form->amount);
    if (!json_is_integer(id) || json_integer_value(id) < 1 ||
        !id_valid((uint64_t)json_integer_value(id)))
        return seed_refuse(reader, RC_MALFORMED,
                           "%s[%zu].%s is not an integer from 1 to %" PRIu64,
                           form->list, index, form->id, ID_MAX);
    row_out->id = (uint64_t)json_integer_value(id);
    if (seed_amount(amount, &row_out->amount) != RC_OK ||
        row_out->amount.minor < form->amount_min)
        return seed_refuse(reader, RC_MALFORMED,
                           "%s[%zu].%s is not an amount %s, with at most two "
                           "decimals",
                           form->list, index, form->amount,
                           form->amount_min > 0 ? "above 0" : "of 0 or more");
    return RC_OK;
}

static int
seed_row_compare(const void *a, const void *b)
{
    const struct seed_row *left = a, *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

static enum rc
seed_sort(const struct seed_reader *reader, const struct seed_form *form,
          struct seed_list *list)
{
    size_t i;

    if (list->count > 0)
        qsort(list->rows, list->count, sizeof *list->rows, seed_row_compare);
    for (i = 1; i < list->count; i++) {
        if (list->rows[i - 1].id == list->rows[i].id)
            return seed_refuse(reader, RC_MALFORMED,
                               "%s: %s %" PRIu64 " is there twice", form->list,
                               form->id, list->rows[i].id);
    }
    return RC_OK;
}

static enum rc
seed_list(const struct seed_reader *reader, const struct seed_form *form,
          const json_t *root, struct seed_list *list_out)
{
    const json_t *array = json_object_get(root, form->list);
    enum rc rc = RC_OK;
    size_t i;

    if (!json_is_array(array))
        return seed_refuse(reader, RC_MALFORMED, "\"%s\" is not an array",
                           form->list);
    if (json_array_size(array) > SEED_ROWS_MAX)
        return seed_refuse(reader, RC_FULL, "%s: more than %d", form->list,
                           SEED_ROWS_MAX);
    list_out->rows = calloc(json_array_size(array) + 1,
                            sizeof *list_out->rows);
    if (list_out->rows == NULL)
        return seed_refuse(reader, RC_IO, "no memory");
    for (i = 0; i < json_array_size(array) && rc == RC_OK; i++)
        rc = seed_row(reader, form, i, json_array_get(array, i),
                      &list_out->rows[i]);
    list_out->count = i;
    return rc == RC_OK ? seed_sort(reader, form, list_out) : rc;
}

static enum rc
seed_lists(const struct seed_reader *reader, const json_t *root,
           struct gateway_seed *seed_out)
{
    enum rc rc;

    if (!json_is_object(root) || json_object_size(root) != 2)
        return seed_refuse(reader, RC_MALFORMED,
                           "not an object of exactly \"%s\" and \"%s\"",
                           products_form.list, users_form.list);
    rc = seed_list(reader, &products_form, root, &seed_out->products);
    if (rc == RC_OK)
        rc = seed_list(reader, &users_form, root, &seed_out->users);
    return rc;
}

enum rc
gateway_seed_read(const char *path, struct gateway_seed *seed_out, char *error,
                  size_t error_bytes)
{
    const struct seed_reader reader = { path, error, error_bytes };
    json_error_t json_error;
    json_t *root;
    char *text = NULL;
    size_t bytes = 0;
    enum rc rc;

    memset(seed_out, 0, sizeof *seed_out);
    if (path[0] == '\0')
        return RC_OK;
    rc = seed_load(&reader, &text, &bytes);
    if (rc != RC_OK)
        return rc;
    root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &json_error);
    free(text);
    if (root == NULL)
        return seed_refuse(&reader, RC_MALFORMED, "line %d: %s",
                           json_error.line, json_error.text);
    rc = seed_lists(&reader, root, seed_out);
    json_decref(root);
    if (rc != RC_OK)
        gateway_seed_fini(seed_out);
    return rc;
}

void
gateway_seed_fini(struct gateway_seed *seed)
{
    free(seed->products.rows);
    free(seed->users.rows);
    memset(seed, 0, sizeof *seed);
}
