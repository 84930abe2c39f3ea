/* Users and products: both are lists, rows and commands of the gateway. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "saga/ids.h"
#include "sagactl/sagactl_rows.h"

#define BODY_BYTES 128

static int
list(const struct sagactl *ctl, const struct sagactl_args *args,
     const char *noun, const char *path)
{
    char query[GATE_PATH_BYTES];
    uint64_t max;

    if (!rows_max(args, &max) || !rows_page_query(args, query, sizeof query))
        return EXIT_USAGE;
    return rows_list(ctl, noun, path, query, max);
}

int
sagactl_user_list(const struct sagactl *ctl, const struct sagactl_args *args)
{
    return list(ctl, args, "user", "/users");
}

int
sagactl_product_list(const struct sagactl *ctl,
                     const struct sagactl_args *args)
{
    return list(ctl, args, "product", "/products");
}

static bool
read_user(const struct sagactl_args *args, uint64_t *user)
{
    return args_number(args, "USER", args->words[0], 1, ID_MAX, user);
}

int
sagactl_user_show(const struct sagactl *ctl, const struct sagactl_args *args)
{
    char path[GATE_PATH_BYTES];
    struct gate_question question = { .method = "GET", .path = path };
    uint64_t user;

    if (!read_user(args, &user))
        return EXIT_USAGE;
    snprintf(path, sizeof path, "/users/%" PRIu64, user);
    return rows_ask(ctl, "user", &question);
}

/* Amounts go as the text that was typed. */
int
sagactl_user_open(const struct sagactl *ctl, const struct sagactl_args *args)
{
    char body[BODY_BYTES];
    struct gate_question question = { .method = "POST", .path = "/users",
                                      .body = body };
    uint64_t user;

    if (!read_user(args, &user)
        || !args_amount(args, "BALANCE", args->words[1]))
        return EXIT_USAGE;
    snprintf(body, sizeof body, "{\"userId\":%" PRIu64 ",\"balance\":\"%s\"}",
             user, args->words[1]);
    return rows_ask(ctl, "user", &question);
}

int
sagactl_user_credit(const struct sagactl *ctl, const struct sagactl_args *args)
{
    char path[GATE_PATH_BYTES], body[BODY_BYTES], id[48] = "";
    struct gate_question question = { .method = "POST", .path = path,
                                      .body = body };
    const char *credit_text = args_value(args, "id");
    uint64_t user, credit;

    if (!read_user(args, &user)
        || !args_amount(args, "AMOUNT", args->words[1]))
        return EXIT_USAGE;
    if (credit_text != NULL) {
        if (!args_number(args, "--id", credit_text, 1, ID_MAX, &credit))
            return EXIT_USAGE;
        snprintf(id, sizeof id, ",\"creditId\":%" PRIu64, credit);
    }
    snprintf(path, sizeof path, "/users/%" PRIu64 "/credits", user);
    snprintf(body, sizeof body, "{\"amount\":\"%s\"%s}", args->words[1], id);
    return rows_ask(ctl, "user", &question);
}

/* Freeze or thaw: the second word of the command's name is the path's. */
int
sagactl_user_switch(const struct sagactl *ctl, const struct sagactl_args *args)
{
    const char *verb = strchr(args->command->name, ' ') + 1;
    char path[GATE_PATH_BYTES];
    struct gate_question question = { .method = "POST", .path = path };
    uint64_t user;

    if (!read_user(args, &user))
        return EXIT_USAGE;
    snprintf(path, sizeof path, "/users/%" PRIu64 "/%s", user, verb);
    return rows_ask(ctl, "user", &question);
}

int
sagactl_product_set(const struct sagactl *ctl, const struct sagactl_args *args)
{
    char path[GATE_PATH_BYTES], body[BODY_BYTES];
    struct gate_question question = { .method = "PUT", .path = path,
                                      .body = body };
    uint64_t product;

    if (!args_number(args, "PRODUCT", args->words[0], 1, ID_MAX, &product)
        || !args_amount(args, "PRICE", args->words[1]))
        return EXIT_USAGE;
    snprintf(path, sizeof path, "/products/%" PRIu64, product);
    snprintf(body, sizeof body, "{\"price\":\"%s\"}", args->words[1]);
    return rows_ask(ctl, "product", &question);
}
