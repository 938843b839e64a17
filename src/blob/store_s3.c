/* Store "s3": an S3-compatible bucket, path-style, signed with AWS Signature Version 4.
 *
 * Goals: uploads stream from the spool, ranged reads fill the caller's buffer, the payload's hash
 * is signed; every request has a time limit; an answer that is not what was asked for is an error
 * that the log names. Non-goals: multipart uploads (one PUT takes 5 GB), bucket creation. Objects
 * are
 * "<address>"; a put always writes, so that the object is young when the sweep looks.
 *
 * Source: "Authenticating Requests (AWS Signature Version 4)" in the S3 API reference. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/secret.h"
#include "blob/store.h"

enum { ANSWER_BYTES_MAX = 1024 * 1024, URL_BYTES_MAX = 2048 };
enum { CONNECT_TIMEOUT_S = 10, STALL_TIMEOUT_S = 30, LIST_MAX = 200 };

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_store {
    struct blob_store s;
    char *endpoint; /* scheme://host[:port], no slash at the end */
    char *host;     /* as in the Host header */
    char *region, *bucket, *access_key;
    struct secret *secret_key; /* the caller's */
};

/* One request and what came back. */
struct exchange {
    const char *method;
    struct str path;  /* "/bucket/key", characters that need no escape only */
    struct str query; /* canonical form; empty: none */
    const struct blob_source *upload;
    int64_t sent;
    const char *range; /* "0-99", or NULL */
    char *out;         /* the body goes here when given, else to `answer` */
    size_t out_len, got;
    struct buf answer;
    long status;
};

/* ---- signature ---- */

static void hex_of(struct str s, char out[2 * SHA256_BYTES + 1])
{
    uint8_t hash[SHA256_BYTES];
    sha256(s, hash);
    hex_encode(hash, sizeof hash, out);
    out[2 * SHA256_BYTES] = 0;
}

static void stamp_of(int64_t now_ms, char out[17])
{
    char iso[TIME_ISO_BYTES + 1];
    time_iso(now_ms, iso);
    snprintf(out, 17, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", iso, iso + 5, iso + 8, iso + 11, iso + 14,
             iso + 17);
}

static void signing_key(const struct s3_store *d, const char *stamp, uint8_t out[SHA256_BYTES])
{
    struct str secret = secret_bytes(d->secret_key);
    struct buf start;
    struct str key = { (char *)out, SHA256_BYTES };
    buf_init(&start, NULL, secret.len + 8);
    buf_put_cstr(&start, "AWS4");
    buf_put_str(&start, secret);
    hmac_sha256(buf_str(&start), (struct str){ stamp, 8 }, out);
    bytes_wipe(start.ptr, start.len);
    buf_release(&start);
    hmac_sha256(key, str_of(d->region), out);
    hmac_sha256(key, STR("s3"), out);
    hmac_sha256(key, STR("aws4_request"), out);
}

static struct str authorization(struct cx *cx, const struct s3_store *d, const struct exchange *x,
                                const char *stamp, const char *payload)
{
    char hash[2 * SHA256_BYTES + 1], signature[2 * SHA256_BYTES + 1];
    uint8_t key[SHA256_BYTES], mac[SHA256_BYTES];
    struct str canonical =
        str_fmt(cx->arena,
                "%s\n%.*s\n%.*s\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n\n"
                "host;x-amz-content-sha256;x-amz-date\n%s",
                x->method, STR_ARG(x->path), STR_ARG(x->query), d->host, payload, stamp, payload);
    struct str scope = str_fmt(cx->arena, "%.8s/%s/s3/aws4_request", stamp, d->region);
    hex_of(canonical, hash);
    struct str to_sign =
        str_fmt(cx->arena, "AWS4-HMAC-SHA256\n%s\n%.*s\n%s", stamp, STR_ARG(scope), hash);
    signing_key(d, stamp, key);
    hmac_sha256((struct str){ (char *)key, sizeof key }, to_sign, mac);
    bytes_wipe(key, sizeof key);
    hex_encode(mac, sizeof mac, signature);
    signature[2 * SHA256_BYTES] = 0;
    return str_fmt(cx->arena,
                   "authorization: AWS4-HMAC-SHA256 Credential=%s/%.*s, "
                   "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=%s",
                   d->access_key, STR_ARG(scope), signature);
}

