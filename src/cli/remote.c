/* The same call, carried out by the server that holds the data folder: HTTP over DIR/control.sock.
 */
#include <curl/curl.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/program.h"
#include "net/sse.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024, EVENT_BYTES_MAX = 1024 * 1024, TIMEOUT_S = 3600 };

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *b = arg;
    buf_put(b, bytes, size * count);
    return b->overflow ? 0 : size * count;
}

static struct curl_slist *headers_of(struct cli_args *a, const struct cli_call *c)
{
    struct curl_slist *h = curl_slist_append(NULL, "content-type: application/json");
    h = curl_slist_append(h, "expect:");
    if (c->as)
        h = curl_slist_append(h, str_cstr(a->arena, str_fmt(a->arena, "x-opboxd-as: %s", c->as)));
    if (c->workspace)
        h = curl_slist_append(
            h, str_cstr(a->arena, str_fmt(a->arena, "x-workspace-id: %s", c->workspace)));
    if (c->dry_run)
        h = curl_slist_append(h, "x-opboxd-dry-run: 1");
    return h;
}

/* "NAME" of an operation is part of a URL: nothing else gets into it. */
static bool name_ok(const char *operation)
{
    for (const char *n = operation; *n; n++) {
        if ((*n < 'a' || *n > 'z') && (*n < '0' || *n > '9') && *n != '_') {
            cli_fail("there is no operation %s; `opboxd operations` lists them", operation);
            return false;
        }
    }
    return true;
}

typedef size_t write_fn(char *bytes, size_t size, size_t count, void *arg);

/* False: told. *ret_status 0: no answer came. */
static bool request(struct cli_args *a, const struct cli_call *c, write_fn *write, void *arg,
                    CURL **ret_curl, long *ret_status)
{
    char socket_path[1024], url[256];
    CURL *curl = name_ok(c->operation) ? curl_easy_init() : NULL;
    if (!curl)
        return false;
    *ret_curl = curl;
    data_path(a->config, "control.sock", socket_path, sizeof socket_path);
    snprintf(url, sizeof url, "http://localhost/control/call/%.100s", c->operation);
    struct curl_slist *headers = headers_of(a, c);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->arguments.ptr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->arguments.len);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, arg);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (rc != CURLE_OK)
        cli_fail("the server on %s did not answer: %s", socket_path, curl_easy_strerror(rc));
    return rc == CURLE_OK;
}

bool cli_remote(struct cli_args *a, const struct cli_call *c, struct cli_answer *ret)
{
    struct buf body;
    CURL *curl;
    long status = 0;
    buf_init(&body, a->arena, ANSWER_BYTES_MAX);
    if (!request(a, c, on_bytes, &body, &curl, &status))
        return false;
    *ret = (struct cli_answer){ (int)status, buf_str(&body) };
    return true;
}

/* ---- streams ---- */

struct stream {
    CURL *curl;
    struct sse_reader sse;
    struct buf body; /* of an answer that is no stream */
    cli_event_fn *fn;
    void *arg;
};

static bool on_event(void *arg, const struct sse_event *e)
{
    struct stream *s = arg;
    s->fn(s->arg, e->data);
    return true;
}

static size_t on_stream(char *bytes, size_t size, size_t count, void *arg)
{
    struct stream *s = arg;
    struct str piece = { bytes, size * count };
    long status = 0;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return on_bytes(bytes, size, count, &s->body);
    return sse_feed(&s->sse, piece, on_event, s) ? piece.len : 0;
}

bool cli_stream(struct cli_args *a, const struct cli_call *c, cli_event_fn *fn, void *arg,
                struct cli_answer *ret)
{
    struct stream s = { .fn = fn, .arg = arg };
    long status = 0;
    buf_init(&s.body, a->arena, ANSWER_BYTES_MAX);
    sse_init(&s.sse, EVENT_BYTES_MAX);
    bool got = request(a, c, on_stream, &s, &s.curl, &status);
    sse_release(&s.sse);
    *ret = (struct cli_answer){ (int)status, buf_str(&s.body) };
    return got;
}
