#include "saga/directory.h"

#include <errno.h>

const struct dirent *
directory_next(DIR *directory)
{
    errno = 0;
    return readdir(directory);
}
