#include "saga/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/log.h"

void
notice_claim(struct notice *notice)
{
    const char *text = getenv(notice->variable);
    char *end;
    long fd;

    if (text == NULL)
        return;
    errno = 0;
    fd = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || fd <= STDERR_FILENO ||
        fd > INT16_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0) {
        log_warning("ready_fd_ignored", "value=%s name=%s", log_quote(text),
                    notice->variable);
        return;
    }
    notice->fd = (int)fd;
}

void
notice_say(struct notice *notice)
{
    const size_t bytes = strlen(notice->line);

    if (notice->fd == NOTICE_NO_FD)
        return;
    if (write(notice->fd, notice->line, bytes) != (ssize_t)bytes)
        log_warning("ready_unheard", "to=%s error=%s", notice->variable,
                    log_quote(strerror(errno)));
    close(notice->fd);
    notice->fd = NOTICE_NO_FD;
}
