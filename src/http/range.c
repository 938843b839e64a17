/* Goal: the one range that players and resumed downloads ask for; everything else gets the whole.
 */
#include "http/range.h"

static bool digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

enum range_result range_parse(struct str header, int64_t size, int64_t *ret_from, int64_t *ret_end)
{
    struct str unit = STR("bytes=");
    int64_t from, last = INT64_MAX;
    if (!str_eq_nocase(str_sub(header, 0, unit.len), unit))
        return RANGE_NONE;
    struct str end = str_trim(str_sub(header, unit.len, header.len));
    struct str begin = str_split(&end, '-');
    if (!str_given(end) || !digits(begin) || !digits(end))
        return RANGE_NONE;
    if (begin.len == 0) {
        if (!str_to_i64(end, &last))
            return RANGE_NONE;
        if (last == 0 || size == 0)
            return RANGE_UNSATISFIABLE;
        *ret_from = last < size ? size - last : 0;
        *ret_end = size;
        return RANGE_PART;
    }
    if (!str_to_i64(begin, &from) || (end.len && !str_to_i64(end, &last)) || last < from)
        return RANGE_NONE;
    if (from >= size)
        return RANGE_UNSATISFIABLE;
    *ret_from = from;
    *ret_end = last < size ? last + 1 : size;
    return RANGE_PART;
}
