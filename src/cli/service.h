/* What the service manager is told: systemd's notify protocol (sd_notify(3)), without its library.
 *
 * Nothing happens without $NOTIFY_SOCKET. A socket that cannot be reached is logged, never an
 * error. */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include <stdint.h>

/* One datagram of NAME=VALUE lines. */
void service_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* RELOADING=1 with the time that Type=notify-reload asks for; READY=1 ends it. */
void service_tell_reloading(void);
/* $WATCHDOG_USEC, when it is meant for this process ($WATCHDOG_PID); 0: there is no watchdog. */
int64_t service_watchdog_us(void);

#endif
