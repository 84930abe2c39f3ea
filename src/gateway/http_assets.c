#include "gateway/http_assets.h"

#include <string.h>

const struct http_asset *
http_asset_find(const char *path)
{
    for (size_t i = 0; i < http_assets_count; i++)
        if (strcmp(http_assets[i].path, path) == 0)
            return &http_assets[i];
    return NULL;
}

/* True if an If-None-Match header's value names the tag, or any. */
static bool
is_known(const struct http_asset *asset, const char *known, size_t bytes)
{
    return known != NULL &&
           ((bytes == 1 && known[0] == '*') ||
            memmem(known, bytes, asset->tag, strlen(asset->tag)) != NULL);
}

const char *
http_asset_policy(const struct http_asset *asset)
{
    return strcmp(asset->path, "/docs") == 0 ? DOCS_POLICY : ASSET_POLICY;
}

void
http_asset_prepare(struct http_call *call)
{
    call->asset = http_asset_find(call->path);
    if (call->asset == NULL)
        problem_set(&call->problem, PROBLEM_NO_PATH, NULL,
                    "the pages have no such file");
}

void
http_asset_reply(struct http_call *call)
{
    call->media_type = call->asset->media_type;
    if (is_known(call->asset, call->headers.known_tags,
                 call->headers.known_tags_bytes))
        call->status = 304;
}

const uint8_t *
http_asset_body(const struct http_call *call, size_t *bytes_out)
{
    const struct http_asset *asset = call->asset;

    if (call->headers.gzip) {
        *bytes_out = (size_t)(asset->gzip_end - asset->gzip);
        return asset->gzip;
    }
    *bytes_out = (size_t)(asset->plain_end - asset->plain);
    return asset->plain;
}
