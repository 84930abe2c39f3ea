#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/http_call.h"

static const struct {
    const char *name;
    const char *method;
    const char *path;
    enum problem_type type;
    enum request_kind kind; /* if there is no problem */
    uint64_t id;
    const char *allow;
} finds[] = {
    { "place", "POST", "/orders", PROBLEM_NONE, REQUEST_ORDER_PLACE, 0, "" },
    { "list", "GET", "/orders", PROBLEM_NONE, REQUEST_ORDER_LIST, 0, "" },
    { "head_is_get", "HEAD", "/orders", PROBLEM_NONE, REQUEST_ORDER_LIST, 0,
      "" },
    { "one", "GET", "/orders/12", PROBLEM_NONE, REQUEST_ORDER_GET, 12, "" },
    { "user", "GET", "/users/9007199254740991", PROBLEM_NONE,
      REQUEST_USER_GET, 9007199254740991, "" },
    { "transaction", "GET", "/transactions/3", PROBLEM_NONE,
      REQUEST_TRANSACTION_GET, 3, "" },
    { "root", "GET", "/", PROBLEM_NONE, REQUEST_NONE, 0, "" },
    { "file", "GET", "/web/x.js", PROBLEM_NONE, REQUEST_NONE, 0, "" },
    { "file_post", "POST", "/web/x.js", PROBLEM_METHOD, 0, 0, "GET, HEAD" },
    { "file_empty", "GET", "/web/", PROBLEM_NO_PATH, 0, 0, "" },
    { "file_deeper", "GET", "/web/x/y.js", PROBLEM_NO_PATH, 0, 0, "" },
    { "no_path", "GET", "/nothing", PROBLEM_NO_PATH, 0, 0, "" },
    { "empty", "GET", "", PROBLEM_NO_PATH, 0, 0, "" },
    { "slash_behind", "GET", "/orders/", PROBLEM_NO_PATH, 0, 0, "" },
    { "slash_before", "GET", "//orders", PROBLEM_NO_PATH, 0, 0, "" },
    { "cancel", "DELETE", "/orders/12", PROBLEM_NONE, REQUEST_ORDER_CANCEL,
      12, "" },
    { "credit", "POST", "/users/7/credits", PROBLEM_NONE, REQUEST_USER_CREDIT,
      7, "" },
    { "freeze", "POST", "/users/7/freeze", PROBLEM_NONE, REQUEST_USER_FREEZE,
      7, "" },
    { "thaw", "POST", "/users/9007199254740991/thaw", PROBLEM_NONE,
      REQUEST_USER_THAW, 9007199254740991, "" },
    { "credit_get", "GET", "/users/7/credits", PROBLEM_METHOD, 0, 0, "POST" },
    { "credit_id", "POST", "/users/07/credits", PROBLEM_PARAMETER, 0, 0, "" },
    { "credit_no_id", "POST", "/users//credits", PROBLEM_NO_PATH, 0, 0, "" },
    { "credit_deeper", "POST", "/users/7/credits/", PROBLEM_NO_PATH, 0, 0,
      "" },
    { "credit_shorter", "POST", "/users/7/credit", PROBLEM_NO_PATH, 0, 0,
      "" },
    { "too_deep", "GET", "/orders/1/2", PROBLEM_NO_PATH, 0, 0, "" },
    { "longer", "GET", "/ordersx", PROBLEM_NO_PATH, 0, 0, "" },
    { "case_matters", "GET", "/Orders", PROBLEM_NO_PATH, 0, 0, "" },
    { "delete_list", "DELETE", "/orders", PROBLEM_METHOD, 0, 0,
      "POST, GET, HEAD" },
    { "put_one", "PUT", "/orders/1", PROBLEM_METHOD, 0, 0,
      "GET, HEAD, DELETE" },
    { "method_before_id", "PUT", "/orders/x", PROBLEM_METHOD, 0, 0,
      "GET, HEAD, DELETE" },
    { "small_letters", "get", "/orders", PROBLEM_METHOD, 0, 0,
      "POST, GET, HEAD" },
    { "parked", "GET", "/parked", PROBLEM_NONE, REQUEST_PARKED_LIST, 0, "" },
    { "redrive", "POST", "/parked/payment/7/redrive", PROBLEM_NONE,
      REQUEST_PARKED_REDRIVE, 7, "" },
    { "drop", "POST", "/parked/fraud-2/12/drop", PROBLEM_NONE,
      REQUEST_PARKED_DROP, 12, "" },
    { "drop_of_nobody", "POST", "/parked//12/drop", PROBLEM_NO_PATH, 0, 0, "" },
    { "drop_no_number", "POST", "/parked/payment/x/drop", PROBLEM_PARAMETER, 0,
      0, "" },
    { "drop_cut", "POST", "/parked/payment/1", PROBLEM_NO_PATH, 0, 0, "" },
    { "id_0", "GET", "/orders/0", PROBLEM_PARAMETER, 0, 0, "" },
    { "id_01", "GET", "/orders/01", PROBLEM_PARAMETER, 0, 0, "" },
    { "id_minus", "GET", "/orders/-1", PROBLEM_PARAMETER, 0, 0, "" },
    { "id_large", "GET", "/orders/9007199254740992", PROBLEM_PARAMETER, 0, 0,
      "" },
    { "id_pattern", "GET", "/orders/{id}", PROBLEM_PARAMETER, 0, 0, "" },
    { "number_pattern", "POST", "/parked/{participant}/{id}/drop",
      PROBLEM_PARAMETER, 0, 0, "" },
    { "id_junk", "GET", "/users/me", PROBLEM_PARAMETER, 0, 0, "" },
};

