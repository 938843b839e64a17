/* See service.h. The protocol is a datagram of text to a socket whose name is in the environment; a
 * name that begins with @ is an abstract one. */
#include "cli/service.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

static socklen_t manager_address(struct sockaddr_un *ret)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (len < 2 || len >= sizeof ret->sun_path || (path[0] != '/' && path[0] != '@'))
        return 0;
    memcpy(ret->sun_path, path, len);
    if (path[0] == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void service_tell(const char *fmt, ...)
{
    struct sockaddr_un a;
    socklen_t size = manager_address(&a);
    char text[512];
    va_list ap;
    if (!size)
        return;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || len < 0 ||
        sendto(fd, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1, MSG_NOSIGNAL,
               (struct sockaddr *)&a, size) < 0)
        log_line(LOG_WARN, "the service manager could not be told",
                 log_s("error", str_of(strerror(errno))));
    if (fd >= 0)
        close(fd);
}

void service_tell_reloading(void)
{
    service_tell("RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)clock_monotonic_us());
}

int64_t service_watchdog_us(void)
{
    int64_t us = 0, pid = 0;
    const char *for_pid = getenv("WATCHDOG_PID");
    if (!str_to_i64(str_of(getenv("WATCHDOG_USEC")), &us) || us <= 0)
        return 0;
    if (for_pid && (!str_to_i64(str_of(for_pid), &pid) || pid != getpid()))
        return 0;
    return us;
}
