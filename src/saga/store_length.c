#include "saga/store_length.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/directory.h"
#include "saga/file_replace.h"
#include "saga/log.h"
#include "saga/store_db.h"
#include "saga/store_file.h"

_Static_assert(STORE_TABLE_ID_BYTES == DB_FILE_ID_LEN, "the library's id");

#define ID_TEXT_BYTES (2 * STORE_TABLE_ID_BYTES + 1)
#define LINE_BYTES (STORE_NAME_BYTES + ID_TEXT_BYTES + 32)
#define LINE_END "end\n"
/* What the first page of a B-tree begins with; in this machine's order. */
struct first_page {
    uint32_t lsn[2];
    uint32_t page;
    uint32_t magic;
    uint32_t version;
    uint32_t page_bytes;
    uint8_t kinds[4];
    uint32_t free;
    uint32_t last_page;
    uint32_t counts[4];
    uint8_t id[STORE_TABLE_ID_BYTES];
};

#define BTREE_MAGIC 0x053162u
#define MAGIC_END_BYTES (offsetof(struct first_page, magic) + sizeof(uint32_t))

/* A table's file, open. */
struct table_file {
    int fd;
    struct stat status;
    struct first_page first;
    ssize_t first_bytes; /* of it that are there */
};

static enum rc
lengths_failed(const char *operation, const char *directory, const char *name)
{
    log_error("store_failed", "rc=io operation=%s table=%s directory=%s "
              "error=%s", operation, log_quote(name), log_quote(directory),
              log_quote(strerror(errno)));
    return RC_IO;
}

static void
path_of(char path[PATH_MAX], const char *directory, const char *name)
{
    int bytes = snprintf(path, PATH_MAX, "%s/%s", directory, name);

    invariant(bytes > 0 && bytes < PATH_MAX);
}

/* Also if that can't be told. */
static bool
has_file(const char *directory, const char *name)
{
    char path[PATH_MAX];

    path_of(path, directory, name);
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/* False if there is no such file. */
static bool
table_file_open(struct table_file *file, int directory_fd, const char *name)
{
    file->fd = openat(directory_fd, name,
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file->fd < 0)
        return false;
    file->first = (struct first_page){ .magic = 0 };
    file->first_bytes = pread(file->fd, &file->first, sizeof file->first, 0);
    if (fstat(file->fd, &file->status) == 0 && S_ISREG(file->status.st_mode))
        return true;
    close(file->fd);
    return false;
}

static uint64_t
table_file_pages(const struct table_file *file)
{
    return (uint64_t)file->status.st_size / STORE_PAGE_BYTES;
}

/* As it stands in table_pages. */
static void
id_text(const uint8_t *id, char text[ID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < STORE_TABLE_ID_BYTES; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 15];
    }
    text[2 * i] = '\0';
}

static enum rc
table_was_cut(const char *directory, const char *name, uint64_t pages,
              uint64_t pages_found)
{
    log_error("store_failed", "rc=damaged operation=open words=\"a table was "
              "cut\" table=%s pages=%" PRIu64 " pages_found=%" PRIu64
              " directory=%s",
              log_quote(name), pages, pages_found, log_quote(directory));
    return RC_DAMAGED;
}

/* ---- after recovery ---------------------------------------------------- */

static enum rc
check_by_first_page(const char *directory, const char *name,
                    const struct table_file *file)
{
    if (file->first_bytes >= (ssize_t)MAGIC_END_BYTES &&
        file->first.magic != BTREE_MAGIC)
        return RC_OK; /* the library will say what it is */
    if (table_file_pages(file) > file->first.last_page)
        return RC_OK;
    return table_was_cut(directory, name,
                         (uint64_t)file->first.last_page + 1,
                         table_file_pages(file));
}

enum rc
store_lengths_check(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    struct table_file file;
    enum rc rc = RC_OK;

    if (directory == NULL)
        return lengths_failed("open", path, "-");
    while ((entry = directory_next(directory)) != NULL) {
        if (!store_name_is_table(entry->d_name) ||
            !table_file_open(&file, dirfd(directory), entry->d_name))
            continue;
        if (check_by_first_page(path, entry->d_name, &file) != RC_OK)
            rc = RC_DAMAGED;
        close(file.fd);
    }
    if (errno != 0 && rc == RC_OK)
        rc = lengths_failed("readdir", path, "-");
    closedir(directory);
    return rc;
}

/* One whose first page can't be read, or is no table's, the library tells. */
static bool
is_another(const char *directory, const struct store_length *length)
{
    char path[PATH_MAX];
    struct table_file file;

    path_of(path, directory, length->name);
    if (!table_file_open(&file, AT_FDCWD, path))
        return false;
    close(file.fd);
    return file.first_bytes == (ssize_t)sizeof file.first &&
           file.first.magic == BTREE_MAGIC &&
           memcmp(file.first.id, length->id, sizeof length->id) != 0;
}

