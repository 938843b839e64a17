/* Goals: refuse everything RFC 8259 does not allow, at 1-2 bytes a nanosecond: strings are scanned
 * 16 bytes at a time and stay where they are, nodes are gathered on one growing stack and copied
 * into the arena once per container.
 *
 * Non-goals: comments, trailing commas, NaN, streaming.
 *
 * Invariants: nothing is read outside the text. Recursion is bounded by the depth limit, memory by
 * the node limit (the caller bounds the bytes). Numbers are checked for shape and kept as text.
 * Keys of large objects are compared through a hash with a seed of the process, so that chosen keys
 * cannot make it quadratic. */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <sys/auxv.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define NODES_MAX_DEFAULT 1000000u
#define LINEAR_MEMBERS_MAX 8u

struct reader {
    const char *at;
    const char *start;
    const char *end;
    struct arena *arena;
    const char *fault; /* NULL: none */
    uint32_t depth;    /* containers that are open */
    uint32_t depth_max;
    uint32_t nodes_left;
    struct json_member *stack; /* children of open containers */
    size_t stack_len, stack_cap;
    struct json_member *stack_first; /* on the C stack: most documents need no more */
};

static bool value_read(struct reader *r, struct json *ret);

static bool reader_fault(struct reader *r, const char *at, const char *message)
{
    r->at = at;
    r->fault = message;
    return false;
}

static const char *space_skip(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* First byte that may not simply be part of a string: a quote, a backslash, a control character or
 * the start of something beyond ASCII. */
static const char *plain_skip(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Signed: bytes from 0x80 up count as less than a space, too. */
        __m128i hit =
            _mm_or_si128(_mm_cmplt_epi8(v, space),
                         _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));
        int mask = _mm_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
        p += 16;
    }
#endif
    while (p < end && (unsigned char)*p >= ' ' && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\')
        p++;
    return p;
}

/* Past the sequence beyond ASCII at p, or NULL (RFC 3629 section 4). */
static const char *wide_skip(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    ptrdiff_t room = end - p;
    if (u[0] >= 0xc2 && u[0] <= 0xdf)
        return room >= 2 && (u[1] & 0xc0) == 0x80 ? p + 2 : NULL;
    if (room < 3 || (u[1] & 0xc0) != 0x80 || (u[2] & 0xc0) != 0x80)
        return NULL;
    if (u[0] == 0xe0)
        return u[1] >= 0xa0 ? p + 3 : NULL;
    if (u[0] == 0xed)
        return u[1] <= 0x9f ? p + 3 : NULL;
    if (u[0] > 0xe0 && u[0] <= 0xef)
        return p + 3;
    if (room < 4 || (u[3] & 0xc0) != 0x80)
        return NULL;
    if (u[0] == 0xf0)
        return u[1] >= 0x90 ? p + 4 : NULL;
    if (u[0] > 0xf0 && u[0] <= 0xf3)
        return p + 4;
    return u[0] == 0xf4 && u[1] <= 0x8f ? p + 4 : NULL;
}

/* The value of four hex digits, or -1. */
static int32_t hex4_read(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* Decodes "uXXXX" or a surrogate pair at p (behind the backslash); past it, or NULL. */
static const char *unicode_decode(struct reader *r, const char *p, const char *end, char **to)
{
    const char *escape = p - 1;
    int32_t high = hex4_read(p + 1, end);
    if (high < 0) {
        reader_fault(r, escape, "malformed \\u escape");
        return NULL;
    }
    p += 5;
    if (high == 0) {
        reader_fault(r, escape, "U+0000 in a string");
        return NULL;
    }
    if (high < 0xd800 || high > 0xdfff) {
        *to += utf8_put(*to, (uint32_t)high);
        return p;
    }
    int32_t low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4_read(p + 2, end) : -1;
    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff) {
        reader_fault(r, escape, "lone surrogate");
        return NULL;
    }
    uint32_t cp = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    *to += utf8_put(*to, cp);
    return p + 6;
}

static char escape_value(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* Text from `p` to the closing quote at `end`, with escapes. Decoded text is never longer. */
static bool string_decode(struct reader *r, const char *p, const char *end, struct str *ret)
{
    char *out = arena_alloc_raw(r->arena, (size_t)(end - p)), *to = out;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash ? slash : end) - p);
        memcpy(to, p, run);
        to += run;
        p += run;
        if (!slash)
            break;
        p++;
        if (*p == 'u') {
            p = unicode_decode(r, p, end, &to);
            if (!p)
                return false;
            continue;
        }
        char c = escape_value(*p);
        if (!c)
            return reader_fault(r, p - 1, "unknown escape");
        *to++ = c;
        p++;
    }
    *ret = (struct str){ out, (size_t)(to - out) };
    return true;
}

