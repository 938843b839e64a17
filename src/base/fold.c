/* Goal: one folding for all searches. Non-goals: collation, accents (é stays apart from e), full
 * folding (ß stays ß). The table is sorted by code point and searched by halves; ASCII is not in
 * it. */
#include "base/fold.h"

struct fold_run {
    uint32_t first, last;
    uint8_t stride;
    int32_t distance;
};

static const struct fold_run runs[] = {
#define FOLD(first, last, stride, distance) { (first), (last), (stride), (distance) },
#include "base/fold_table.def"
#undef FOLD
};

uint32_t fold_code_point(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    size_t low = 0, high = sizeof runs / sizeof *runs;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct fold_run *r = &runs[mid];
        if (cp > r->last)
            low = mid + 1;
        else if (cp < r->first)
            high = mid;
        else
            return (cp - r->first) % r->stride ? cp : (uint32_t)((int64_t)cp + r->distance);
    }
    return cp;
}

static bool is_space(uint32_t cp)
{
    return cp == ' ' || (cp >= 9 && cp <= 13) || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000;
}

struct str fold_key(struct arena *a, struct str s)
{
    /* No folding of two bytes gives more than four: U+023A becomes three. */
    char *out = arena_alloc_raw(a, 2 * s.len + 1);
    size_t len = 0, pos = 0;
    bool gap = false;
    while (pos < s.len) {
        uint32_t cp = utf8_next(s, &pos);
        if (is_space(cp)) {
            gap = len > 0;
            continue;
        }
        if (gap)
            out[len++] = ' ';
        gap = false;
        len += utf8_put(out + len, fold_code_point(cp));
    }
    return (struct str){ out, len };
}
