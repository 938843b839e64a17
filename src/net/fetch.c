/* One exchange: what curl is told, what it says, and how it ended.
 *
 * Goals: an answer is called whole only when its framing says so; `sent` is false only when no byte
 * of the request can have left; nothing of a request stays in memory longer than it is needed.
 * Non-goals: redirects, cookies, proxies, compression, content.
 * Invariants: `end` is set once, and from then on no callback but on_done is made; curl's callbacks
 * touch nothing but their own fetch, so that whatever a caller does inside one (start, cancel,
 * pause) is only noted and carried out by fetch_loop.c after curl has returned. */
#include "net/fetch_state.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/crypto.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 60000,
    RECEIVE_BYTES = 2048,
    SEND_BYTES = 16384,
    CONNECTION_IDLE_S_MAX = 50 /* a kept connection: below what servers commonly allow */
};

void fetch_decide(struct fetch *f, enum fetch_end end, const char *sentence)
{
    if (f->end)
        return;
    f->end = end;
    f->sentence = sentence;
}

/* ---- the request ---- */

/* RFC 9110 token. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0;
}

static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == 0x7f || (c < ' ' && c != '\t'))
            return false;
    }
    return true;
}

/* What decides about framing and connection is not the caller's. */
static bool is_own_header(struct str name)
{
    static const char *const own[] = { "connection",
                                       "content-length",
                                       "expect",
                                       "host",
                                       "keep-alive",
                                       "proxy-connection",
                                       "te",
                                       "trailer",
                                       "upgrade",
                                       "transfer-encoding",
                                       "http2-settings" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (str_eq_nocase(name, str_of(own[i])))
            return true;
    return false;
}

static bool has_header(const struct fetch_request *rq, const char *name)
{
    for (size_t i = 0; i < rq->header_count; i++)
        if (str_eq_nocase(rq->headers[i].name, str_of(name)))
            return true;
    return false;
}

/* Lines that tell curl to leave out what it would add by itself. */
static const char *const silence[] = { "Expect:", "Content-Type:" };

static const char *headers_fault(const struct fetch_request *rq, size_t *ret_bytes)
{
    size_t bytes = 0;
    if (rq->header_count > FETCH_HEADERS_MAX)
        return "The request has too many headers.";
    for (size_t i = 0; i < rq->header_count; i++) {
        const struct fetch_header *h = &rq->headers[i];
        if (!is_token(h->name) || !is_field_value(h->value))
            return "A header of the request has a character that HTTP does not allow.";
        if (is_own_header(h->name))
            return "A header of the request is one that the connection sets itself.";
        if (h->name.len > FETCH_HEAD_BYTES_MAX || h->value.len > FETCH_HEAD_BYTES_MAX)
            return "The headers of the request are too long.";
        bytes += h->name.len + h->value.len + sizeof ": ";
    }
    *ret_bytes = bytes;
    return bytes > FETCH_HEAD_BYTES_MAX ? "The headers of the request are too long." : NULL;
}

/* One block: the list's nodes, then the lines; so that it is wiped in one go. */
static const char *headers_make(struct fetch *f, const struct fetch_request *rq)
{
    size_t bytes = 0, quiet = 1 + !has_header(rq, "content-type");
    const char *fault = headers_fault(rq, &bytes);
    if (fault)
        return fault;
    size_t nodes = (rq->header_count + quiet) * sizeof(struct curl_slist);
    f->header_block_bytes = nodes + bytes;
    f->header_block = malloc(f->header_block_bytes);
    if (!f->header_block)
        abort();
    struct curl_slist *list = (struct curl_slist *)(void *)f->header_block;
    char *text = f->header_block + nodes;
    size_t n = 0;
    for (; n < quiet; n++)
        list[n].data = (char *)(uintptr_t)silence[n];
    for (size_t i = 0; i < rq->header_count; i++, n++) {
        struct str value = str_trim(rq->headers[i].value);
        list[n].data = text;
        /* To curl "Name:" means none, and "Name;" one without a value. */
        text += snprintf(text, (size_t)(f->header_block + f->header_block_bytes - text),
                         value.len ? "%.*s: %.*s" : "%.*s;%.*s", STR_ARG(rq->headers[i].name),
                         STR_ARG(value)) +
                1;
    }
    for (size_t i = 0; i < n; i++)
        list[i].next = i + 1 < n ? &list[i + 1] : NULL;
    f->header_list = list;
    return NULL;
}

static bool url_characters(struct str url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f)
            return false;
    return true;
}