/* At the opening quote. */
static bool string_read(struct reader *r, struct str *ret)
{
    const char *from = r->at + 1, *p = from, *end = r->end;
    bool escapes = false;
    for (;;) {
        p = plain_skip(p, end);
        if (p == end)
            return reader_fault(r, p, "unterminated string");
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            break;
        if (c == '\\') {
            escapes = true;
            if (end - p < 2)
                return reader_fault(r, end, "unterminated string");
            if ((unsigned char)p[1] < ' ' || (unsigned char)p[1] >= 0x80)
                return reader_fault(r, p, "unknown escape");
            p += 2;
            continue;
        }
        if (c < ' ')
            return reader_fault(r, p, "control character in a string");
        do {
            const char *next = wide_skip(p, end);
            if (!next)
                return reader_fault(r, p, "invalid UTF-8");
            p = next;
        } while (p < end && (unsigned char)*p >= 0x80);
    }
    if (escapes) {
        if (!string_decode(r, from, p, ret))
            return false;
    } else {
        *ret = (struct str){ from, (size_t)(p - from) };
    }
    r->at = p + 1;
    return true;
}

static const char *digits_skip(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool number_read(struct reader *r, struct json *ret)
{
    const char *from = r->at, *p = from, *end = r->end;
    if (*p == '-')
        p++;
    const char *digits = p;
    p = digits_skip(p, end);
    if (p == digits)
        return reader_fault(r, p, "a number needs a digit here");
    if (*digits == '0' && p - digits > 1)
        return reader_fault(r, digits, "leading zero in a number");
    if (p < end && *p == '.') {
        digits = ++p;
        p = digits_skip(p, end);
        if (p == digits)
            return reader_fault(r, p, "a number needs a digit here");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = digits_skip(p, end);
        if (p == digits)
            return reader_fault(r, p, "a number needs a digit here");
    }
    ret->type = JSON_NUMBER;
    ret->text = (struct str){ from, (size_t)(p - from) };
    r->at = p;
    return true;
}

static bool word_read(struct reader *r, const char *word, size_t len)
{
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return reader_fault(r, r->at, "unknown word");
    r->at += len;
    return true;
}

/* Room for one more child; the pointer is good until the next value is read. */
static struct json_member *stack_push(struct reader *r)
{
    if (r->stack_len == r->stack_cap) {
        size_t cap = r->stack_cap * 2;
        struct json_member *grown =
            realloc(r->stack == r->stack_first ? NULL : r->stack, cap * sizeof *grown);
        if (!grown)
            abort();
        if (r->stack == r->stack_first)
            memcpy(grown, r->stack, r->stack_len * sizeof *grown);
        r->stack = grown;
        r->stack_cap = cap;
    }
    return &r->stack[r->stack_len++];
}

static uint64_t process_seed(void)
{
    /* 16 random bytes that the kernel gives each process. */
    uint64_t seed = 0;
    const void *random = (const void *)getauxval(AT_RANDOM); // NOLINT(performance-no-int-to-ptr)
    if (random)
        memcpy(&seed, (const char *)random + 8, sizeof seed);
    return seed;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t key_hash(struct str key, uint64_t seed)
{
    uint64_t h = seed ^ key.len, word;
    size_t i = 0;
    for (; key.len - i >= 8; i += 8) {
        memcpy(&word, key.ptr + i, 8);
        h = mix(h ^ word ^ 0xa0761d6478bd642fu, seed | 0xe7037ed1a0b428dbu);
    }
    word = 0;
    if (i < key.len)
        memcpy(&word, key.ptr + i, key.len - i);
    return mix(h ^ word ^ 0x8ebc6af09c88c6e3u, seed | 0x589965cc75374cc3u);
}

static const struct json_member *duplicate_find_linear(const struct json_member *m, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (m[i].key.len == m[k].key.len && str_eq(m[i].key, m[k].key))
                return &m[i];
        }
    }
    return NULL;
}

