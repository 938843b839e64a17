/* Goals: a character that two deltas share is one; a half that stays alone is a fault, as nobody
 * can say what it was. Texts without halves, which is all of most providers, are not copied. */
#include "llm/halves.h"

#define MARK "\xf4\x8f\xbf\xbe" /* U+10FFFE */
enum {
    MARK_BYTES = 4,
    HALF_BYTES = 3,
    HALF_FIRST = 0xd800,
    LOW_FIRST = 0xdc00,
    HALF_LAST = 0xdfff
};
#define PRIVATE_FIRST 0xe000u

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The half that is escaped at `at`, or 0. */
static uint32_t half_at(struct str json, size_t at)
{
    uint32_t unit = 0;
    if (json.len < 6 || at > json.len - 6 || json.ptr[at] != '\\' || json.ptr[at + 1] != 'u')
        return 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        if (hex_value(json.ptr[i]) < 0)
            return 0;
        unit = unit << 4 | (uint32_t)hex_value(json.ptr[i]);
    }
    return unit >= HALF_FIRST && unit <= HALF_LAST ? unit : 0;
}

bool halves_mark(struct arena *a, struct str json, struct str *ret)
{
    struct buf out;
    size_t copied = 0;
    buf_init(&out, a, json.len * 2 + 16); /* 6 bytes become 7 */
    for (size_t at = 0; at < json.len;) {
        uint32_t half = half_at(json, at);
        if (!half) {
            at += json.ptr[at] == '\\' ? 2 : 1;
            continue;
        }
        if (half < LOW_FIRST && half_at(json, at + 6) >= LOW_FIRST) {
            at += 12;
            continue;
        }
        char text[4];
        buf_put_str(&out, str_sub(json, copied, at));
        buf_put_cstr(&out, MARK);
        buf_put(&out, text, utf8_put(text, PRIVATE_FIRST + half - HALF_FIRST));
        copied = at += 6;
    }
    if (!copied) {
        *ret = json;
        return true;
    }
    buf_put_str(&out, str_sub(json, copied, json.len));
    *ret = buf_str(&out);
    return str_find(json, STR(MARK)) == SIZE_MAX;
}

bool halves_join(struct arena *a, struct str piece, uint32_t *half, struct str *ret)
{
    struct buf out;
    size_t mark = str_find(piece, STR(MARK));
    if (mark == SIZE_MAX && (!*half || !piece.len)) {
        *ret = piece;
        return true;
    }
    buf_init(&out, a, piece.len + 4);
    while (mark != SIZE_MAX) {
        size_t at = mark + MARK_BYTES;
        if (at >= piece.len || (*half && mark))
            return false;
        uint32_t unit = utf8_next(piece, &at) - PRIVATE_FIRST + HALF_FIRST;
        if (unit < HALF_FIRST || unit > HALF_LAST || (unit < LOW_FIRST) != !*half)
            return false;
        buf_put_str(&out, str_sub(piece, 0, mark));
        if (*half) {
            char text[4];
            uint32_t cp = 0x10000 + ((*half - HALF_FIRST) << 10) + (unit - LOW_FIRST);
            buf_put(&out, text, utf8_put(text, cp));
            *half = 0;
        } else {
            *half = unit;
        }
        piece = str_sub(piece, at, piece.len);
        mark = str_find(piece, STR(MARK));
    }
    if (*half && piece.len) /* something else stands where the low half should */
        return false;
    buf_put_str(&out, piece);
    *ret = buf_str(&out);
    return true;
}
