/* Goals: believe a header only as far as each hop that wrote it is trusted.
 * Invariants: the result is a valid address text, or the peer; an unknown or obfuscated node ends
 * the walk, since what stands left of it was written by nobody we know. */
#include "http/forward.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool address_bytes(struct str text, uint8_t out[16], bool *ret_v4)
{
    char z[64];
    struct in_addr v4;
    if (text.len == 0 || text.len >= sizeof z)
        return false;
    memcpy(z, text.ptr, text.len);
    z[text.len] = '\0';
    memset(out, 0, 16);
    if (inet_pton(AF_INET, z, &v4) == 1) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &v4, 4);
        *ret_v4 = true;
        return true;
    }
    *ret_v4 = false;
    return inet_pton(AF_INET6, z, out) == 1;
}

static bool network_parse(struct str s, struct network *ret)
{
    struct str bits = s;
    struct str address = str_split(&bits, '/');
    bool v4;
    int64_t n;
    if (!address_bytes(address, ret->bytes, &v4))
        return false;
    int most = v4 ? 32 : 128;
    if (!str_given(bits))
        n = most;
    else if (!str_to_i64(bits, &n) || n < 0 || n > most)
        return false;
    ret->bits = (int)n + (v4 ? 96 : 0);
    return true;
}

bool networks_parse(struct str list, struct networks *ret, struct str *ret_bad)
{
    ret->count = 0;
    while (str_given(list)) {
        struct str item = str_trim(str_split(&list, ','));
        if (item.len == 0)
            continue;
        if (ret->count == NETWORKS_MAX || !network_parse(item, &ret->list[ret->count])) {
            *ret_bad = item;
            return false;
        }
        ret->count++;
    }
    return true;
}

static bool in_network(const struct network *n, const uint8_t a[16])
{
    int whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->bytes, a, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((n->bytes[whole] ^ a[whole]) >> (8 - rest)) == 0;
}

bool networks_has(const struct networks *n, struct str address)
{
    uint8_t a[16];
    bool v4;
    if (!address_bytes(address, a, &v4))
        return false;
    for (size_t i = 0; i < n->count; i++)
        if (in_network(&n->list[i], a))
            return true;
    return false;
}

/* `for` of one hop: 1.2.3.4, "1.2.3.4:80", "[::1]:80", quoted or not. Absent: no address. */
static struct str node_address(struct str s)
{
    s = str_trim(s);
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        s = str_sub(s, 1, s.len - 1);
    if (s.len && s.ptr[0] == '[') {
        size_t end = str_find_byte(s, ']');
        s = end < s.len ? str_sub(s, 1, end) : STR_NULL;
    } else {
        size_t colon = str_find_byte(s, ':');
        bool one = colon < s.len && str_find_byte(str_sub(s, colon + 1, s.len), ':') >= s.len;
        s = one ? str_sub(s, 0, colon) : s;
    }
    uint8_t a[16];
    bool v4;
    return address_bytes(s, a, &v4) ? s : STR_NULL;
}

static struct str forwarded_element(struct str element)
{
    while (str_given(element)) {
        struct str value = str_trim(str_split(&element, ';'));
        struct str key = str_split(&value, '=');
        if (str_eq_nocase(str_trim(key), STR("for")) && str_given(value))
            return value;
    }
    return STR("");
}

/* The elements of one header from the right, as long as who sent them is trusted. */
static struct str walk(const struct networks *trusted, struct str peer, struct str list,
                       bool rfc7239)
{
    struct str at = peer;
    while (networks_has(trusted, at) && list.len) {
        size_t comma = list.len;
        while (comma > 0 && list.ptr[comma - 1] != ',')
            comma--;
        struct str element = str_trim(str_sub(list, comma, list.len));
        struct str node = node_address(rfc7239 ? forwarded_element(element) : element);
        if (!str_given(node))
            break;
        at = node;
        list = str_sub(list, 0, comma ? comma - 1 : 0);
    }
    return at;
}

struct str forwarded_for(struct arena *a, const struct networks *trusted, struct str peer,
                         const struct header *headers, size_t count)
{
    struct buf forwarded, xff;
    if (!networks_has(trusted, peer))
        return peer;
    buf_init(&forwarded, a, 16 * 1024);
    buf_init(&xff, a, 16 * 1024);
    for (size_t i = 0; i < count; i++) {
        bool is = str_is(headers[i].name, "forwarded");
        if (!is && !str_is(headers[i].name, "x-forwarded-for"))
            continue;
        struct buf *b = is ? &forwarded : &xff;
        buf_put_cstr(b, b->len ? "," : "");
        buf_put_str(b, headers[i].value);
    }
    if (forwarded.overflow || xff.overflow)
        return peer;
    return forwarded.len ? walk(trusted, peer, buf_str(&forwarded), true)
                         : walk(trusted, peer, buf_str(&xff), false);
}