static const struct json_member *duplicate_find(const struct json_member *m, uint32_t count)
{
    if (count <= LINEAR_MEMBERS_MAX)
        return duplicate_find_linear(m, count);
    uint32_t few[64], *slots = few; /* open addressing; index + 1, 0: free */
    size_t slot_count = 32;
    while (slot_count < (size_t)count * 2)
        slot_count *= 2;
    if (slot_count <= sizeof few / sizeof *few) {
        memset(few, 0, slot_count * sizeof *few);
    } else {
        slots = calloc(slot_count, sizeof *slots);
        if (!slots)
            abort();
    }
    uint64_t seed = process_seed();
    const struct json_member *found = NULL;
    for (uint32_t i = 0; i < count && !found; i++) {
        size_t at = key_hash(m[i].key, seed) & (slot_count - 1);
        for (; slots[at] && !found; at = (at + 1) & (slot_count - 1)) {
            if (str_eq(m[slots[at] - 1].key, m[i].key))
                found = &m[i];
        }
        slots[at] = i + 1;
    }
    if (slots != few)
        free(slots);
    return found;
}

/* Moves the children from `base` up into the arena. */
static bool container_close(struct reader *r, size_t base, const char *from, struct json *ret)
{
    size_t count = r->stack_len - base;
    const struct json_member *children = r->stack + base;
    ret->count = (uint32_t)count;
    ret->source = (struct str){ from, (size_t)(r->at - from) };
    if (ret->type == JSON_OBJECT) {
        struct json_member *m = arena_alloc_raw(r->arena, count * sizeof *m);
        if (count)
            memcpy(m, children, count * sizeof *m);
        const struct json_member *twice = duplicate_find(m, ret->count);
        if (twice) {
            const char *key = twice->key.ptr;
            bool inside = key > r->start && key < r->end;
            return reader_fault(r, inside ? key - 1 : r->at - 1, "duplicate key");
        }
        ret->members = m;
    } else {
        struct json *items = arena_alloc_raw(r->arena, count * sizeof *items);
        for (size_t i = 0; i < count; i++)
            items[i] = children[i].value;
        ret->items = items;
    }
    r->stack_len = base;
    return true;
}

/* "key": up to the value. */
static bool key_read(struct reader *r, struct str *ret)
{
    if (r->at == r->end || *r->at != '"')
        return reader_fault(r, r->at, "a key is expected here");
    if (!string_read(r, ret))
        return false;
    r->at = space_skip(r->at, r->end);
    if (r->at == r->end || *r->at != ':')
        return reader_fault(r, r->at, "a colon is expected here");
    r->at = space_skip(r->at + 1, r->end);
    return true;
}

/* At the opening bracket. */
static bool container_read(struct reader *r, struct json *ret)
{
    const char *from = r->at;
    bool object = *from == '{';
    char close = object ? '}' : ']';
    size_t base = r->stack_len;
    if (++r->depth > r->depth_max)
        return reader_fault(r, from, "nested too deeply");
    ret->type = object ? JSON_OBJECT : JSON_ARRAY;
    r->at = space_skip(from + 1, r->end);
    bool empty = r->at < r->end && *r->at == close;
    while (!empty) {
        struct json_member child = { { NULL, 0 }, { 0 } };
        if (object && !key_read(r, &child.key))
            return false;
        if (!value_read(r, &child.value))
            return false;
        *stack_push(r) = child;
        r->at = space_skip(r->at, r->end);
        if (r->at == r->end)
            return reader_fault(r, r->at, "the text ends too early");
        if (*r->at == close)
            break;
        if (*r->at != ',')
            return reader_fault(r, r->at, "a comma or a closing bracket is expected here");
        r->at = space_skip(r->at + 1, r->end);
    }
    r->at++;
    r->depth--;
    return container_close(r, base, from, ret);
}

static bool value_read(struct reader *r, struct json *ret)
{
    if (r->at == r->end)
        return reader_fault(r, r->at, "the text ends too early");
    if (!r->nodes_left)
        return reader_fault(r, r->at, "too many values");
    r->nodes_left--;
    switch (*r->at) {
    case '"':
        ret->type = JSON_STRING;
        return string_read(r, &ret->text);
    case '{':
    case '[':
        return container_read(r, ret);
    case 't':
        ret->type = JSON_BOOL;
        ret->boolean = true;
        return word_read(r, "true", 4);
    case 'f':
        ret->type = JSON_BOOL;
        return word_read(r, "false", 5);
    case 'n':
        ret->type = JSON_NULL;
        return word_read(r, "null", 4);
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            return number_read(r, ret);
        return reader_fault(r, r->at, "a value is expected here");
    }
}

static bool document_read(struct reader *r, struct json *ret)
{
    r->at = space_skip(r->at, r->end);
    if (!value_read(r, ret))
        return false;
    r->at = space_skip(r->at, r->end);
    if (r->at != r->end)
        return reader_fault(r, r->at, "text after the value");
    return true;
}