/* Checks with curl's own parser, so that there is no second opinion; keeps what a connection
 * belongs to. */
static const char *url_take(struct fetch *f, const char *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    const char *fault = NULL;
    CURLU *u = curl_url();
    if (!u)
        abort();
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) ||
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
        fault = "This is no URL with a server's name, or one with a user name in it.";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        fault = "The URL must begin with http:// or https://.";
    else if (snprintf(f->host, sizeof f->host, "%s://%s:%s", scheme, host, port) >=
             (int)sizeof f->host)
        fault = "The server's name in the URL is too long.";
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return fault;
}

static const char *url_set(struct fetch *f, struct str url)
{
    if (url.len == 0 || url.len > FETCH_URL_BYTES_MAX)
        return "The URL is empty or too long.";
    if (!url_characters(url))
        return "The URL has a character that must be escaped.";
    char *z = strndup(url.ptr, url.len);
    if (!z)
        abort();
    const char *fault = url_take(f, z);
    if (!fault && curl_easy_setopt(f->curl, CURLOPT_URL, z) != CURLE_OK)
        fault = "This is no URL.";
    bytes_wipe(z, url.len); /* keys stand in some */
    free(z);
    return fault;
}

static void body_wipe(struct fetch *f)
{
    if (f->body)
        bytes_wipe(f->body, f->body_len);
    free(f->body);
    f->body = NULL;
}

static void method_set(struct fetch *f, const struct fetch_request *rq)
{
    bool get = strcmp(rq->method, "GET") == 0, head = strcmp(rq->method, "HEAD") == 0;
    bool body = str_given(rq->body) || strcmp(rq->method, "POST") == 0 ||
                strcmp(rq->method, "PUT") == 0 || strcmp(rq->method, "PATCH") == 0;
    f->repeatable = get || head;
    if (body) {
        f->body_len = rq->body.len;
        f->body = malloc(rq->body.len + 1);
        if (!f->body)
            abort();
        if (rq->body.len)
            memcpy(f->body, rq->body.ptr, rq->body.len);
        curl_easy_setopt(f->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
        curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, f->body);
    }
    if (head && !body)
        curl_easy_setopt(f->curl, CURLOPT_NOBODY, 1L);
    else if (!get || body)
        curl_easy_setopt(f->curl, CURLOPT_CUSTOMREQUEST, rq->method);
}

/* ---- connecting ---- */

