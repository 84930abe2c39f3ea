#include "saga/codec_internal.h"

/* What one msgpack head byte announces. */
struct token {
    size_t bytes;      /* head and payload, without children */
    uint64_t children; /* objects that follow and belong to it */
};

/* Heads 0xc0 to 0xdf.  Where there is a length, it stands behind the head. */
static const struct {
    uint8_t bytes;         /* head, length and fixed payload; 0: not msgpack */
    uint8_t length_octets;
    uint8_t children;      /* per unit of length; 0: the length is in bytes  */
} heads[32] = {
    [0x00] = { 1, 0, 0 }, [0x01] = { 0, 0, 0 },  /* nil, never used          */
    [0x02] = { 1, 0, 0 }, [0x03] = { 1, 0, 0 },  /* false, true              */
    [0x04] = { 2, 1, 0 }, [0x05] = { 3, 2, 0 },  /* bin 8, 16, 32            */
    [0x06] = { 5, 4, 0 },
    [0x07] = { 3, 1, 0 }, [0x08] = { 4, 2, 0 },  /* ext 8, 16, 32            */
    [0x09] = { 6, 4, 0 },
    [0x0a] = { 5, 0, 0 }, [0x0b] = { 9, 0, 0 },  /* float 32, 64             */
    [0x0c] = { 2, 0, 0 }, [0x0d] = { 3, 0, 0 },  /* uint 8 to 64             */
    [0x0e] = { 5, 0, 0 }, [0x0f] = { 9, 0, 0 },
    [0x10] = { 2, 0, 0 }, [0x11] = { 3, 0, 0 },  /* int 8 to 64              */
    [0x12] = { 5, 0, 0 }, [0x13] = { 9, 0, 0 },
    [0x14] = { 3, 0, 0 }, [0x15] = { 4, 0, 0 },  /* fixext 1 to 16           */
    [0x16] = { 6, 0, 0 }, [0x17] = { 10, 0, 0 },
    [0x18] = { 18, 0, 0 },
    [0x19] = { 2, 1, 0 }, [0x1a] = { 3, 2, 0 },  /* str 8, 16, 32            */
    [0x1b] = { 5, 4, 0 },
    [0x1c] = { 3, 2, 1 }, [0x1d] = { 5, 4, 1 },  /* array 16, 32             */
    [0x1e] = { 3, 2, 2 }, [0x1f] = { 5, 4, 2 },  /* map 16, 32               */
};

/* Heads 0xc0 to 0xdf at at[0..left), left >= 1. */
static enum codec_refusal
read_long_head(const uint8_t *at, size_t left, struct token *token)
{
    unsigned head = at[0] & 0x1f;
    unsigned octets = heads[head].length_octets;
    uint64_t length = 0;

    if (heads[head].bytes == 0)
        return CODEC_SYNTAX;
    token->bytes = heads[head].bytes;
    token->children = 0;
    if (octets + 1 > left)
        return CODEC_OK; /* and the caller sees that it does not fit */
    for (unsigned i = 1; i <= octets; i++)
        length = length << 8 | at[i];
    if (heads[head].children == 0)
        token->bytes += length;
    else
        token->children = length * heads[head].children;
    return CODEC_OK;
}

static inline enum codec_refusal
read_head(const uint8_t *at, size_t left, struct token *token)
{
    uint8_t head = at[0];

    token->bytes = 1;
    token->children = 0;
    if (head <= 0x7f || head >= 0xe0)
        return CODEC_OK;
    if (head >= 0xc0)
        return read_long_head(at, left, token);
    if (head >= 0xa0)
        token->bytes += head & 0x1f;
    else if (head >= 0x90)
        token->children = head & 0x0f;
    else
        token->children = 2u * (head & 0x0f);
    return CODEC_OK;
}

/* True if the object at data, which is well-formed, nests too deeply. */
static bool
too_deep(const uint8_t *data, size_t length)
{
    uint64_t open[CODEC_DEPTH_MAX]; /* children still to come, per level */
    size_t depth = 0;
    struct token token;

    for (size_t used = 0; used < length; used += token.bytes) {
        if (read_head(data + used, length - used, &token) != CODEC_OK)
            return true;
        if (depth > 0)
            open[depth - 1]--;
        if (token.children > 0 && depth == CODEC_DEPTH_MAX)
            return true;
        if (token.children > 0)
            open[depth++] = token.children;
        while (depth > 0 && open[depth - 1] == 0)
            depth--;
    }
    return false;
}

/* More bytes are announced than there are. */
static enum codec_refusal
past_the_end(uint64_t announced)
{
    return announced > EVENT_BYTES_MAX ? CODEC_TOO_LARGE : CODEC_TRUNCATED;
}

/*
 * Every object that is still to come has one byte at least: so a count that
 * the bytes can't hold is found at its head, whatever it claims.
 */
enum codec_refusal
codec_scan(const uint8_t *data, size_t size, size_t *length_out)
{
    struct token token = { 0 };
    uint64_t pending = 1;
    size_t used = 0;
    uint64_t pairs;
    bool nested = false;

    *length_out = 0;
    if (size == 0)
        return CODEC_TRUNCATED;
    if ((data[0] & 0xf0) != 0x80 && data[0] != 0xde && data[0] != 0xdf)
        return CODEC_NOT_A_MAP;
    if (read_head(data, size, &token) != CODEC_OK)
        return CODEC_SYNTAX;
    pairs = token.children / 2;
    while (pending > 0) {
        if (pending > size - used)
            return past_the_end(used + pending);
        if (read_head(data + used, size - used, &token) != CODEC_OK)
            return CODEC_SYNTAX;
        if (token.bytes > size - used)
            return past_the_end(used + token.bytes + pending - 1);
        nested |= token.children > 0 && used > 0;
        used += token.bytes;
        pending += token.children - 1;
    }
    *length_out = used;
    if (used > EVENT_BYTES_MAX || pairs > CODEC_PAIRS_MAX
        || (nested && too_deep(data, used)))
        return CODEC_TOO_LARGE;
    return CODEC_OK;
}
