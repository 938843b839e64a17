/* See s3_double.h. One connection at a time, one request each. */
#include "s3_double.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"

struct object {
    struct object *next;
    char key[128];
    char *bytes;
    size_t len;
    int64_t modified_ms;
};

struct s3_double {
    int listener, port;
    pthread_t thread;
    atomic_bool stopping;
    atomic_int mood;
    atomic_int objects_count;
    atomic_int_least64_t modified_ms;
    struct object *objects;
};

/* ---- signature ---- */

static struct str header_value(struct str head, struct str name)
{
    while (str_given(head)) {
        struct str line = str_split(&head, '\n');
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        size_t colon = str_find_byte(line, ':');
        if (colon != SIZE_MAX && str_eq_nocase(str_sub(line, 0, colon), name))
            return str_trim(str_sub(line, colon + 1, line.len));
    }
    return STR_NULL;
}

static void request_line(struct str head, struct str *method, struct str *path, struct str *query)
{
    struct str line = str_split(&head, '\n'), target;
    *method = str_split(&line, ' ');
    target = str_split(&line, ' ');
    *path = str_split(&target, '?');
    *query = str_given(target) ? target : STR("");
}

static void hmac_into(uint8_t key[32], struct str s)
{
    uint8_t out[32];
    hmac_sha256((struct str){ (char *)key, 32 }, s, out);
    memcpy(key, out, 32);
}

void s3_double_signature(struct arena *a, struct str head, struct str signed_headers,
                         const char *secret, char out[65])
{
    struct str method, path, query, date = header_value(head, STR("x-amz-date"));
    struct buf canonical, start;
    uint8_t hash[32], key[32];
    request_line(head, &method, &path, &query);
    buf_init(&canonical, a, 16384);
    buf_printf(&canonical, "%.*s\n%.*s\n%.*s\n", STR_ARG(method), STR_ARG(path), STR_ARG(query));
    for (struct str rest = signed_headers; str_given(rest);) {
        struct str name = str_split(&rest, ';'), value = header_value(head, name);
        buf_printf(&canonical, "%.*s:%.*s\n", STR_ARG(name), STR_ARG(value));
    }
    struct str payload = header_value(head, STR("x-amz-content-sha256"));
    buf_printf(&canonical, "\n%.*s\n%.*s", STR_ARG(signed_headers), STR_ARG(payload));
    sha256(buf_str(&canonical), hash);
    hex_encode(hash, 32, out);
    out[64] = 0;
    struct str day = str_sub(date, 0, 8);
    struct str text =
        str_fmt(a, "AWS4-HMAC-SHA256\n%.*s\n%.*s/" S3_DOUBLE_REGION "/s3/aws4_request\n%s",
                STR_ARG(date), STR_ARG(day), out);
    buf_init(&start, a, 200);
    buf_printf(&start, "AWS4%s", secret);
    hmac_sha256(buf_str(&start), day, key);
    hmac_into(key, STR(S3_DOUBLE_REGION));
    hmac_into(key, STR("s3"));
    hmac_into(key, STR("aws4_request"));
    hmac_into(key, text);
    hex_encode(key, 32, out);
    out[64] = 0;
}

static bool signed_right(struct arena *a, struct str head)
{
    struct str auth = header_value(head, STR("authorization"));
    size_t credential = str_find(auth, STR("Credential=" S3_DOUBLE_KEY "/"));
    size_t list = str_find(auth, STR("SignedHeaders="));
    size_t at = str_find(auth, STR("Signature="));
    char expected[65];
    if (credential == SIZE_MAX || list == SIZE_MAX || at == SIZE_MAX)
        return false;
    struct str names = str_sub(auth, list + 14, auth.len);
    names = str_split(&names, ',');
    if (str_find(names, STR("host")) == SIZE_MAX)
        return false;
    s3_double_signature(a, head, names, S3_DOUBLE_SECRET, expected);
    return str_is(str_sub(auth, at + 10, auth.len), expected);
}

/* ---- objects ---- */

static struct object **find(struct s3_double *d, struct str key)
{
    struct object **o = &d->objects;
    while (*o && !str_is(key, (*o)->key))
        o = &(*o)->next;
    return o;
}