static void
test_http_route_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(finds); i++) {
        const struct http_route *route;
        struct problem problem;
        char allow[ROUTE_ALLOW_BYTES] = "";
        uint64_t id = 77;

        problem_init(&problem);
        route = http_route_find(http_routes, http_routes_count,
                                finds[i].method, finds[i].path, &id, allow,
                                &problem);
        if (problem.type != finds[i].type ||
            (route != NULL) != (problem.type == PROBLEM_NONE) ||
            strcmp(allow, finds[i].allow) != 0 ||
            (route != NULL &&
             (route->kind != finds[i].kind || id != finds[i].id)))
            fail_msg("%s: %s %s", finds[i].name, problem_name(problem.type),
                     allow);
    }
}

/* A route that can't answer, or a request that nobody can ask for, is a hole
 * in the table. */
static void
test_http_routes_table_has_no_hole(void **state)
{
    bool asked[REQUEST_KIND_COUNT] = { false };

    (void)state;
    for (size_t i = 0; i < http_routes_count; i++) {
        assert_non_null(http_routes[i].reply);
        assert_non_null(http_routes[i].help);
        assert_int_not_equal(http_routes[i].role, ROLE_UNSET);
        assert_true(!http_routes[i].body || http_routes[i].prepare != NULL);
        assert_false(asked[http_routes[i].kind] &&
                     http_routes[i].kind != REQUEST_NONE);
        asked[http_routes[i].kind] = true;
    }
    asked[REQUEST_CHANGED] = true; /* the store's own */
    asked[REQUEST_ORDER_BATCH] = true; /* ORDER_PLACE of another media type */
    for (size_t kind = 0; kind < REQUEST_KIND_COUNT; kind++)
        assert_true(asked[kind]);
}

/* Who may what is an interface; all else is the operators'. */
static void
test_http_routes_roles(void **state)
{
    static const struct {
        const char *method;
        const char *pattern;
        enum role role;
    } open[] = {
        { "POST", "/orders", ROLE_CUSTOMER },
        { "GET", "/orders", ROLE_CUSTOMER },
        { "GET", "/orders/{id}", ROLE_CUSTOMER },
        { "GET", "/orders/stream", ROLE_CUSTOMER },
        { "GET", "/orders/{id}/stream", ROLE_CUSTOMER },
        { "DELETE", "/orders/{id}", ROLE_CUSTOMER },
        { "GET", "/products", ROLE_CUSTOMER },
        { "GET", "/products/{id}", ROLE_CUSTOMER },
        { "GET", "/healthz", ROLE_ANYBODY },
        { "GET", "/readyz", ROLE_ANYBODY },
        { "GET", "/", ROLE_ANYBODY },
        { "GET", "/help", ROLE_ANYBODY },
        { "GET", "/docs", ROLE_ANYBODY },
        { "GET", "/openapi.json", ROLE_ANYBODY },
        { "GET", "/web/{file}", ROLE_ANYBODY },
    };

    (void)state;
    for (size_t i = 0; i < http_routes_count; i++) {
        enum role expected = ROLE_OPERATOR;

        for (size_t at = 0; at < ARRAY_COUNT(open); at++) {
            if (strcmp(open[at].method, http_routes[i].method) == 0 &&
                strcmp(open[at].pattern, http_routes[i].pattern) == 0)
                expected = open[at].role;
        }
        if (http_routes[i].role != expected)
            fail_msg("%s %s", http_routes[i].method, http_routes[i].pattern);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_route_find),
        cmocka_unit_test(test_http_routes_table_has_no_hole),
        cmocka_unit_test(test_http_routes_roles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
