/* A server inside the test, on 127.0.0.1, that does to the byte what a test says.
 *
 * Each connection has a thread of its own, which runs the script and then closes. */
#ifndef TESTS_NET_UPSTREAM_H
#define TESTS_NET_UPSTREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct upstream {
    int port;
    int listener;
    void (*script)(struct upstream *u, int fd, int nth); /* nth connection, from 0 */
    void *arg;
    atomic_int connections, requests;
    atomic_llong closed_ms; /* when upstream_wait_closed saw the peer's end; monotonic */
    struct upstream_state *state;
};

void upstream_start(struct upstream *u);
/* The next connection is refused; waits for the scripts. */
void upstream_stop(struct upstream *u);

/* Reads one request whole, body included (Content-Length). False: the peer closed before one came.
 */
bool upstream_request(struct upstream *u, int fd, char *ret_head, size_t size,
                      size_t *ret_body_len);
bool upstream_skip(struct upstream *u, int fd); /* the same, nobody looks */
bool upstream_send(int fd, struct str bytes);   /* false: the peer is gone */
void upstream_say(int fd, const char *text);
void upstream_reset(int fd); /* RST, not FIN; closes it */
void upstream_wait_closed(struct upstream *u, int fd);

#endif