static void object_free(struct object *o)
{
    free(o->bytes);
    free(o);
}

static void put_object(struct s3_double *d, struct str key, struct str body)
{
    struct object **at = find(d, key), *o = *at;
    if (!o) {
        o = *at = calloc(1, sizeof *o);
        memcpy(o->key, key.ptr, key.len < 127 ? key.len : 127);
        atomic_fetch_add(&d->objects_count, 1);
    }
    free(o->bytes);
    o->bytes = malloc(body.len + 1);
    memcpy(o->bytes, body.ptr, body.len);
    o->len = body.len;
    o->modified_ms = clock_wall_ms();
}

static void delete_object(struct s3_double *d, struct str key)
{
    struct object **at = find(d, key), *o = *at;
    if (!o)
        return;
    *at = o->next;
    object_free(o);
    atomic_fetch_sub(&d->objects_count, 1);
}

/* ---- answers ---- */

static void answer(struct buf *out, const char *status, struct str body)
{
    buf_printf(out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
               body.len);
    buf_put_str(out, body);
}

static void answer_get(struct s3_double *d, struct str key, struct str range, struct buf *out)
{
    struct object *o = *find(d, key);
    int64_t from, to;
    if (!o) {
        answer(out, "404 Not Found", STR("<Error><Code>NoSuchKey</Code></Error>"));
        return;
    }
    (void)str_split(&range, '=');
    if (!str_to_i64(str_split(&range, '-'), &from) || !str_to_i64(range, &to) ||
        to >= (int64_t)o->len) {
        answer(out, "416 Range Not Satisfiable", STR(""));
        return;
    }
    if (atomic_load(&d->mood) == S3_DOUBLE_WRONG_RANGE) {
        answer(out, "200 OK", (struct str){ o->bytes, o->len });
        return;
    }
    if (atomic_load(&d->mood) == S3_DOUBLE_SHORT)
        to--;
    answer(out, "206 Partial Content", (struct str){ o->bytes + from, (size_t)(to - from + 1) });
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(struct object *const *)a)->key, (*(struct object *const *)b)->key);
}

static void answer_list(struct s3_double *d, struct arena *a, struct str query, struct buf *out)
{
    enum { PAGE = 2 }; /* small, so that the client has to go on */
    size_t n = 0, count = (size_t)atomic_load(&d->objects_count);
    struct object **all = arena_array(a, count + 1, sizeof *all);
    struct buf body;
    size_t at = str_find(query, STR("start-after="));
    struct str after = at == SIZE_MAX ? STR("") : str_sub(query, at + 12, query.len);
    buf_init(&body, a, 1024 * 1024);
    for (struct object *o = d->objects; o; o = o->next)
        if (str_cmp(str_of(o->key), after) > 0)
            all[n++] = o;
    qsort(all, n, sizeof *all, by_key);
    buf_printf(&body, "<ListBucketResult><IsTruncated>%s</IsTruncated>",
               n > PAGE ? "true" : "false");
    for (size_t i = 0; i < n && i < PAGE; i++) {
        char iso[TIME_ISO_BYTES + 1];
        int64_t ms = atomic_load(&d->modified_ms);
        time_iso(ms ? ms : all[i]->modified_ms, iso);
        buf_printf(&body,
                   "<Contents><Key>%s</Key><LastModified>%s</LastModified>"
                   "<Size>%zu</Size></Contents>",
                   all[i]->key, iso, all[i]->len);
    }
    buf_put_cstr(&body, "</ListBucketResult>");
    answer(out, "200 OK", buf_str(&body));
}

static bool payload_right(struct str head, struct str body)
{
    uint8_t hash[32];
    char hex[64];
    sha256(body, hash);
    hex_encode(hash, 32, hex);
    return str_eq(header_value(head, STR("x-amz-content-sha256")), (struct str){ hex, 64 });
}