/* ---- one request ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t len = size * count;
    if (x->out && x->status == 0) {
        if (len > x->out_len - x->got)
            return 0; /* more than asked for: the transfer fails */
        memcpy(x->out + x->got, bytes, len);
        x->got += len;
        return len;
    }
    buf_put(&x->answer, bytes, len);
    return x->answer.overflow ? 0 : len;
}

static size_t on_upload(char *room, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t len = size * count;
    if ((int64_t)len > x->upload->bytes - x->sent)
        len = (size_t)(x->upload->bytes - x->sent);
    if (len == 0)
        return 0;
    ssize_t n;
    do
        n = pread(x->upload->fd, room, len, x->sent);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return CURL_READFUNC_ABORT;
    x->sent += n;
    return (size_t)n;
}

/* An error's body must not land in the reader's buffer. */
static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    struct str s = { line, size * count };
    if (str_starts(s, STR("HTTP/"))) {
        (void)str_split(&s, ' ');
        x->status = str_given(s) && s.len && s.ptr[0] == '2' ? 0 : 1;
    }
    return size * count;
}

static void options_set(CURL *curl, struct exchange *x, const char *url)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
    if (x->upload) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
        curl_easy_setopt(curl, CURLOPT_READDATA, x);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->upload->bytes);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, x->method);
    }
    if (x->range)
        curl_easy_setopt(curl, CURLOPT_RANGE, x->range);
}

static struct curl_slist *headers_make(struct cx *cx, const struct s3_store *d,
                                       const struct exchange *x)
{
    char stamp[17], payload[2 * SHA256_BYTES + 1] = EMPTY_SHA256;
    struct curl_slist *list = NULL;
    stamp_of(clock_wall_ms(), stamp); /* the server compares with its own clock */
    if (x->upload)
        hex_encode(x->upload->sha256, SHA256_BYTES, payload);
    list = curl_slist_append(list, str_cstr(cx->arena, authorization(cx, d, x, stamp, payload)));
    list = curl_slist_append(
        list, str_cstr(cx->arena, str_fmt(cx->arena, "x-amz-content-sha256: %s", payload)));
    list =
        curl_slist_append(list, str_cstr(cx->arena, str_fmt(cx->arena, "x-amz-date: %s", stamp)));
    list = curl_slist_append(list, "Expect:");
    return list;
}

static enum err unreachable(struct cx *cx, CURLcode code, const struct exchange *x)
{
    cx_fail(cx, ERR_STORAGE, "The file store cannot be reached at the moment.");
    cx_log_detail(cx, "s3 %s: %s", x->method, curl_easy_strerror(code));
    return ERR_STORAGE;
}

static enum err exchange_run(struct cx *cx, const struct s3_store *d, struct exchange *x)
{
    CURL *curl = curl_easy_init();
    if (!curl)
        abort();
    struct str url = str_fmt(cx->arena, "%s%.*s%s%.*s", d->endpoint, STR_ARG(x->path),
                             x->query.len ? "?" : "", STR_ARG(x->query));
    struct curl_slist *headers = headers_make(cx, d, x);
    buf_init(&x->answer, NULL, ANSWER_BYTES_MAX);
    options_set(curl, x, str_cstr(cx->arena, url));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(curl);
    x->status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &x->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code == CURLE_OK ? OK : unreachable(cx, code, x);
}

/* Runs and refuses every status outside 2xx (but `also`, when not 0). */
static enum err exchange_expect(struct cx *cx, const struct s3_store *d, struct exchange *x,
                                long also)
{
    enum err e = exchange_run(cx, d, x);
    if (e == OK && x->status / 100 != 2 && x->status != also) {
        struct str answer = str_sub(buf_str(&x->answer), 0, 300);
        e = cx_fail(cx, ERR_STORAGE, "The file store refused this.");
        cx_log_detail(cx, "s3 %s answered %ld: %.*s", x->method, x->status, STR_ARG(answer));
    }
    return e;
}

