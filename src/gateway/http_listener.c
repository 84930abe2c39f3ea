#include "gateway/http_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "saga/log.h"

static bool
port_parse(const char *text, in_port_t *port_out)
{
    unsigned port = 0;
    size_t bytes = strlen(text);

    if (bytes == 0 || bytes > 5 || strspn(text, "0123456789") != bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    *port_out = htons((in_port_t)port);
    return port <= 65535;
}

enum rc
http_address_parse(const char *text, union http_address *address_out)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    size_t bytes;
    in_port_t port;

    if (colon == NULL || !port_parse(colon + 1, &port))
        return RC_MALFORMED;
    bytes = (size_t)(colon - text);
    if (bytes == 0 || bytes >= sizeof(host))
        return RC_MALFORMED;
    memcpy(host, text, bytes);
    host[bytes] = '\0';
    memset(address_out, 0, sizeof(*address_out));
    if (host[0] == '[' && host[bytes - 1] == ']') {
        host[bytes - 1] = '\0';
        address_out->ipv6.sin6_family = AF_INET6;
        address_out->ipv6.sin6_port = port;
        return inet_pton(AF_INET6, host + 1, &address_out->ipv6.sin6_addr) == 1
                   ? RC_OK : RC_MALFORMED;
    }
    address_out->ipv4.sin_family = AF_INET;
    address_out->ipv4.sin_port = port;
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1"
                                                             : host,
                     &address_out->ipv4.sin_addr) == 1 ? RC_OK : RC_MALFORMED;
}

void
http_address_url(const union http_address *address, char url[HTTP_URL_BYTES])
{
    char host[INET6_ADDRSTRLEN];

    if (address->any.sa_family == AF_INET6) {
        struct in6_addr host6 = address->ipv6.sin6_addr;

        if (IN6_IS_ADDR_UNSPECIFIED(&host6))
            host6 = in6addr_loopback;
        inet_ntop(AF_INET6, &host6, host, sizeof(host));
        snprintf(url, HTTP_URL_BYTES, "http://[%s]:%u", host,
                 ntohs(address->ipv6.sin6_port));
    } else {
        struct in_addr host4 = address->ipv4.sin_addr;

        if (host4.s_addr == htonl(INADDR_ANY))
            host4.s_addr = htonl(INADDR_LOOPBACK);
        inet_ntop(AF_INET, &host4, host, sizeof(host));
        snprintf(url, HTTP_URL_BYTES, "http://%s:%u", host,
                 ntohs(address->ipv4.sin_port));
    }
}

static NORETURN void
refuse(const struct config *config, int error)
{
    if (error == EADDRINUSE)
        die(EXIT_USAGE, "http: %s is in use by another program: choose "
            "another with SAGAPIPE_HTTP", config->http);
    die(EXIT_USAGE, "http: can't listen on %s: %s", config->http,
        strerror(error));
}

static int
listener_bind(const struct config *config)
{
    union http_address address;
    const int yes = 1;
    socklen_t bytes;
    int fd;

    if (http_address_parse(config->http, &address) != RC_OK)
        die(EXIT_USAGE, "http: \"%s\" is not address:port, as 127.0.0.1:9192",
            config->http);
    bytes = address.any.sa_family == AF_INET6 ? sizeof(address.ipv6)
                                              : sizeof(address.ipv4);
    fd = socket(address.any.sa_family,
                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(fd, &address.any, bytes) != 0 || listen(fd, HTTP_BACKLOG) != 0)
        refuse(config, errno);
    return fd;
}

/* systemd's socket, or -1 if there is none. */
static int
listener_inherit(void)
{
    int count = sd_listen_fds(1);

    if (count <= 0)
        return -1;
    if (count > 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM,
                                  1) <= 0)
        die(EXIT_USAGE, "http: LISTEN_FDS must be one listening TCP socket");
    return SD_LISTEN_FDS_START;
}

static bool
is_loopback(const union http_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->ipv6.sin6_addr);
    return ntohl(address->ipv4.sin_addr.s_addr) >> 24 == 127;
}

int
http_listener_open(const struct config *config, char *url)
{
    union http_address address;
    socklen_t bytes = sizeof(address);
    int fd = listener_inherit();

    if (fd < 0)
        fd = listener_bind(config);
    memset(&address, 0, sizeof(address));
    if (getsockname(fd, &address.any, &bytes) != 0)
        refuse(config, errno);
    if (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6)
        die(EXIT_USAGE, "http: LISTEN_FDS must be one listening TCP socket");
    if (config->tokens[0] == '\0' && !is_loopback(&address))
        die(EXIT_USAGE, "http: LISTEN_FDS is not a loopback address: others "
            "could reach it; configure tokens (SAGAPIPE_TOKENS) first");
    http_address_url(&address, url);
    return fd;
}