static bool admitted(struct fetch *f, const struct sockaddr *address)
{
    static const struct guard_list none = { .count = 0 };
    if (!f->guarded)
        return true;
    if (!f->fetcher)
        return guard_admits(&none, address);
    pthread_mutex_lock(&f->fetcher->lock);
    bool ok = guard_admits(&f->fetcher->allowed, address);
    pthread_mutex_unlock(&f->fetcher->lock);
    return ok;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch *f = arg;
    if (f->end)
        return CURL_SOCKET_BAD;
    if (!admitted(f, &a->addr)) {
        f->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The address as curl prints it. */
static bool admitted_text(struct fetch *f, const char *text)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in in = { .sin_family = AF_INET };
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return admitted(f, (struct sockaddr *)&in);
    return inet_pton(AF_INET6, text, &in6.sin6_addr) == 1 && admitted(f, (struct sockaddr *)&in6);
}

static long request_bytes(const struct fetch *f)
{
    long n = 0;
    curl_easy_getinfo(f->curl, CURLINFO_REQUEST_SIZE, &n);
    return n;
}

/* Right before a request is written, on a new or a kept connection. A kept one may have been made
 * for a fetch that is not guarded, or before the allowed networks changed: so the guard looks
 * again. And curl comes here a second time when a kept connection was dead, to send all once more:
 * that could be paid twice. */
static int on_ready(void *arg, char *peer, char *own, int peer_port, int own_port)
{
    struct fetch *f = arg;
    if (f->end)
        return CURL_PREREQFUNC_ABORT;
    if (f->guarded && !admitted_text(f, peer)) {
        f->refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    if (f->ready && !f->repeatable && (f->way == FETCH_HTTP2 || request_bytes(f) > 0)) {
        fetch_decide(f, FETCH_CUT, "The connection was lost before an answer came.");
        return CURL_PREREQFUNC_ABORT;
    }
    f->ready = true;
    f->active_ms = clock_monotonic_ms();
    if (f->at)
        fetch_loop_watch(f);
    return CURL_PREREQFUNC_OK;
}

/* ---- the answer's head ---- */

static void head_drop(struct fetch *f)
{
    if (!f->head)
        return;
    if (f->head->text.ptr)
        bytes_wipe(f->head->text.ptr, f->head->text.cap);
    buf_release(&f->head->text);
    free(f->head);
    f->head = NULL;
}

static void head_begin(struct fetch *f, struct str line)
{
    int64_t status = 0;
    head_drop(f);
    f->head = calloc(1, sizeof *f->head);
    if (!f->head)
        abort();
    buf_init(&f->head->text, NULL, FETCH_HEAD_BYTES_MAX);
    (void)str_split(&line, ' ');
    struct str code = str_given(line) ? str_sub(line, 0, 3) : STR("");
    f->status = str_to_i64(code, &status) && status >= 100 && status <= 999 ? (int)status : 0;
}

static bool head_field(struct fetch *f, struct str line)
{
    struct fetch_head *h = f->head;
    struct str value = line, name = str_split(&value, ':');
    if (!h || !is_token(name) || !str_given(value)) {
        fetch_decide(f, FETCH_CUT, "The server's answer is not HTTP.");
        return false;
    }
    value = str_trim(value);
    size_t at = h->text.len;
    buf_put_str(&h->text, name);
    buf_put_str(&h->text, value);
    if (h->text.overflow || h->count == FETCH_HEADERS_MAX) {
        fetch_decide(f, FETCH_TOO_LARGE, "The head of the server's answer is too long.");
        return false;
    }
    for (size_t i = at; i < at + name.len; i++)
        if (h->text.ptr[i] >= 'A' && h->text.ptr[i] <= 'Z')
            h->text.ptr[i] = (char)(h->text.ptr[i] + ('a' - 'A'));
    h->fields[h->count].name_len = (uint32_t)name.len;
    h->fields[h->count++].value_len = (uint32_t)value.len;
    return true;
}

static void head_report(struct fetch *f)
{
    struct fetch_head *h = f->head;
    struct fetch_header *list = calloc(h->count + 1, sizeof *list);
    const char *at = h->text.ptr ? h->text.ptr : "";
    if (!list)
        abort();
    for (size_t i = 0; i < h->count; i++) {
        list[i].name = (struct str){ at, h->fields[i].name_len };
        at += h->fields[i].name_len;
        list[i].value = (struct str){ at, h->fields[i].value_len };
        at += h->fields[i].value_len;
    }
    f->events.on_head(f->arg, f->status, list, h->count);
    free(list);
}

/* The blank line behind a final head. False: it ends here. */
static bool head_end(struct fetch *f)
{
    long version = 0;
    curl_off_t length = -1, uploaded = 0;
    if (!f->head || f->status == 0) {
        fetch_decide(f, FETCH_CUT, "The server's answer is not HTTP.");
        return false;
    }
    if (f->status < 200) { /* interim; the final one follows */
        f->status = 0;
        head_drop(f);
        return true;
    }
    curl_easy_getinfo(f->curl, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(f->curl, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    f->head_whole = true;
    f->http2 = version == CURL_HTTP_VERSION_2_0;
    if (f->at)
        fetch_loop_learn(f, f->http2);
    if (f->body && uploaded == (curl_off_t)f->body_len) {
        curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, NULL);
        body_wipe(f);
    }
    if (f->events.on_head)
        head_report(f);
    head_drop(f);
    if (length > f->body_bytes_max)
        fetch_decide(f, FETCH_TOO_LARGE, "The server's answer is larger than allowed.");
    return !f->end;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct fetch *f = arg;
    struct str line = { bytes, size * count };
    size_t taken = line.len;
    if (f->end)
        return 0;
    f->active_ms = clock_monotonic_ms();
    if (f->head_whole) /* trailers */
        return taken;
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (line.len == 0)
        return head_end(f) ? taken : 0;
    if (str_starts(line, STR("HTTP/")))
        head_begin(f, line);
    else if (!head_field(f, line))
        return 0;
    return taken;
}

/* ---- the answer's body ---- */

static bool body_count(struct fetch *f, size_t len)
{
    if ((int64_t)len > f->body_bytes_max - f->body_bytes) {
        fetch_decide(f, FETCH_TOO_LARGE, "The server's answer is larger than allowed.");
        return false;
    }
    f->body_bytes += (int64_t)len;
    return true;
}

static bool body_deliver(struct fetch *f, struct str bytes)
{
    if (f->events.on_body && !f->events.on_body(f->arg, bytes))
        fetch_decide(f, FETCH_STOPPED, "");
    return !f->end;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct fetch *f = arg;
    struct str s = { bytes, size * count };
    if (f->end)
        return 0;
    f->active_ms = clock_monotonic_ms();
    if (f->paused && !f->http2) { /* curl keeps these bytes and reads no more of this stream */
        f->curl_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    return body_count(f, s.len) && body_deliver(f, s) ? s.len : 0;
}

void fetch_resume(struct fetch *f)
{
    f->resume = false;
    f->active_ms = clock_monotonic_ms();
    if (f->curl_paused && !f->paused) {
        f->curl_paused = false;
        curl_easy_pause(f->curl, CURLPAUSE_CONT);
    }
}

/* ---- making it ---- */

static void options_connect(struct fetch *f)
{
    CURL *c = f->curl;
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    /* A name that is still being looked up would make curl wait for it when it is cancelled. */
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)f->connect_timeout_ms);
    curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S_MAX);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, f);
    curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(c, CURLOPT_PREREQDATA, f);
    if (f->fetcher && f->fetcher->ca_file)
        curl_easy_setopt(c, CURLOPT_CAINFO, f->fetcher->ca_file);
}