static struct str object_path(struct cx *cx, const struct s3_store *d, struct str address)
{
    return str_fmt(cx->arena, "/%s/%.*s", d->bucket, STR_ARG(address));
}

/* ---- the contract ---- */

static enum err s3_put(struct cx *cx, struct blob_store *s, struct str address,
                       const struct blob_source *src, bool *ret_moved)
{
    struct s3_store *d = (struct s3_store *)s;
    struct exchange x = { .method = "PUT", .path = object_path(cx, d, address), .upload = src };
    *ret_moved = false;
    enum err e = exchange_expect(cx, d, &x, 0);
    buf_release(&x.answer);
    return e;
}

static enum err s3_get(struct cx *cx, struct blob_store *s, struct str address, int64_t offset,
                       size_t len, char *out)
{
    struct s3_store *d = (struct s3_store *)s;
    char range[48];
    snprintf(range, sizeof range, "%lld-%lld", (long long)offset,
             (long long)(offset + (int64_t)len - 1));
    struct exchange x = { .method = "GET",
                          .path = object_path(cx, d, address),
                          .range = range,
                          .out = out,
                          .out_len = len };
    enum err e = exchange_expect(cx, d, &x, 0);
    buf_release(&x.answer);
    if (e == OK && (x.got != len || x.status != 206))
        e = cx_fault(cx, "s3 answered %ld with %zu bytes of %zu", x.status, x.got, len);
    return e;
}

/* ---- sweep: ListObjectsV2 ---- */

/* Text between <tag> and </tag> in *rest, which moves behind it; absent when there is none. */
static struct str element(struct str *rest, const char *open, const char *close)
{
    size_t from = str_find(*rest, str_of(open));
    if (from == SIZE_MAX)
        return STR_NULL;
    struct str s = str_sub(*rest, from + strlen(open), rest->len);
    size_t to = str_find(s, str_of(close));
    if (to == SIZE_MAX)
        return STR_NULL;
    *rest = str_sub(s, to + strlen(close), s.len);
    return str_sub(s, 0, to);
}

static enum err sweep_object(struct cx *cx, struct s3_store *d, struct str key, struct str modified,
                             int64_t before_ms, int64_t *ret_removed)
{
    int64_t at_ms;
    bool owned;
    if (!blob_address_valid(key) || !time_parse_iso(modified, &at_ms) || at_ms >= before_ms)
        return OK;
    TRY(blob_address_owned(cx, key, &owned));
    if (owned)
        return OK;
    struct exchange x = { .method = "DELETE", .path = object_path(cx, d, key) };
    enum err e = exchange_expect(cx, d, &x, 404);
    buf_release(&x.answer);
    if (e == OK)
        (*ret_removed)++;
    return e;
}

/* One page of the list behind `after`; *ret_last is its last key, absent when it was the last page.
 */
static enum err sweep_page(struct cx *cx, struct s3_store *d, struct str after, int64_t before_ms,
                           int64_t *ret_removed, struct str *ret_last)
{
    struct exchange x = { .method = "GET",
                          .path = str_fmt(cx->arena, "/%s", d->bucket),
                          .query = str_fmt(cx->arena, "list-type=2&max-keys=%d&start-after=%.*s",
                                           LIST_MAX, STR_ARG(after)) };
    enum err e = exchange_expect(cx, d, &x, 0);
    struct str rest = buf_str(&x.answer), last = STR_NULL;
    bool more = str_find(rest, STR("<IsTruncated>true</IsTruncated>")) != SIZE_MAX;
    while (e == OK) {
        struct str object = element(&rest, "<Contents>", "</Contents>");
        if (!str_given(object))
            break;
        struct str from = object, key = element(&from, "<Key>", "</Key>");
        from = object;
        struct str modified = element(&from, "<LastModified>", "</LastModified>");
        if (str_given(key) && str_given(modified))
            e = sweep_object(cx, d, key, modified, before_ms, ret_removed);
        if (blob_address_valid(key))
            last = key;
    }
    *ret_last = more && str_given(last) ? str_copy(cx->arena, last) : STR_NULL;
    buf_release(&x.answer);
    return e;
}

