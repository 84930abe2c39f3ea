/*
 * http_assets.h - the files of the pages, inside the program
 *
 * The build makes the table from web/, the chart library of the system and
 * swagger-ui (scripts/embed-web.sh): each file as it is and compressed, with
 * its media type and a tag of its content.  The http thread answers from it
 * alone; the bytes are never copied.
 *
 *   asset   one file: its path below the gateway's root
 *   tag     of its content, quoted: the ETag header's value
 *
 * Pure: functions of their arguments and of the table.
 */
#ifndef GATEWAY_HTTP_ASSETS_H
#define GATEWAY_HTTP_ASSETS_H

#include "gateway/http_call.h"

/* Nothing from elsewhere, nothing inline, in nobody's frame. */
#define ASSET_POLICY                                                           \
    "default-src 'self'; object-src 'none'; base-uri 'none'; "                 \
    "form-action 'self'; frame-ancestors 'none'"
/* The same, but for what swagger-ui can't do without: it writes styles into its
 * elements, and has its icons in addresses. */
#define DOCS_POLICY                                                            \
    ASSET_POLICY "; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
/* Kept by the browser, and asked for each time: then 304 is the answer. */
#define ASSET_CACHE "no-cache"

struct http_asset {
    const char *path; /* "/web/main.js"; "/" is the page */
    const char *media_type;
    const char *tag;
    const uint8_t *plain;
    const uint8_t *plain_end;
    const uint8_t *gzip;
    const uint8_t *gzip_end;
};

extern const struct http_asset http_assets[];
extern const size_t http_assets_count;

/* NULL if there is none. */
const struct http_asset *http_asset_find(const char *path);

/* The Content-Security-Policy that goes with it. */
const char *http_asset_policy(const struct http_asset *asset);

/* A route's two functions.  The answer is call->asset, and not in call->text;
 * its status is 304 if the client has it already. */
void http_asset_prepare(struct http_call *call);
void http_asset_reply(struct http_call *call);

/* The bytes of the answer, in the coding that the client takes. */
const uint8_t *http_asset_body(const struct http_call *call,
                               size_t *bytes_out);

#endif
