#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/http_assets.h"

static struct http_facts facts;
static struct http_call call;

static void
ask(const char *path, const char *encoding, const char *tags)
{
    http_call_init(&call, &facts);
    http_call_target(&call, path, strlen(path));
    http_headers_note(&call.headers, "Accept-Encoding", 15, encoding,
                      strlen(encoding));
    if (tags != NULL)
        http_headers_note(&call.headers, "If-None-Match", 13, tags,
                          strlen(tags));
    http_call_route(&call, "GET");
    http_call_prepare(&call);
    http_call_reply(&call);
}

static const struct {
    const char *path;
    const char *media_type;
} files[] = {
    { "/", "text/html; charset=utf-8" },
    { "/web/main.js", "text/javascript; charset=utf-8" },
    { "/web/style.css", "text/css; charset=utf-8" },
    { "/web/icon.svg", "image/svg+xml" },
    { "/web/dygraph.min.js", "text/javascript; charset=utf-8" },
    { "/docs", "text/html; charset=utf-8" },
    { "/openapi.json", "application/json" },
};

static void
test_http_asset_files_are_there(void **state)
{
    size_t plain, gzip;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        ask(files[i].path, "deflate, gzip;q=1.0, br", NULL);
        assert_int_equal(call.status, 200);
        assert_string_equal(call.media_type, files[i].media_type);
        assert_memory_equal(http_asset_body(&call, &gzip), "\x1f\x8b", 2);
        ask(files[i].path, "identity", NULL);
        (void)http_asset_body(&call, &plain);
        assert_true(gzip < plain);
    }
    ask("/web/main.js", "gzip;q=0", NULL);
    assert_int_not_equal(http_asset_body(&call, &plain)[0], 0x1f);
}

static void
test_http_asset_that_is_known_is_not_sent(void **state)
{
    char tags[64];
    const char *tag;

    (void)state;
    ask("/", "", "\"another\", \"0000000000000000\"");
    assert_int_equal(call.status, 200);
    tag = call.asset->tag;
    assert_int_equal(strlen(tag), 18);
    strncpy(tags, tag, sizeof(tags) - 1);
    ask("/", "", tags);
    assert_int_equal(call.status, 304);
    snprintf(tags, sizeof(tags), "\"another\", W/%s", tag);
    ask("/", "", tags);
    assert_int_equal(call.status, 304);
    ask("/", "", "*");
    assert_int_equal(call.status, 304);
    ask("/", "", "");
    assert_int_equal(call.status, 200);
}

static void
test_http_asset_that_is_not_there(void **state)
{
    static const char *const paths[] = {
        "/web/", "/web/nothing.js", "/web/main.js/", "/web/../main.js",
        "/web/index.html", "/web", "/docs/", "/web/docs.html",
        "/web/openapi.json", "/docs/../web/main.js", "/web/%2e%2e/main.js",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        ask(paths[i], "gzip", "*");
        assert_int_equal(call.problem.type, PROBLEM_NO_PATH);
        assert_int_equal(call.status, 404);
        assert_null(call.asset);
    }
}

/* Styles in elements are for swagger-ui alone, scripts in them for nobody. */
static void
test_http_asset_policy_is_wider_for_docs_only(void **state)
{
    const char *policy = http_asset_policy(http_asset_find("/docs"));

    (void)state;
    assert_non_null(strstr(policy, "style-src 'self' 'unsafe-inline'"));
    assert_null(strstr(policy, "script-src"));
    for (size_t i = 0; i < http_assets_count; i++)
        if (strcmp(http_assets[i].path, "/docs") != 0)
            assert_string_equal(http_asset_policy(&http_assets[i]),
                                ASSET_POLICY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_asset_files_are_there),
        cmocka_unit_test(test_http_asset_that_is_known_is_not_sent),
        cmocka_unit_test(test_http_asset_that_is_not_there),
        cmocka_unit_test(test_http_asset_policy_is_wider_for_docs_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