static enum err s3_sweep(struct cx *cx, struct blob_store *s, int64_t before_ms,
                         int64_t *ret_removed)
{
    struct s3_store *d = (struct s3_store *)s;
    char after[BLOB_ADDRESS_BYTES];
    struct str from = STR("0");
    for (bool more = true; more;) {
        struct str last;
        struct arena_mark m = arena_mark(cx->arena);
        TRY(sweep_page(cx, d, from, before_ms, ret_removed, &last));
        more = str_given(last);
        if (more) {
            memcpy(after, last.ptr, sizeof after);
            from = (struct str){ after, sizeof after };
        }
        arena_reset(cx->arena, m);
    }
    return OK;
}

/* ---- open ---- */

static void s3_close(struct blob_store *s)
{
    struct s3_store *d = (struct s3_store *)s;
    free(d->endpoint);
    free(d->host);
    free(d->region);
    free(d->bucket);
    free(d->access_key);
    free(d);
    curl_global_cleanup();
}

static const struct blob_store_type s3_type = {
    .name = "s3", .close = s3_close, .put = s3_put, .get = s3_get, .sweep = s3_sweep
};

static bool plain_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_'))
            return false;
    }
    return s.len >= 1 && s.len <= 128;
}

/* scheme://host[:port] without path; NULL: fine. */
static const char *endpoint_fault(struct str endpoint, struct str *ret_host)
{
    struct str host = str_starts(endpoint, STR("https://"))  ? str_sub(endpoint, 8, endpoint.len)
                      : str_starts(endpoint, STR("http://")) ? str_sub(endpoint, 7, endpoint.len)
                                                             : STR_NULL;
    if (!host.len || endpoint.len > URL_BYTES_MAX)
        return "--s3-endpoint must be http://HOST[:PORT] or https://HOST[:PORT]";
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= ' ' || host.ptr[i] == '/' || host.ptr[i] == '@' || host.ptr[i] == '?')
            return "--s3-endpoint must not have a path, a user or a query";
    *ret_host = host;
    return NULL;
}

enum err blob_s3_open(struct app *app, const struct blob_store_options *o, struct blob_store **ret,
                      char *error, size_t error_size)
{
    struct str endpoint = o->s3_endpoint, host = STR_NULL;
    (void)app;
    if (endpoint.len && endpoint.ptr[endpoint.len - 1] == '/')
        endpoint.len--;
    const char *fault = endpoint_fault(endpoint, &host);
    if (!fault && !plain_name(o->s3_bucket))
        fault = "--s3-bucket must be 1 to 128 of letters, digits, '.', '-' and '_'";
    if (!fault && !plain_name(o->s3_region))
        fault = "--s3-region must be 1 to 128 of letters, digits, '.', '-' and '_'";
    if (!fault && (!o->s3_access_key.len || o->s3_access_key.len > 256 || !o->s3_secret_key))
        fault = "--s3-access-key and --s3-secret-key-file must be given";
    if (fault) {
        snprintf(error, error_size, "The store s3 is not configured: %s.", fault);
        return ERR_VALIDATION;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    struct s3_store *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->s.type = &s3_type;
    d->endpoint = strndup(endpoint.ptr, endpoint.len);
    /* The client leaves the scheme's own port out of Host, and so does the signature. */
    struct str port = str_starts(endpoint, STR("https://")) ? STR(":443") : STR(":80");
    if (str_ends(host, port))
        host.len -= port.len;
    d->host = strndup(host.ptr, host.len);
    d->region = strndup(o->s3_region.ptr, o->s3_region.len);
    d->bucket = strndup(o->s3_bucket.ptr, o->s3_bucket.len);
    d->access_key = strndup(o->s3_access_key.ptr, o->s3_access_key.len);
    d->secret_key = o->s3_secret_key;
    *ret = &d->s;
    return OK;
}
