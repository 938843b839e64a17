/* Goal: look-ups in what a face brought: methods, headers, cookies (RFC 6265 section 4.2.1).
 * Non-goal: parsing the wire; that is the face's. */
#include "op/call.h"

static const char *const method_names[] = {
    [METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",   [METHOD_POST] = "POST",
    [METHOD_PUT] = "PUT",         [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE",
    [METHOD_OPTIONS] = "OPTIONS", [METHOD_OTHER] = "OTHER",
};

enum method method_parse(struct str s)
{
    for (int m = METHOD_GET; m < METHOD_OTHER; m++)
        if (str_is(s, method_names[m]))
            return (enum method)m;
    return METHOD_OTHER;
}

const char *method_name(enum method m)
{
    return m >= METHOD_GET && m <= METHOD_OTHER ? method_names[m] : "OTHER";
}

struct str request_header(const struct raw_request *rq, const char *name)
{
    struct str n = str_of(name);
    for (size_t i = 0; i < rq->header_count; i++)
        if (str_eq(rq->headers[i].name, n))
            return rq->headers[i].value;
    return STR_NULL;
}

struct str request_cookie(const struct raw_request *rq, struct str name)
{
    struct str cookie = STR("cookie");
    for (size_t i = 0; i < rq->header_count; i++) {
        if (!str_eq(rq->headers[i].name, cookie))
            continue;
        struct str rest = rq->headers[i].value;
        while (str_given(rest)) {
            struct str value = str_trim(str_split(&rest, ';'));
            struct str key = str_split(&value, '=');
            if (str_given(value) && str_eq(key, name))
                return value;
        }
    }
    return STR_NULL;
}
