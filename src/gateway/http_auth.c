#include "gateway/http_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/log.h"

#define WORDS_MAX 3 /* of a line */

_Static_assert(AUTH_HASH_BYTES == SHA256_DIGEST_SIZE, "a token's hash");

struct word {
    const char *text;
    size_t bytes;
};

static bool
word_is(const struct word *word, const char *wanted)
{
    return word->bytes == strlen(wanted) &&
           memcmp(word->text, wanted, word->bytes) == 0;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The words of a line, at most WORDS_MAX + 1 of them; the count. */
static size_t
split(const char *line, size_t bytes, struct word words[WORDS_MAX + 1])
{
    size_t count = 0;
    size_t at = 0;

    while (count <= WORDS_MAX) {
        size_t begin;

        while (at < bytes && is_blank(line[at]))
            at++;
        if (at == bytes)
            break;
        begin = at;
        while (at < bytes && !is_blank(line[at]))
            at++;
        words[count++] = (struct word){ line + begin, at - begin };
    }
    return count;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool
read_hash(const struct word *word, uint8_t hash[AUTH_HASH_BYTES])
{
    static const char prefix[] = "sha256:";
    const size_t prefix_bytes = sizeof(prefix) - 1;

    if (word->bytes != prefix_bytes + 2 * AUTH_HASH_BYTES ||
        memcmp(word->text, prefix, prefix_bytes) != 0)
        return false;
    for (size_t i = 0; i < AUTH_HASH_BYTES; i++) {
        int high = hex_digit(word->text[prefix_bytes + 2 * i]);
        int low = hex_digit(word->text[prefix_bytes + 2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
read_name(const struct word *word, char name[AUTH_NAME_BYTES])
{
    if (word->bytes >= AUTH_NAME_BYTES)
        return false;
    for (size_t i = 0; i < word->bytes; i++) {
        char c = word->text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    memcpy(name, word->text, word->bytes);
    name[word->bytes] = '\0';
    return true;
}

/* What is wrong with a line of three words, or NULL: it is in *token. */
static const char *
line_broken(const struct auth *auth, const struct word words[WORDS_MAX],
            struct auth_token *token)
{
    token->role = ROLE_UNSET;
    if (word_is(&words[0], "customer"))
        token->role = ROLE_CUSTOMER;
    else if (word_is(&words[0], "operator"))
        token->role = ROLE_OPERATOR;
    if (token->role == ROLE_UNSET)
        return "the role is not customer or operator";
    if (!read_name(&words[1], token->name))
        return "the name is not made of 1 to 32 of a-z A-Z 0-9 . _ -";
    if (!read_hash(&words[2], token->hash))
        return "the third word is not sha256: and 64 hexadecimal digits";
    for (size_t i = 0; i < auth->count; i++) {
        if (strcmp(auth->tokens[i].name, token->name) == 0)
            return "the name stands there twice";
        if (memcmp(auth->tokens[i].hash, token->hash, AUTH_HASH_BYTES) == 0)
            return "the token stands there twice";
    }
    return NULL;
}

static const char *
take_line(struct auth *auth, const char *line, size_t bytes)
{
    struct word words[WORDS_MAX + 1];
    size_t count = split(line, bytes, words);
    const char *broken;

    if (count == 0 || words[0].text[0] == '#')
        return NULL;
    if (count != WORDS_MAX)
        return "is not ROLE NAME sha256:HASH";
    if (auth->count == AUTH_TOKENS_MAX)
        return "is one token too many: 256 may be";
    broken = line_broken(auth, words, &auth->tokens[auth->count]);
    if (broken == NULL)
        auth->count++;
    return broken;
}

enum rc
auth_parse(struct auth *auth, const char *text, size_t bytes,
           char words[AUTH_WORDS_BYTES])
{
    const char *end = text + bytes;
    unsigned number = 0;

    auth->count = 0;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *broken;

        if (stop == NULL)
            stop = end;
        number++;
        broken = take_line(auth, text, (size_t)(stop - text));
        if (broken != NULL) {
            snprintf(words, AUTH_WORDS_BYTES, "line %u: %s", number, broken);
            return RC_MALFORMED;
        }
        text = stop + (stop < end);
    }
    if (auth->count > 0)
        return RC_OK;
    snprintf(words, AUTH_WORDS_BYTES, "there is no token: nobody could come "
             "in; scripts/make-token.sh makes one");
    return RC_MALFORMED;
}

static NORETURN void
unreadable(const char *path)
{
    die(EXIT_USAGE, "tokens: %s: cannot be read: %s", path, strerror(errno));
}

/* It holds who may come in: nobody else may read it, or put himself there. */
static void
check_file(int fd, const char *path)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        unreadable(path);
    if (!S_ISREG(status.st_mode))
        die(EXIT_USAGE, "tokens: %s is not a file", path);
    if (status.st_uid != 0 && status.st_uid != geteuid())
        die(EXIT_USAGE, "tokens: %s belongs to user %u: it must be ours "
            "(user %u) or root's", path, (unsigned)status.st_uid,
            (unsigned)geteuid());
    if ((status.st_mode & 077) != 0)
        die(EXIT_USAGE, "tokens: %s is open to others (mode %04o): chmod 600 "
            "it", path, (unsigned)(status.st_mode & 07777));
}

void
auth_load(struct auth *auth, const struct config *config)
{
    static char text[AUTH_FILE_BYTES_MAX + 1];
    const char *path = log_quote(config->tokens);
    char words[AUTH_WORDS_BYTES];
    size_t bytes = 0;
    ssize_t got = 0;
    int fd;

    auth->count = 0;
    if (config->tokens[0] == '\0')
        return;
    fd = open(config->tokens, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        unreadable(path);
    check_file(fd, path);
    do {
        bytes += (size_t)got;
        got = read(fd, text + bytes, sizeof(text) - bytes);
    } while (got > 0);
    if (got < 0)
        unreadable(path);
    close(fd);
    if (bytes > AUTH_FILE_BYTES_MAX)
        die(EXIT_USAGE, "tokens: %s has over %d bytes", path,
            AUTH_FILE_BYTES_MAX);
    if (auth_parse(auth, text, bytes, words) != RC_OK)
        die(EXIT_USAGE, "tokens: %s: %s", path, words);
}

enum role
auth_role(const struct auth *auth, const char *token, size_t bytes)
{
    struct sha256_ctx context;
    uint8_t hash[AUTH_HASH_BYTES];
    enum role role = ROLE_ANYBODY;

    sha256_init(&context);
    sha256_update(&context, bytes, (const uint8_t *)token);
    sha256_digest(&context, sizeof(hash), hash);
    for (size_t i = 0; i < auth->count; i++) {
        if (memeql_sec(auth->tokens[i].hash, hash, sizeof(hash)) != 0)
            role = auth->tokens[i].role;
    }
    return role;
}

/* RFC 6750's b64token behind "Bearer" and blanks; false if it is anything
 * else. */
static bool
find_token(const struct http_headers *headers, struct word *token_out)
{
    static const char scheme[] = "Bearer ";
    static const char others[] = "-._~+/=";
    const char *at = headers->authorization;
    const char *end = at + headers->authorization_bytes;

    if (headers->authorizations != 1 ||
        headers->authorization_bytes < sizeof(scheme) ||
        strncasecmp(at, scheme, sizeof(scheme) - 1) != 0)
        return false;
    for (at += sizeof(scheme) - 1; at < end && *at == ' ';)
        at++;
    *token_out = (struct word){ at, (size_t)(end - at) };
    for (; at < end; at++) {
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
              (*at >= '0' && *at <= '9') ||
              memchr(others, *at, sizeof(others) - 1) != NULL))
            return false;
    }
    return token_out->bytes > 0 && token_out->bytes <= AUTH_TOKEN_BYTES_MAX;
}

void
auth_admit(const struct auth *auth, struct http_call *call)
{
    enum role role = ROLE_ANYBODY;
    struct word token;

    if (auth->count == 0 ||
        (call->route != NULL && call->route->role == ROLE_ANYBODY))
        return;
    if (find_token(&call->headers, &token))
        role = auth_role(auth, token.text, token.bytes);
    if (role == ROLE_ANYBODY) {
        http_call_refuse(call, PROBLEM_UNAUTHORIZED, "Authorization",
                         "send one Authorization: Bearer TOKEN, with a token "
                         "that is known here");
        return;
    }
    if (call->route != NULL &&
        (call->route->role == ROLE_UNSET || role < call->route->role))
        http_call_refuse(call, PROBLEM_FORBIDDEN, NULL,
                         "this needs a token of another role");
}