enum rc
store_lengths_missing(const char *directory,
                      const struct store_lengths *lengths,
                      bool (*stays)(const char *name))
{
    enum rc rc = RC_OK;
    size_t i;

    for (i = 0; i < lengths->count && stays != NULL; i++) {
        const struct store_length *length = &lengths->items[i];
        const char *words;

        if (length->pages == STORE_PAGES_SHORT_LATER || !stays(length->name))
            continue;
        if (!has_file(directory, length->name))
            words = "a table is missing";
        else if (is_another(directory, length))
            words = "another table is in its place";
        else
            continue;
        log_error("store_failed", "rc=damaged operation=open words=%s table=%s "
                  "directory=%s", log_quote(words), log_quote(length->name),
                  log_quote(directory));
        rc = RC_DAMAGED;
    }
    return rc;
}

/* ---- after a checkpoint ------------------------------------------------ */

/* To be freed; NULL and errno without memory. */
static char *
lines_text(const struct store_lengths *lengths, size_t *bytes_out)
{
    char *text = NULL, id[ID_TEXT_BYTES];
    FILE *lines = open_memstream(&text, bytes_out);
    size_t i;

    if (lines == NULL)
        return NULL;
    for (i = 0; i < lengths->count; i++) {
        id_text(lengths->items[i].id, id);
        fprintf(lines, "%s %s %" PRIu32 "\n", lengths->items[i].name, id,
                lengths->items[i].pages);
    }
    fputs(LINE_END, lines);
    if (fclose(lines) == 0)
        return text;
    free(text);
    return NULL;
}

static bool
lengths_replace(const char *directory, const struct store_lengths *lengths)
{
    char path[PATH_MAX];
    size_t bytes = 0;
    char *text = lines_text(lengths, &bytes);
    bool replaced;

    path_of(path, directory, STORE_PAGES_NAME);
    replaced = text != NULL && file_replace(path, text, bytes) == 0;
    free(text);
    return replaced;
}

void
store_lengths_write(const char *directory,
                    const struct store_lengths *lengths)
{
    if (!lengths_replace(directory, lengths))
        log_warning("store_mark_failed", "operation=write path=%s/"
                    STORE_PAGES_NAME " error=%s", directory,
                    log_quote(strerror(errno)));
}

static bool
name_is_known(const struct store_lengths *lengths, const char *name)
{
    size_t i;

    for (i = 0; i < lengths->count; i++)
        if (strcmp(lengths->items[i].name, name) == 0)
            return true;
    return false;
}

void
store_lengths_keep(const char *directory, struct store_lengths *lengths,
                   const struct store_lengths *known)
{
    size_t i;

    for (i = 0; i < known->count; i++)
        if (known->items[i].pages != STORE_PAGES_SHORT_LATER &&
            !name_is_known(lengths, known->items[i].name) &&
            has_file(directory, known->items[i].name))
            lengths->items[lengths->count++] = known->items[i];
}

/* ---- before recovery ---------------------------------------------------- */

static enum rc
line_damaged(const char *directory, const char *line)
{
    log_error("store_failed", "rc=damaged operation=open words=\"a line of "
              STORE_PAGES_NAME "\" line=%s directory=%s", log_quote(line),
              log_quote(directory));
    return RC_DAMAGED;
}

static bool
table_is_short(int directory_fd, const struct store_length *length)
{
    struct table_file file;
    bool is_short;

    if (!table_file_open(&file, directory_fd, length->name))
        return false; /* store_lengths_missing() */
    is_short = table_file_pages(&file) < length->pages &&
               (file.first_bytes < (ssize_t)sizeof file.first ||
                memcmp(file.first.id, length->id, sizeof length->id) == 0);
    close(file.fd);
    return is_short;
}

static bool
line_read(const char *line, struct store_length *length_out)
{
    char name[LINE_BYTES], id[LINE_BYTES];
    size_t i;

    if (sscanf(line, "%s %s %" SCNu32, name, id, &length_out->pages) != 3 ||
        !store_name_is_table(name) || strlen(id) != ID_TEXT_BYTES - 1)
        return false;
    memcpy(length_out->name, name, sizeof length_out->name);
    for (i = 0; i < STORE_TABLE_ID_BYTES; i++)
        if (sscanf(id + 2 * i, "%2hhx", &length_out->id[i]) != 1)
            return false;
    return true;
}

static enum rc
lengths_add(struct store_lengths *lengths, const struct store_length *length)
{
    struct store_length *items =
        realloc(lengths->items, (lengths->count + 1) * sizeof *items);

    if (items == NULL)
        return RC_NO_MEMORY;
    lengths->items = items;
    lengths->items[lengths->count++] = *length;
    return RC_OK;
}

