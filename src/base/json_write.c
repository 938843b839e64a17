/* Goals: JSON into a bounded buffer, valid whatever the text is; clean runs of text are copied
 * whole. Non-goals: pretty printing, checking that an object has no key twice.
 *
 * Invariants: bit d-1 of `comma` says that a value stands before at depth d. Strings should be
 * valid UTF-8; a byte that is not part of any becomes U+FFFD, because one bad byte in a database
 * must not stop the server or make an answer no JSON parser takes. Escapes are those of RFC 8785.
 */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/clock.h"

void jw_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){ .out = out };
}

static void value_begin(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (!w->depth)
        return;
    uint64_t bit = (uint64_t)1 << (w->depth - 1);
    if (w->comma & bit)
        buf_put_byte(w->out, ',');
    w->comma |= bit;
}

static void container_begin(struct json_writer *w, char bracket)
{
    value_begin(w);
    assert(w->depth < JSON_DEPTH_MAX);
    w->comma &= ~((uint64_t)1 << w->depth);
    w->depth++;
    buf_put_byte(w->out, bracket);
}

static void container_end(struct json_writer *w, char bracket)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    buf_put_byte(w->out, bracket);
}

void jw_object(struct json_writer *w)
{
    container_begin(w, '{');
}

void jw_object_end(struct json_writer *w)
{
    container_end(w, '}');
}

void jw_array(struct json_writer *w)
{
    container_begin(w, '[');
}

void jw_array_end(struct json_writer *w)
{
    container_end(w, ']');
}

/* First byte that must be escaped, or `end`. Bytes beyond ASCII are noted in *wide. */
static const char *clean_skip(const char *p, const char *end, bool *wide)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i control_max = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, control_max), v);
        __m128i hit = _mm_or_si128(
            control, _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
        if (_mm_movemask_epi8(v))
            *wide = true;
        int mask = _mm_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
        p += 16;
    }
#endif
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < ' ' || c == '"' || c == '\\')
            break;
        *wide |= c >= 0x80;
    }
    return p;
}

/* Is it escaped by a letter of its own, as \n is? */
static bool has_letter(unsigned char c)
{
    return c == '"' || c == '\\' || (c >= 8 && c <= 13 && c != 11);
}

static void escape_put(struct buf *out, unsigned char c)
{
    static const char letters[] = "btn?fr"; /* from U+0008 on; U+000B has no letter */
    char text[6] = { '\\', 'u', '0', '0', 0, 0 };
    if (has_letter(c)) {
        text[1] = c == '"' || c == '\\' ? (char)c : letters[c - 8];
        buf_put(out, text, 2);
        return;
    }
    text[4] = (char)('0' + (c >> 4));
    text[5] = "0123456789abcdef"[c & 15];
    buf_put(out, text, sizeof text);
}

/* Copies text that holds invalid UTF-8, character by character. */
static void repaired_put(struct buf *out, struct str s)
{
    for (size_t at = 0; at < s.len;) {
        size_t len = 1;
        while (len <= 4 && !utf8_valid(str_sub(s, at, at + len)))
            len++;
        bool valid = len <= 4;
        buf_put_str(out, valid ? str_sub(s, at, at + len) : STR("\xef\xbf\xbd"));
        at += valid ? len : 1;
    }
}

static void quoted_put(struct buf *out, struct str s)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    buf_put_byte(out, '"');
    while (p < end) {
        bool wide = false;
        const char *to = clean_skip(p, end, &wide);
        struct str run = { p, (size_t)(to - p) };
        if (wide && !utf8_valid(run))
            repaired_put(out, run);
        else
            buf_put_str(out, run);
        if (to < end)
            escape_put(out, (unsigned char)*to++);
        p = to;
    }
    buf_put_byte(out, '"');
}

void jw_key(struct json_writer *w, struct str key)
{
    assert(w->depth > 0 && !w->after_key);
    value_begin(w);
    quoted_put(w->out, key.ptr ? key : STR(""));
    buf_put_byte(w->out, ':');
    w->after_key = true;
}

size_t jw_str_len(struct str s)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    size_t len = 0;
    bool wide = false;
    while (p < end) {
        const char *to = clean_skip(p, end, &wide);
        len += (size_t)(to - p);
        if (to < end) {
            len += has_letter((unsigned char)*to) ? 2 : 6;
            to++;
        }
        p = to;
    }
    /* Each byte that is no character becomes U+FFFD. */
    return wide && !utf8_valid(s) ? len + 2 * s.len : len;
}

void jw_str(struct json_writer *w, struct str s)
{
    if (!s.ptr) {
        jw_null(w);
        return;
    }
    value_begin(w);
    quoted_put(w->out, s);
}

void jw_i64(struct json_writer *w, int64_t v)
{
    value_begin(w);
    buf_put_i64(w->out, v);
}

void jw_double(struct json_writer *w, double v)
{
    if (!isfinite(v)) {
        jw_null(w);
        return;
    }
    char text[32];
    size_t len = json_number_text(v, text);
    value_begin(w);
    buf_put(w->out, text, len);
}

void jw_bool(struct json_writer *w, bool v)
{
    value_begin(w);
    buf_put_str(w->out, v ? STR("true") : STR("false"));
}

void jw_null(struct json_writer *w)
{
    value_begin(w);
    buf_put_str(w->out, STR("null"));
}

void jw_raw(struct json_writer *w, struct str json_text)
{
    assert(json_text.len > 0);
    value_begin(w);
    buf_put_str(w->out, json_text);
}

void jw_value(struct json_writer *w, const struct json *j)
{
    switch (j->type) {
    case JSON_NULL:
        jw_null(w);
        break;
    case JSON_BOOL:
        jw_bool(w, j->boolean);
        break;
    case JSON_NUMBER:
        jw_raw(w, j->text);
        break;
    case JSON_STRING:
        jw_str(w, j->text);
        break;
    case JSON_ARRAY:
        jw_array(w);
        for (uint32_t i = 0; i < j->count; i++)
            jw_value(w, &j->items[i]);
        jw_array_end(w);
        break;
    case JSON_OBJECT:
        jw_object(w);
        for (uint32_t i = 0; i < j->count; i++) {
            jw_key(w, j->members[i].key);
            jw_value(w, &j->members[i].value);
        }
        jw_object_end(w);
        break;
    }
}

void jw_time(struct json_writer *w, int64_t ms)
{
    char text[TIME_ISO_BYTES + 1];
    time_iso(ms, text);
    jw_str(w, (struct str){ text, TIME_ISO_BYTES });
}
