/* Goals: a header that can't be split by what is in it, a path that fits what people write as a
 * base URL, a secret that is wiped with the arena it had to be copied into. */
#include "llm/request.h"

#include <assert.h>
#include <ctype.h>

/* A path segment "v1", "v4", "v1beta". */
static bool names_version(const char *base_url)
{
    const char *scheme = strstr(base_url, "://");
    struct str path = str_of(scheme ? scheme + 3 : base_url);
    str_split(&path, '/'); /* the host */
    while (str_given(path)) {
        struct str segment = str_split(&path, '/');
        if (segment.len >= 2 && segment.ptr[0] == 'v' && isdigit((unsigned char)segment.ptr[1]))
            return true;
    }
    return false;
}

struct str wire_path(struct arena *a, const char *base_url, const char *rest)
{
    struct str base = str_of(base_url ? base_url : "");
    if (str_ends(base, str_of(rest)))
        return STR("");
    return str_fmt(a, "%s%s", names_version(base.ptr) ? "" : "/v1", rest);
}

static bool header_clean(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] > '~')
            return false;
    return value.len <= 4096;
}

enum err wire_header(struct cx *cx, struct llm_wire *w, const char *name, struct str value)
{
    assert(w->header_count < WIRE_HEADERS_MAX);
    if (!header_clean(value))
        FAIL(cx, CREDENTIAL_UNREADABLE,
             "The provider's credential cannot be sent as the header %s: it holds blanks, control "
             "or other characters beyond ASCII, or is too long. Enter it again.",
             name);
    if (!w->headers)
        w->headers = arena_array(cx->arena, WIRE_HEADERS_MAX, sizeof *w->headers);
    w->headers[w->header_count++] = (struct fetch_header){ str_of(name), value };
    return OK;
}

struct wipe {
    char *ptr;
    size_t len;
};

static void wipe_run(void *arg)
{
    struct wipe *wipe = arg;
    explicit_bzero(wipe->ptr, wipe->len);
}

static char *wiped_alloc(struct arena *a, size_t len)
{
    struct wipe *wipe = arena_new_of(a, struct wipe);
    wipe->len = len;
    wipe->ptr = arena_alloc_raw(a, len);
    arena_defer(a, wipe_run, wipe);
    return wipe->ptr;
}

struct str wire_kept(struct arena *a, struct str value)
{
    char *copy = wiped_alloc(a, value.len);
    if (value.len)
        memcpy(copy, value.ptr, value.len);
    return (struct str){ copy, value.len };
}

enum err wire_secret(struct cx *cx, struct llm_wire *w, const char *name, const char *prefix,
                     const struct secret *s)
{
    struct str bytes = secret_bytes(s), head = str_of(prefix);
    if (!bytes.len)
        return OK;
    char *value = wiped_alloc(cx->arena, head.len + bytes.len);
    memcpy(value, head.ptr, head.len);
    memcpy(value + head.len, bytes.ptr, bytes.len);
    return wire_header(cx, w, name, (struct str){ value, head.len + bytes.len });
}

struct str wire_arguments(struct arena *a, struct str text)
{
    struct json j;
    struct json_fault fault;
    if (text.len && json_parse(a, text, NULL, &j, &fault) == OK && j.type == JSON_OBJECT)
        return j.source;
    return STR("{}");
}

struct str wire_schema(struct str schema)
{
    return schema.len ? schema : STR("{\"type\":\"object\",\"properties\":{}}");
}

void wire_name_put(struct cx *cx, struct json_writer *w, struct str name, size_t bytes_max)
{
    struct str cut = str_sub(name, 0, bytes_max);
    char *copy = str_cstr(cx->arena, cut.len ? cut : STR("unknown"));
    for (char *p = copy; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-')
            *p = '_';
    jw_str(w, str_of(copy));
}

enum err wire_end(struct cx *cx, const struct buf *body, struct llm_wire *w)
{
    if (body->overflow)
        FAIL(cx, PAYLOAD_TOO_LARGE,
             "The conversation with its images is larger than the %d MiB that can be sent to a "
             "provider.",
             WIRE_BODY_BYTES_MAX >> 20);
    w->body = buf_str(body);
    return OK;
}

bool wire_says(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!isspace((unsigned char)text.ptr[i]))
            return true;
    return false;
}
