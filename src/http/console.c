/* Goals: an answer without a copy of the file (only the page is made anew, for its nonce), one
 * policy, no way from a path to a file that is not in the table. Non-goal: inflating for clients
 * without gzip; files are stored compressed only, and each browser takes that.
 *
 * Invariants: the page is never stored and never 304, since a kept page would carry an old nonce;
 * what is immutable carries a hash of its content in its name. */
#include "http/console.h"

#include "base/buf.h"
#include "base/crypto.h"

enum { NONCE_BYTES = 16, POLICY_BYTES_MAX = 512 };

/* Stands in index.html where the nonce belongs. */
static const char nonce_mark[] = "__NONCE__";
/* console.md's policy of the page; only its styles need the nonce. */
#define POLICY(styles)                                                                             \
    "default-src 'none'; script-src 'self'; style-src 'self'" styles                               \
    "; img-src 'self' blob: data:; font-src 'self'; media-src 'self' blob:; connect-src 'self'; "  \
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
/* The manual has no script at all. */
static const char manual_policy[] = "default-src 'none'; style-src 'self'; img-src 'self'; "
                                    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

static const struct console_file *find(struct str name)
{
    size_t from = 0, end = console_files_count;
    while (from < end) {
        size_t mid = from + (end - from) / 2;
        int order = str_cmp(name, str_of(console_files[mid].name));
        if (order == 0)
            return &console_files[mid];
        if (order < 0)
            end = mid;
        else
            from = mid + 1;
    }
    return NULL;
}

static struct str nonce_make(struct arena *a)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[NONCE_BYTES];
    char *text = arena_alloc_raw(a, sizeof raw * 2);
    random_bytes(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++) {
        text[2 * i] = hex[raw[i] >> 4];
        text[2 * i + 1] = hex[raw[i] & 15];
    }
    return (struct str){ text, sizeof raw * 2 };
}

static struct str page_with(struct arena *a, struct str page, struct str nonce)
{
    struct str mark = str_of(nonce_mark);
    struct buf b;
    buf_init(&b, a, page.len + 8 * nonce.len);
    for (;;) {
        size_t at = str_find(page, mark);
        if (at >= page.len)
            break;
        buf_put_str(&b, str_sub(page, 0, at));
        buf_put_str(&b, nonce);
        page = str_sub(page, at + mark.len, page.len);
    }
    buf_put_str(&b, page);
    return buf_str(&b);
}

static enum err plain_front(struct download *ret)
{
    ret->bytes = STR("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<title>opboxd</title></head><body><h1>opboxd</h1><p>This is the API server, "
                     "built without its console. Its operations are described in <a href="
                     "\"/api/openapi.json\">/api/openapi.json</a>.</p></body></html>\n");
    ret->content_type = STR("text/html; charset=utf-8");
    ret->policy = str_of(manual_policy);
    return OK;
}

enum err console_page(struct cx *cx, struct download *ret)
{
    const struct console_file *f = find(STR("index.html"));
    if (!f)
        return plain_front(ret);
    struct str nonce = nonce_make(cx->arena);
    struct buf policy;
    ret->bytes = page_with(cx->arena, (struct str){ (const char *)f->bytes, f->len }, nonce);
    ret->content_type = str_of(f->content_type);
    buf_init(&policy, cx->arena, POLICY_BYTES_MAX);
    buf_printf(&policy, POLICY(" 'nonce-%.*s'"), STR_ARG(nonce));
    ret->policy = buf_str(&policy);
    return OK;
}

enum err console_file(struct cx *cx, const char *folder, struct str name, struct download *ret)
{
    bool asset = strcmp(folder, "assets") == 0;
    struct str path = str_given(name) && name.len
                          ? str_fmt(cx->arena, "%s/%.*s", folder, STR_ARG(name))
                          : str_of(folder);
    const struct console_file *f = find(path);
    if (!f)
        FAIL(cx, NOT_FOUND, "There is no such file.");
    ret->bytes = (struct str){ (const char *)f->bytes, f->len };
    ret->content_type = str_of(f->content_type);
    if (f->gzip)
        ret->content_encoding = STR("gzip");
    ret->cache_control = asset ? STR("public, max-age=31536000, immutable") : STR("no-cache");
    ret->policy = asset ? STR("default-src 'none'; style-src 'self'") : str_of(manual_policy);
    return OK;
}
