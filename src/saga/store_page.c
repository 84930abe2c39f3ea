/*
 * store_page.c - in the library's place of pread(2)
 */
#include "saga/store_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "saga/store_db.h"
#include "saga/store_rename.h"

/* What every page begins with; in this machine's order. */
struct page_head {
    uint32_t lsn[2];
    uint32_t number;
};

static _Thread_local bool zeros_allowed;
static _Thread_local struct store_lengths *zeros_noted;

void
store_page_zeros_allow(struct store_lengths *noted)
{
    zeros_allowed = true;
    zeros_noted = noted;
}

void
store_page_zeros_refuse(void)
{
    zeros_allowed = false;
    zeros_noted = NULL;
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

/* False, and errno, without memory. */
static bool
zeros_note(int fd)
{
    char link[64], path[PATH_MAX];
    ssize_t bytes;

    if (zeros_noted == NULL)
        return true;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    bytes = readlink(link, path, sizeof path - 1);
    path[bytes > 0 ? bytes : 0] = '\0';
    if (store_lengths_note(zeros_noted, store_base_name(path)) == RC_OK)
        return true;
    errno = ENOMEM;
    return false;
}

/* Tables are read by the page; the log, and what is copied, is not. */
static ssize_t
read_page(int fd, void *data, size_t bytes, off_t at)
{
    ssize_t got = pread(fd, data, bytes, at);
    struct page_head head;

    if (got != (ssize_t)STORE_PAGE_BYTES || at % STORE_PAGE_BYTES != 0)
        return got;
    memcpy(&head, data, sizeof head);
    if (head.number == (uint64_t)at / STORE_PAGE_BYTES)
        return got;
    if (zeros_allowed && is_zeros(data))
        return zeros_note(fd) ? got : -1;
    spoil(data, (uint32_t)(at / STORE_PAGE_BYTES), head.number);
    return got;
}

int
store_page_install(void)
{
    return db_env_set_func_pread(read_page);
}
