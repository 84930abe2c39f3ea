/*
 * replay.c - gives a fuzz target every file of its corpus, once
 *
 *   replay_TARGET [FILE...]     without: all of tests/fuzz/corpus/TARGET
 *
 * A file that breaks a law is the last one named on stderr.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define FILE_BYTES_MAX (1u << 20)
#define PATH_BYTES 1024

static bool
replay_file(const char *path)
{
    uint8_t *data = malloc(FILE_BYTES_MAX);
    FILE *file = fopen(path, "rb");
    uint8_t *fitting;
    size_t size;

    if (file == NULL || data == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(EXIT_SYSTEM);
    }
    size = fread(data, 1, FILE_BYTES_MAX, file);
    fclose(file);
    /* Its own size, so that the sanitizer finds a look past the end. */
    fitting = realloc(data, size > 0 ? size : 1);
    if (fitting == NULL)
        exit(EXIT_SYSTEM);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(fitting, size);
    free(fitting);
    return true;
}

static size_t
replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char file[PATH_BYTES + NAME_MAX + 2];
    size_t count = 0;

    if (directory == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(EXIT_SYSTEM);
    }
    while ((entry = readdir(directory)) != NULL) {
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && replay_file(file))
            count++;
    }
    closedir(directory);
    return count;
}

int
main(int argc, char **argv)
{
    const char *target = strrchr(argv[0], '_');
    char path[PATH_BYTES];

    invariant(target != NULL);
    LLVMFuzzerTestOneInput(NULL, 0);
    for (int i = 1; i < argc; i++)
        replay_file(argv[i]);
    if (argc > 1)
        return EXIT_DONE;
    snprintf(path, sizeof path, "tests/fuzz/corpus/%s", target + 1);
    if (replay_directory(path) > 0)
        return EXIT_DONE;
    fprintf(stderr, "%s holds nothing\n", path);
    return EXIT_USAGE;
}
