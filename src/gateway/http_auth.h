/*
 * http_auth.h - who may ask what: bearer tokens, hashed, with a role each
 *
 *   token   random text that a client sends as "Authorization: Bearer TOKEN";
 *           whoever has it may do what its role may.  We know only its SHA-256
 *           (it is random, of 128 bits or more: no slow hash is needed), never
 *           log it, and compare with all entries in constant time.
 *   role    customer or operator (enum role); the route table says which
 *           role a route asks for
 *
 * The token file, read once when the gateway starts:
 *
 *   # ROLE   NAME      sha256:64 hexadecimal digits
 *   operator metrics   sha256:9f86d0...
 *
 * A line that is empty or begins with '#' says nothing.  scripts/make-token.sh
 * appends one.
 *
 * All but auth_load() are pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_AUTH_H
#define GATEWAY_HTTP_AUTH_H

#include "gateway/http_call.h"
#include "saga/config.h"

#define AUTH_TOKENS_MAX 256
#define AUTH_NAME_BYTES 33 /* with NUL */
#define AUTH_HASH_BYTES 32
#define AUTH_TOKEN_BYTES_MAX 256
#define AUTH_FILE_BYTES_MAX 65536
#define AUTH_WORDS_BYTES 128

struct auth_token {
    enum role role;
    char name[AUTH_NAME_BYTES];
    uint8_t hash[AUTH_HASH_BYTES];
};

struct auth {
    size_t count; /* 0: everybody may do everything */
    struct auth_token tokens[AUTH_TOKENS_MAX];
};

/* Reads a token file's text; RC_MALFORMED, with words like "line 3: the role
 * is not customer or operator", if anything in it is wrong.  The words never
 * hold what stands in the file. */
MUST_USE enum rc auth_parse(struct auth *auth, const char *text, size_t bytes,
                            char words[AUTH_WORDS_BYTES]);

/* Reads config->tokens; with none, auth->count is 0.  Exits EXIT_USAGE with
 * one line if the file can't be read, is not ours or root's, may be read or
 * written by others, or is wrong. */
void auth_load(struct auth *auth, const struct config *config);

/* The role of the token; ROLE_ANYBODY if there is no such token. */
enum role auth_role(const struct auth *auth, const char *token, size_t bytes);

/*
 * With the head and the route of the call known: sets PROBLEM_UNAUTHORIZED,
 * in place of any problem there is, if it has not one valid token where one is
 * needed, and PROBLEM_FORBIDDEN if the token's role may not.  A path that does
 * not exist needs a token as well.
 */
void auth_admit(const struct auth *auth, struct http_call *call);

#endif