enum rc
store_lengths_note(struct store_lengths *lengths, const char *name)
{
    struct store_length length = { .pages = STORE_PAGES_SHORT_LATER };
    size_t i;

    if (!store_name_is_table(name))
        return RC_OK; /* a removed one's: recovery gives it its own, or none */
    for (i = 0; i < lengths->count; i++) {
        if (strcmp(lengths->items[i].name, name) != 0)
            continue;
        if (lengths->items[i].pages < STORE_PAGES_SHORT_LATER)
            lengths->items[i].pages = STORE_PAGES_SHORT;
        return RC_OK;
    }
    memcpy(length.name, name, strlen(name) + 1);
    return lengths_add(lengths, &length);
}

static enum rc
lines_read(const char *directory, FILE *lines,
           struct store_lengths *lengths_out)
{
    struct store_length length;
    char line[LINE_BYTES];
    enum rc rc = RC_OK;

    while (rc == RC_OK && fgets(line, sizeof line, lines) != NULL) {
        if (strcmp(line, LINE_END) == 0)
            return RC_OK;
        if (!line_read(line, &length))
            return line_damaged(directory, line);
        rc = lengths_add(lengths_out, &length);
    }
    return rc == RC_OK ? line_damaged(directory, "no end") : rc;
}

static bool
length_is_known(const struct store_lengths *lengths,
                const struct store_length *length)
{
    size_t i;

    for (i = 0; i < lengths->count; i++)
        if (strcmp(lengths->items[i].name, length->name) == 0 &&
            memcmp(lengths->items[i].id, length->id, sizeof length->id) == 0)
            return true;
    return false;
}

/* Of a table that was made since the checkpoint only its first page tells; and
 * recovery may make the file long again. */
static enum rc
new_table_compare(int directory_fd, const char *name,
                  struct store_lengths *lengths, bool *noted)
{
    struct store_length length = { .pages = STORE_PAGES_SHORT_LATER };
    struct table_file file;

    if (!table_file_open(&file, directory_fd, name))
        return RC_OK; /* no table */
    close(file.fd);
    if (file.first.magic != BTREE_MAGIC ||
        table_file_pages(&file) > file.first.last_page)
        return RC_OK;
    memcpy(length.name, name, strlen(name) + 1);
    memcpy(length.id, file.first.id, sizeof length.id);
    if (length_is_known(lengths, &length))
        return RC_OK;
    *noted = true;
    return lengths_add(lengths, &length);
}

static enum rc
tables_compare(const char *path, struct store_lengths *lengths, bool *noted)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    enum rc rc = RC_OK;
    size_t i;

    if (directory == NULL)
        return lengths_failed("open", path, "-");
    for (i = 0; i < lengths->count; i++)
        if (lengths->items[i].pages < STORE_PAGES_SHORT_LATER &&
            table_is_short(dirfd(directory), &lengths->items[i])) {
            *noted = true;
            lengths->items[i].pages = STORE_PAGES_SHORT;
        }
    while (rc == RC_OK && (entry = directory_next(directory)) != NULL)
        if (store_name_is_table(entry->d_name))
            rc = new_table_compare(dirfd(directory), entry->d_name, lengths,
                                   noted);
    if (rc == RC_OK && errno != 0)
        rc = lengths_failed("readdir", path, "-");
    closedir(directory);
    return rc;
}

/* Written, so that a start that is cut off is no way around. */
static enum rc
short_ones_note(const char *directory, struct store_lengths *lengths)
{
    bool noted = false;
    enum rc rc = tables_compare(directory, lengths, &noted);

    if (rc != RC_OK || !noted || lengths_replace(directory, lengths))
        return rc;
    return lengths_failed("write", directory, STORE_PAGES_NAME);
}

static enum rc
places_check(const char *directory, const struct store_lengths *lengths)
{
    enum rc rc = RC_OK;
    size_t i;

    for (i = 0; i < lengths->count; i++)
        if (store_file_check(directory, lengths->items[i].name) != RC_OK)
            rc = RC_DAMAGED;
    return rc;
}

enum rc
store_lengths_compare(const char *directory, struct store_lengths *lengths_out)
{
    char path[PATH_MAX];
    FILE *lines;
    enum rc rc;

    *lengths_out = (struct store_lengths){ .count = 0 };
    path_of(path, directory, STORE_PAGES_NAME);
    lines = fopen(path, "re");
    if (lines == NULL)
        return errno == ENOENT ? RC_OK
                               : lengths_failed("open", directory,
                                                STORE_PAGES_NAME);
    rc = lines_read(directory, lines, lengths_out);
    fclose(lines);
    if (rc == RC_OK)
        rc = places_check(directory, lengths_out);
    return rc == RC_OK ? short_ones_note(directory, lengths_out) : rc;
}