static void handle(struct s3_double *d, struct arena *a, struct str head, struct str body,
                   struct buf *out)
{
    struct str method, path, query, key;
    request_line(head, &method, &path, &query);
    bool in_bucket = str_starts(path, STR("/" S3_DOUBLE_BUCKET));
    key = str_sub(path, sizeof S3_DOUBLE_BUCKET + 1, path.len);
    if (atomic_load(&d->mood) == S3_DOUBLE_500)
        answer(out, "500 Internal Server Error", STR("<Error><Code>InternalError</Code></Error>"));
    else if (!signed_right(a, head) || !payload_right(head, body))
        answer(out, "403 Forbidden", STR("<Error><Code>SignatureDoesNotMatch</Code></Error>"));
    else if (!in_bucket)
        answer(out, "404 Not Found", STR("<Error><Code>NoSuchBucket</Code></Error>"));
    else if (str_is(method, "PUT"))
        put_object(d, key, body), answer(out, "200 OK", STR(""));
    else if (str_is(method, "DELETE"))
        delete_object(d, key), answer(out, "204 No Content", STR(""));
    else if (key.len)
        answer_get(d, key, header_value(head, STR("range")), out);
    else
        answer_list(d, a, query, out);
}

/* ---- connections ---- */

static void serve(struct s3_double *d, int fd)
{
    struct arena *a = arena_new(0);
    struct buf in, out;
    size_t head_len = SIZE_MAX, want = SIZE_MAX;
    buf_init(&in, a, 16 * 1024 * 1024);
    buf_init(&out, a, 16 * 1024 * 1024);
    while (in.len < want) {
        char *room = buf_reserve(&in, 65536);
        ssize_t n = room ? read(fd, room, 65536) : -1;
        if (n <= 0)
            break;
        in.len += (size_t)n;
        if (head_len == SIZE_MAX &&
            (head_len = str_find(buf_str(&in), STR("\r\n\r\n"))) != SIZE_MAX) {
            int64_t length = 0;
            (void)str_to_i64(
                header_value(str_sub(buf_str(&in), 0, head_len), STR("content-length")), &length);
            want = head_len + 4 + (size_t)length;
        }
    }
    if (in.len == want && atomic_load(&d->mood) != S3_DOUBLE_CUTS) {
        handle(d, a, str_sub(buf_str(&in), 0, head_len), str_sub(buf_str(&in), head_len + 4, want),
               &out);
        for (size_t done = 0; done < out.len;) {
            ssize_t n = send(fd, out.ptr + done, out.len - done, MSG_NOSIGNAL);
            if (n <= 0)
                break;
            done += (size_t)n;
        }
    }
    close(fd);
    arena_free(a);
}

static void *run(void *arg)
{
    struct s3_double *d = arg;
    while (!atomic_load(&d->stopping)) {
        int fd = accept(d->listener, NULL, NULL);
        if (fd >= 0 && atomic_load(&d->stopping))
            close(fd);
        else if (fd >= 0)
            serve(d, fd);
    }
    return NULL;
}

struct s3_double *s3_double_start(void)
{
    struct s3_double *d = calloc(1, sizeof *d);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (d->listener < 0 || bind(d->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(d->listener, 16) != 0 || getsockname(d->listener, (struct sockaddr *)&at, &len) != 0)
        abort();
    d->port = ntohs(at.sin_port);
    if (pthread_create(&d->thread, NULL, run, d) != 0)
        abort();
    return d;
}

void s3_double_stop(struct s3_double *d)
{
    if (!d)
        return;
    atomic_store(&d->stopping, true);
    shutdown(d->listener, SHUT_RDWR);
    pthread_join(d->thread, NULL);
    close(d->listener);
    while (d->objects) {
        struct object *o = d->objects;
        d->objects = o->next;
        object_free(o);
    }
    free(d);
}

int s3_double_port(const struct s3_double *d)
{
    return d->port;
}

int s3_double_objects(struct s3_double *d)
{
    return atomic_load(&d->objects_count);
}

void s3_double_set_modified(struct s3_double *d, int64_t ms)
{
    atomic_store(&d->modified_ms, ms);
}

void s3_double_set_mood(struct s3_double *d, enum s3_double_mood m)
{
    atomic_store(&d->mood, (int)m);
}
