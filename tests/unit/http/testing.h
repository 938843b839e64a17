/* A server on a free port with the rows of rows.c, and a client that sends bytes as they are.
 *
 * Nothing here knows how to speak well: tests say what goes over the wire. Reads end with the
 * connection, or with a whole answer; a server that keeps silent for 10 s fails the test. */
#ifndef TESTS_UNIT_HTTP_TESTING_H
#define TESTS_UNIT_HTTP_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/app.h"
#include "base/buf.h"
#include "http/http.h"
#include "op/op.h"

struct server;
/* Like a plain configuration; change what a test needs before server_open. */
struct http_options server_options(void);
struct server *server_open(const struct http_options *o);
/* Drains, stops, frees. */
void server_close(struct server *s);
struct app *server_app(struct server *s);
struct http_server *server_http(struct server *s);
struct http_stats server_stats(struct server *s);
/* Turns until `fn` says true; fails after 10 s. For what another thread brings about. */
void wait_until(bool (*fn)(void *arg), void *arg);

/* ---- the client ---- */
int dial(struct server *s);
int dial_port(int port);
int dial_control(const char *path);
/* All bytes, or as many as the server takes before it closes. */
void send_bytes(int fd, struct str bytes);
void send_text(int fd, const char *text);
/* Everything until the server closes; *ret_reset: it ended in a reset. NUL-terminated, static. */
struct str read_all(int fd, bool *ret_reset);
/* One answer with its body (by content-length or chunks; bodiless where the status says so).
 * Status 0: the connection ended before one was whole. */
struct reading {
    int status;
    struct str head; /* with the status line, ends before the empty line */
    struct str body;
};
struct reading read_answer(int fd);
struct reading read_head_answer(int fd); /* of a HEAD request */
/* Value of that (lower-case) header, or "". Static. */
const char *head_value(struct reading r, const char *name);
/* Sends, says that nothing more comes, and gives the status of the first answer (0: none) and how
 * many answers there were. */
int status_of(struct server *s, struct str bytes, int *ret_answers);
#define EXPECT_STATUS(s, text, status)                                                             \
    assert_int_equal(status_of((s), (struct str){ text, sizeof(text) - 1 }, NULL), status)

/* ---- rows.c ---- */
extern const struct op rows[];
extern const size_t rows_count;
extern const struct gate_hooks rows_hooks;

/* What the rows do for a test; reset by server_open. */
struct rows_control {
    _Atomic int body_calls;        /* how often a row's function ran */
    _Atomic int held;              /* calls of /held that wait */
    _Atomic int release;           /* as many of them may go on */
    _Atomic int spooled;           /* bytes that came to spools */
    _Atomic int spools;            /* open spools */
    _Atomic int readers;           /* open blob readers */
    _Atomic int64_t blob_fails_at; /* reads at or after this offset fail; 0: none */
    struct sink *_Atomic sink;     /* of the last /stream; the test unrefs it */
    _Atomic int gone;              /* readers that left a stream */
};
extern struct rows_control rows_control;
/* Byte i of every blob, so that ranges are checked by content. */
static inline char blob_byte(int64_t i)
{
    return (char)('a' + i % 23);
}

#endif