enum err json_parse(struct arena *a, struct str text, const struct json_limits *limits,
                    struct json *ret, struct json_fault *ret_fault)
{
    struct json_member first[48];
    const struct json_limits none = { 0 };
    const struct json_limits *l = limits ? limits : &none;
    const char *start = text.ptr ? text.ptr : "";
    struct reader r = {
        .at = start,
        .start = start,
        .end = start + text.len,
        .arena = a,
        .depth_max = l->depth_max && l->depth_max < JSON_DEPTH_MAX ? l->depth_max : JSON_DEPTH_MAX,
        .nodes_left = l->nodes_max ? l->nodes_max : NODES_MAX_DEFAULT,
        .stack = first,
        .stack_first = first,
        .stack_cap = sizeof first / sizeof *first,
    };
    struct json value = { 0 };
    if (l->bytes_max && text.len > l->bytes_max)
        reader_fault(&r, start + l->bytes_max, "the text is too long");
    else
        document_read(&r, &value);
    if (r.stack != first)
        free(r.stack);
    if (r.fault) {
        if (ret_fault)
            *ret_fault = (struct json_fault){ (size_t)(r.at - start), r.fault };
        return ERR_VALIDATION;
    }
    *ret = value;
    return OK;
}

const struct json *json_get_str(const struct json *j, struct str key)
{
    if (!j || j->type != JSON_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < j->count; i++) {
        if (str_eq(j->members[i].key, key))
            return &j->members[i].value;
    }
    return NULL;
}

const struct json *json_get(const struct json *j, const char *key)
{
    return json_get_str(j, str_of(key));
}

struct str json_text(const struct json *j, const char *key)
{
    const struct json *v = json_get(j, key);
    return v && v->type == JSON_STRING ? v->text : STR_NULL;
}

/* The number as digits without zeros at either end, and the power of ten behind them. */
struct decimal {
    uint64_t digits; /* not exact when digit_count > 19 */
    int64_t digit_count;
    int64_t power;
};

static struct decimal decimal_read(struct str t)
{
    struct decimal d = { 0, 0, 0 };
    int64_t zeros = 0; /* seen since the last other digit; they count only when one follows */
    bool point = false;
    size_t i = t.ptr[0] == '-';
    for (; i < t.len && t.ptr[i] != 'e' && t.ptr[i] != 'E'; i++) {
        if (t.ptr[i] == '.') {
            point = true;
            continue;
        }
        d.power -= point;
        if (t.ptr[i] == '0') {
            zeros++;
            continue;
        }
        for (; d.digit_count && zeros; zeros--, d.digit_count++)
            d.digits *= 10;
        zeros = 0;
        d.digits = d.digits * 10 + (uint64_t)(t.ptr[i] - '0');
        d.digit_count++;
    }
    d.power += zeros;
    if (i == t.len)
        return d;
    bool negative = t.ptr[++i] == '-';
    i += negative || t.ptr[i] == '+';
    int64_t exponent = 0;
    for (; i < t.len; i++) {
        if (exponent < 1000000000000)
            exponent = exponent * 10 + (t.ptr[i] - '0');
    }
    d.power += negative ? -exponent : exponent;
    return d;
}

bool json_to_i64(const struct json *j, int64_t *ret)
{
    if (!j || j->type != JSON_NUMBER)
        return false;
    if (str_to_i64(j->text, ret))
        return true;
    struct decimal d = decimal_read(j->text);
    if (d.digit_count == 0) {
        *ret = 0;
        return true;
    }
    if (d.power < 0 || d.power > 18 || d.digit_count + d.power > 19)
        return false;
    uint64_t v = d.digits; /* below 10^19 with its zeros: fits in 64 bits */
    for (int64_t i = 0; i < d.power; i++)
        v *= 10;
    bool negative = j->text.ptr[0] == '-';
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* strtod needs a NUL; the program never leaves the "C" locale, so its point is a point. */
static double double_read(struct str t)
{
    char few[64], *text = few;
    if (t.len >= sizeof few) {
        text = malloc(t.len + 1);
        if (!text)
            abort();
    }
    memcpy(text, t.ptr, t.len);
    text[t.len] = '\0';
    double v = strtod(text, NULL);
    if (text != few)
        free(text);
    return v;
}

bool json_to_double(const struct json *j, double *ret)
{
    if (!j || j->type != JSON_NUMBER)
        return false;
    double v = double_read(j->text);
    if (!isfinite(v))
        return false;
    *ret = v;
    return true;
}