static void options_transfer(struct fetch *f, bool agent)
{
    CURL *c = f->curl;
    curl_easy_setopt(c, CURLOPT_PRIVATE, f);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BYTES);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, f->header_list);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
    if (agent)
        curl_easy_setopt(c, CURLOPT_USERAGENT, "opboxd/" OPBOXD_VERSION);
}

struct fetch *fetch_make(struct fetcher *fetcher, const struct fetch_request *rq,
                         const struct fetch_events *events, void *arg)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (!f || !(f->curl = curl_easy_init()))
        abort();
    f->fetcher = fetcher;
    f->events = *events;
    f->arg = arg;
    f->guarded = rq->guarded;
    f->connect_timeout_ms = rq->connect_timeout_ms ? rq->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    f->idle_timeout_ms = rq->idle_timeout_ms ? rq->idle_timeout_ms : IDLE_TIMEOUT_MS;
    f->total_timeout_ms = rq->total_timeout_ms;
    f->body_bytes_max = rq->body_bytes_max ? rq->body_bytes_max : FETCH_BODY_BYTES_MAX;
    f->start_ms = f->active_ms = clock_monotonic_ms();
    f->sentence = "";
    const char *fault = url_set(f, rq->url);
    if (!fault)
        fault = headers_make(f, rq);
    if (fault) {
        fetch_decide(f, FETCH_BAD_URL, fault);
    } else {
        options_connect(f);
        options_transfer(f, !has_header(rq, "user-agent"));
        method_set(f, rq);
    }
    if (fetcher)
        atomic_fetch_add(&fetcher->counters.open, 1);
    return f;
}

/* ---- how it ended ---- */

static const char *connect_sentence(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "The server's name could not be found.";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return "No secure connection to the server could be agreed on.";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return "The server's certificate is not valid for its name, or not trusted.";
    case CURLE_SSL_CACERT_BADFILE:
        return "The file of trusted certificates cannot be read.";
    default:
        return "The server could not be connected.";
    }
}

