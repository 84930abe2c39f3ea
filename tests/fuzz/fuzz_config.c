/*
 * Settings from any texts: a file, then, each behind an octet 0xff, variables
 * (SAGAPIPE_...) and flags.  What is refused is refused in one printable line;
 * what is taken, written as a file, reads back the same.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "saga/knobs.h"

#define TEXTS_MAX 16
#define TEXT_BYTES_MAX 2048
#define ERROR_BYTES 1024
#define SEPARATOR 0xff

struct texts {
    char *list[TEXTS_MAX + 3];
    int count;
};

static void
check_refused(const char *error)
{
    size_t bytes = strlen(error);

    invariant(bytes > 0 && bytes < ERROR_BYTES);
    for (size_t i = 0; i < bytes; i++)
        invariant((uint8_t)error[i] >= ' ' && error[i] != 0x7f);
}

/* The same settings as a file of theirs would have them. */
static void
file_write(FILE *file, const struct config *config)
{
    char value[CONFIG_STRING_BYTES];

    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        knob_format(id, config, value);
        invariant(fprintf(file, "%s = %s\n", knobs[id].name, value) > 0);
    }
    invariant(fflush(file) == 0);
}

static void
check_taken(const struct config *config)
{
    static char program[] = "program";
    static char path[64];
    char *arguments[] = { program, path, NULL };
    char error[ERROR_BYTES] = "";
    struct config again;
    FILE *file = tmpfile();

    invariant(file != NULL);
    snprintf(path, sizeof path, "--config=/proc/self/fd/%d", fileno(file));
    file_write(file, config);
    invariant(config_read(&again, config->self, 2, arguments, NULL, error,
                          sizeof error) == RC_OK);
    fclose(file);
#define K(name, kind, fallback, min, max, who, text)                           \
    invariant(memcmp(&config->name, &again.name,                               \
                     KNOB_KIND_##kind == KNOB_KIND_STRING                      \
                         ? strlen((const char *)&config->name) + 1             \
                         : sizeof config->name) == 0);
    KNOB_LIST(K)
#undef K
    invariant(topic_name_valid(config->name));
    invariant(config->bus[0] != '\0' && config->tap[0] != '\0');
}

static void
file_fill(int fd, const uint8_t *data, size_t size)
{
    invariant(ftruncate(fd, 0) == 0);
    invariant(pwrite(fd, data, size, 0) == (ssize_t)size);
}

/* Up to the next separator, with a NUL; returns the octets passed. */
static size_t
text_cut(const uint8_t *data, size_t size, char text[TEXT_BYTES_MAX])
{
    const uint8_t *end = memchr(data, SEPARATOR, size);
    size_t bytes = end != NULL ? (size_t)(end - data) : size;
    size_t kept = bytes < TEXT_BYTES_MAX ? bytes : TEXT_BYTES_MAX - 1;

    memcpy(text, data, kept);
    text[kept] = '\0';
    return end != NULL ? bytes + 1 : bytes;
}

static void
texts_cut(const uint8_t *data, size_t size, struct texts *variables,
          struct texts *flags)
{
    static char stored[TEXTS_MAX][TEXT_BYTES_MAX];

    for (size_t i = 0; i < TEXTS_MAX && size > 0; i++) {
        size_t passed = text_cut(data, size, stored[i]);
        struct texts *texts =
            strncmp(stored[i], "SAGAPIPE_", 9) == 0 &&
                    strncmp(stored[i], "SAGAPIPE_CONFIG=", 16) != 0
                ? variables : flags;

        /* A file of the machine that runs us says nothing. */
        if (strncmp(stored[i], "--config", 8) != 0)
            texts->list[texts->count++] = stored[i];
        data += passed;
        size -= passed;
    }
    variables->list[variables->count] = NULL;
    flags->list[flags->count] = NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char program[] = "program";
    static char path[64];
    const uint8_t *end = size > 0 ? memchr(data, SEPARATOR, size) : NULL;
    size_t file_bytes = end != NULL ? (size_t)(end - data) : size;
    struct texts variables = { .count = 0 };
    struct texts flags = { .list = { program, path }, .count = 2 };
    struct config config;
    char error[ERROR_BYTES] = "";
    enum process self;
    enum rc rc;

    if (fd < 0) {
        fd = memfd_create("config", MFD_CLOEXEC);
        invariant(fd >= 0);
        snprintf(path, sizeof path, "--config=/proc/self/fd/%d", fd);
    }
    file_fill(fd, data, file_bytes);
    texts_cut(end != NULL ? end + 1 : (const uint8_t *)"",
              end != NULL ? size - file_bytes - 1 : 0, &variables, &flags);
    self = (enum process)(PROCESS_BROKER + size % (PROCESS_COUNT - 1));
    rc = config_read(&config, self, flags.count, flags.list, variables.list,
                     error, sizeof error);
    invariant(rc == RC_OK || rc == RC_MALFORMED || rc == RC_NOT_FOUND);
    if (rc == RC_MALFORMED)
        check_refused(error);
    if (rc == RC_OK)
        check_taken(&config);
    return 0;
}
