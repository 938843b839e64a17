/* Goals: no address that is special is reached by a tenant's URL, whatever form it is written in.
 * Non-goals: names, ports, and where a public address leads from there.
 * Invariants: IPv4 is looked at as IPv4 also when it comes as ::ffff:a.b.c.d or through the
 * well-known NAT64 prefix; of IPv6 only global unicast (2000::/3) can be admitted, so a range that
 * is assigned later is refused until somebody adds it.
 *
 * Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and updates). Ranges that
 * the registries call globally reachable (AS112, AMT) are admitted, except inside 192.0.0.0/24 and
 * 2001::/23, where nothing is that a tenant's server would live on. */
#include "net/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { ADDRESS_BYTES = 16, V4_AT = 12, V4_PREFIX_BITS = 96 };

struct v4_range {
    uint8_t address[4];
    uint8_t bits;
};
static const struct v4_range v4_special[] = {
    { { 0, 0, 0, 0 }, 8 },       /* this host on this network, RFC 791 */
    { { 10, 0, 0, 0 }, 8 },      /* private, RFC 1918 */
    { { 100, 64, 0, 0 }, 10 },   /* shared, RFC 6598 */
    { { 127, 0, 0, 0 }, 8 },     /* loopback, RFC 1122 */
    { { 169, 254, 0, 0 }, 16 },  /* link-local, RFC 3927: cloud metadata */
    { { 172, 16, 0, 0 }, 12 },   /* private */
    { { 192, 0, 0, 0 }, 24 },    /* IETF protocol assignments, RFC 6890 */
    { { 192, 0, 2, 0 }, 24 },    /* documentation, RFC 5737 */
    { { 192, 88, 99, 0 }, 24 },  /* 6to4 relay anycast, deprecated, RFC 7526 */
    { { 192, 168, 0, 0 }, 16 },  /* private */
    { { 198, 18, 0, 0 }, 15 },   /* benchmarking, RFC 2544 */
    { { 198, 51, 100, 0 }, 24 }, /* documentation */
    { { 203, 0, 113, 0 }, 24 },  /* documentation */
    { { 224, 0, 0, 0 }, 4 },     /* multicast, RFC 5771 */
    { { 240, 0, 0, 0 }, 4 },     /* reserved, RFC 1112; limited broadcast */
};

struct v6_range {
    uint8_t address[6];
    uint8_t bits;
};
/* Inside 2000::/3; what lies outside needs no row. */
static const struct v6_range v6_special[] = {
    { { 0x20, 0x01 }, 23 }, /* IETF protocol assignments: Teredo, ORCHID, benchmarking */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation, RFC 3849 */
    { { 0x20, 0x02 }, 16 },             /* 6to4, RFC 3056 */
    { { 0x3f, 0xff }, 20 },             /* documentation, RFC 9637 */
};

static const uint8_t v4_mapped[V4_AT] = { [10] = 0xff, [11] = 0xff }; /* ::ffff:0:0/96 */
static const uint8_t v4_nat64[V4_AT] = { 0x00, 0x64, 0xff, 0x9b };    /* RFC 6052 */
static const uint8_t global_unicast[1] = { 0x20 };                    /* 2000::/3, RFC 4291 */

/* `network` has (bits + 7) / 8 bytes. */
static bool within(const uint8_t *network, int bits, const uint8_t *address)
{
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(network, address, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((network[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool is_v4(const uint8_t address[ADDRESS_BYTES])
{
    return memcmp(address, v4_mapped, V4_AT) == 0;
}

static bool v4_is_public(const uint8_t address[4])
{
    for (size_t i = 0; i < sizeof v4_special / sizeof *v4_special; i++)
        if (within(v4_special[i].address, v4_special[i].bits, address))
            return false;
    return true;
}

static bool is_public(const uint8_t address[ADDRESS_BYTES])
{
    if (is_v4(address) || memcmp(address, v4_nat64, V4_AT) == 0)
        return v4_is_public(address + V4_AT);
    if (!within(global_unicast, 3, address))
        return false;
    for (size_t i = 0; i < sizeof v6_special / sizeof *v6_special; i++)
        if (within(v6_special[i].address, v6_special[i].bits, address))
            return false;
    return true;
}

/* Networks of one family never hold addresses of the other: ::/0 is all of IPv6 and no IPv4. */
static bool in_list(const struct guard_list *list, const uint8_t address[ADDRESS_BYTES])
{
    for (size_t i = 0; i < list->count; i++) {
        const struct guard_network *n = &list->networks[i];
        bool v4 = n->bits >= V4_PREFIX_BITS && is_v4(n->address);
        if (v4 == is_v4(address) && within(n->address, n->bits, address))
            return true;
    }
    return false;
}

bool guard_admits(const struct guard_list *allowed, const struct sockaddr *address)
{
    uint8_t a[ADDRESS_BYTES];
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        memcpy(a, v4_mapped, V4_AT);
        memcpy(a + V4_AT, &in.sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        memcpy(a, &in6.sin6_addr, ADDRESS_BYTES);
    } else {
        return false;
    }
    return is_public(a) || in_list(allowed, a);
}

/* ---- the list ---- */

static bool network_parse(struct str item, struct guard_network *ret)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct str bits = item, address = str_split(&bits, '/');
    int64_t n;
    int most = 32;
    if (address.len == 0 || address.len >= sizeof text || str_find_byte(address, 0) != SIZE_MAX)
        return false;
    memcpy(text, address.ptr, address.len);
    text[address.len] = 0;
    memcpy(ret->address, v4_mapped, V4_AT);
    if (inet_pton(AF_INET, text, ret->address + V4_AT) != 1) {
        if (inet_pton(AF_INET6, text, ret->address) != 1)
            return false;
        most = 128;
    }
    n = most;
    if (str_given(bits) && (!str_to_i64(bits, &n) || n < 0 || n > most))
        return false;
    ret->bits = (int)n + (most == 32 ? V4_PREFIX_BITS : 0);
    return true;
}

bool guard_list_parse(struct str text, struct guard_list *ret, struct str *ret_bad)
{
    struct guard_list list = { .count = 0 };
    while (str_given(text)) {
        struct str item = str_trim(str_split(&text, ','));
        if (item.len == 0)
            continue;
        if (list.count == GUARD_NETWORKS_MAX || !network_parse(item, &list.networks[list.count])) {
            *ret_bad = item;
            return false;
        }
        list.count++;
    }
    *ret = list;
    return true;
}