void fetch_decide_code(struct fetch *f, CURLcode code)
{
    if (f->end)
        return;
    if (code == CURLE_OK && f->head_whole)
        fetch_decide(f, FETCH_WHOLE, "");
    else if (code == CURLE_OPERATION_TIMEDOUT && !f->ready)
        fetch_decide(f, FETCH_TIMEOUT, "The server could not be connected in time.");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        fetch_decide(f, FETCH_TIMEOUT, "The server did not answer in time.");
    else if (!f->ready && f->refused)
        fetch_decide(f, FETCH_REFUSED, "The URL leads to an address that is not public.");
    else if (!f->ready && (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL))
        fetch_decide(f, FETCH_BAD_URL, "This is no URL.");
    else if (!f->ready)
        fetch_decide(f, FETCH_NO_CONNECT, connect_sentence(code));
    else if (!f->head_whole)
        fetch_decide(f, FETCH_CUT, "The connection was lost before an answer came.");
    else
        fetch_decide(f, FETCH_CUT, "The connection was lost in the middle of the answer.");
}

/* The request's bytes that have left since, also those of a long upload, are signs of life. */
static bool upload_moved(struct fetch *f)
{
    long sent = request_bytes(f);
    bool moved = sent != f->progress;
    f->progress = sent;
    return moved;
}

int64_t fetch_check_time(struct fetch *f, int64_t now_ms)
{
    int64_t next = now_ms + IDLE_TIMEOUT_MS, at;
    if (f->total_timeout_ms) {
        at = f->start_ms + f->total_timeout_ms;
        if (now_ms >= at)
            fetch_decide(f, FETCH_TIMEOUT, "The exchange took longer than allowed.");
        next = at < next ? at : next;
    }
    if (!f->ready) {
        at = f->start_ms + f->connect_timeout_ms;
        if (now_ms >= at)
            fetch_decide(f, FETCH_TIMEOUT, "The server could not be connected in time.");
        next = at < next ? at : next;
    } else if (!f->paused) {
        if (!f->head_whole && upload_moved(f))
            f->active_ms = now_ms;
        at = f->active_ms + f->idle_timeout_ms;
        if (now_ms >= at)
            fetch_decide(f, FETCH_TIMEOUT, "The server sent nothing for too long.");
        next = at < next ? at : next;
    }
    return next;
}

static void count(struct fetch *f)
{
    struct fetch_counters *c = &f->fetcher->counters;
    long connections = 0;
    curl_easy_getinfo(f->curl, CURLINFO_NUM_CONNECTS, &connections);
    atomic_fetch_add(&c->ends[f->end], 1);
    atomic_fetch_add(&c->connections, connections);
    atomic_fetch_add(&c->bytes_in, f->body_bytes);
    atomic_fetch_add(&c->http2, f->http2);
    atomic_fetch_sub(&c->open, 1);
}

/* No byte can have left when curl never came to writing, or the first write of plain HTTP/1.1
 * failed whole. What TLS and HTTP/2 have put into their buffers counts as sent. */
static bool may_have_left(const struct fetch *f)
{
    bool plain = strncmp(f->host, "http:", 5) == 0;
    return f->ready && (!plain || request_bytes(f) > 0);
}

void fetch_report(struct fetch *f)
{
    assert(f->end && !f->multi && !f->over);
    struct fetch_result r = { .end = f->end,
                              .status = f->head_whole ? f->status : 0,
                              .duration_ms = clock_monotonic_ms() - f->start_ms,
                              .body_bytes = f->body_bytes,
                              .sentence = f->sentence,
                              .sent = may_have_left(f) };
    if (f->fetcher)
        count(f);
    curl_easy_cleanup(f->curl);
    f->curl = NULL;
    if (f->header_block)
        bytes_wipe(f->header_block, f->header_block_bytes);
    free(f->header_block);
    body_wipe(f);
    head_drop(f);
    f->over = true;
    f->events.on_done(f->arg, &r);
}

void fetch_drop(struct fetch *f)
{
    free(f);
}
