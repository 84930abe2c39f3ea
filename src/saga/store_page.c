/*
 * store_page.c - in the library's place of pread(2)
 */
#include "saga/store_page.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/store_db.h"
#include "saga/store_rename.h"

/* What every page begins with; in this machine's order. */
struct page_head {
    uint32_t lsn[2];
    uint32_t number;
};

/* Of zeros, as recovery found it. */
struct zero_page {
    char name[STORE_NAME_BYTES];
    uint32_t number;
};

/* As many as there are between two checkpoints, at most. */
static _Thread_local struct {
    bool allowed, noted;
    struct zero_page *pages;
    size_t count, room;
} zeros;

void
store_page_zeros_allow(bool noted)
{
    zeros.allowed = true;
    zeros.noted = noted;
}

void
store_page_zeros_refuse(void)
{
    free(zeros.pages);
    memset(&zeros, 0, sizeof zeros);
}

static bool
is_zeros(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, STORE_PAGE_BYTES - 1) == 0;
}

/* The words are told with the failure that the library makes of it. */
static void
spoil(uint8_t *page, uint32_t number, uint32_t found)
{
    char words[80];

    snprintf(words, sizeof words, "page %" PRIu32 " says that it is page %"
             PRIu32, number, found);
    store_words_add(words);
    memset(page, 0xff, STORE_PAGE_BYTES);
}

static bool
number_is(const uint8_t *page, off_t at)
{
    struct page_head head;

    memcpy(&head, page, sizeof head);
    return head.number == (uint64_t)at / STORE_PAGE_BYTES;
}

static bool
zeros_grow(void)
{
    size_t room = zeros.room == 0 ? 64 : 2 * zeros.room;
    struct zero_page *pages = realloc(zeros.pages, room * sizeof *pages);

    if (pages == NULL)
        return false;
    zeros.pages = pages;
    zeros.room = room;
    return true;
}

/* False, and errno, without memory. */
static bool
zeros_note(int fd, off_t at)
{
    char path[PATH_MAX];
    struct zero_page *page;

    if (!zeros.noted)
        return true;
    if (zeros.count == zeros.room && !zeros_grow())
        return false;
    store_path_of(fd, path);
    page = &zeros.pages[zeros.count++];
    snprintf(page->name, sizeof page->name, "%.*s", STORE_NAME_BYTES - 1,
             store_base_name(path));
    page->number = (uint32_t)(at / STORE_PAGE_BYTES);
    return true;
}

/* True if the file has it by now, or has gone. */
static bool
page_is_there(const char *directory, const struct zero_page *page)
{
    char path[PATH_MAX + STORE_NAME_BYTES];
    off_t at = (off_t)page->number * STORE_PAGE_BYTES;
    uint8_t bytes[STORE_PAGE_BYTES];
    bool is_there;
    int fd;

    snprintf(path, sizeof path, "%s/%s", directory, page->name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT;
    is_there = pread(fd, bytes, sizeof bytes, at) == (ssize_t)sizeof bytes &&
               number_is(bytes, at);
    close(fd);
    return is_there;
}

enum rc
store_page_zeros_look(const char *directory, struct store_lengths *lengths)
{
    enum rc rc = RC_OK;
    size_t i;

    for (i = 0; i < zeros.count && rc == RC_OK; i++)
        if (!page_is_there(directory, &zeros.pages[i]))
            rc = store_lengths_note(lengths, zeros.pages[i].name);
    return rc;
}

/* Tables are read by the page; the log, and what is copied, is not. */
static ssize_t
read_page(int fd, void *data, size_t bytes, off_t at)
{
    ssize_t got = pread(fd, data, bytes, at);
    struct page_head head;

    if (got != (ssize_t)STORE_PAGE_BYTES || at % STORE_PAGE_BYTES != 0 ||
        number_is(data, at))
        return got;
    if (zeros.allowed && is_zeros(data))
        return zeros_note(fd, at) ? got : -1;
    memcpy(&head, data, sizeof head);
    spoil(data, (uint32_t)(at / STORE_PAGE_BYTES), head.number);
    return got;
}

int
store_page_install(void)
{
    return db_env_set_func_pread(read_page);
}
