#include "saga/store_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "saga/directory.h"
#include "saga/store_db.h"

#define ROOM_FIRST 64

struct names {
    char **items;
    int count;
    int room;
};

static void
free_names(char **items, int count)
{
    while (count > 0)
        free(items[--count]);
    free(items);
}

/* 0, or the error. */
static int
add_name(struct names *names, const char *name)
{
    int room = names->room == 0 ? ROOM_FIRST : 2 * names->room;
    char **items;

    if (names->count == names->room) {
        items = realloc(names->items, (size_t)room * sizeof *items);
        if (items == NULL)
            return ENOMEM;
        names->items = items;
        names->room = room;
    }
    names->items[names->count] = strdup(name);
    if (names->items[names->count] == NULL)
        return ENOMEM;
    names->count++;
    return 0;
}

/* As the library does: files alone, and none that went meanwhile. */
static int
add_if_file(struct names *names, int directory_fd, const char *name)
{
    struct stat status;

    if (fstatat(directory_fd, name, &status, 0) != 0)
        return errno == ENOENT ? 0 : errno;
    return S_ISREG(status.st_mode) ? add_name(names, name) : 0;
}

/* In the library's place: 0, or the error. */
static int
list_names(const char *path, char ***items_out, int *count_out)
{
    DIR *directory = opendir(path);
    struct names names = { .count = 0 };
    const struct dirent *entry;
    int error = 0;

    if (directory == NULL)
        return errno;
    while (error == 0 && (entry = directory_next(directory)) != NULL)
        error = add_if_file(&names, dirfd(directory), entry->d_name);
    if (error == 0)
        error = errno;
    closedir(directory);
    if (error != 0) {
        free_names(names.items, names.count);
        return error;
    }
    *items_out = names.items;
    *count_out = names.count;
    return 0;
}

int
store_names_install(void)
{
    int error = db_env_set_func_dirlist(list_names);

    return error == 0 ? db_env_set_func_dirfree(free_names) : error;
}
