/* Who really asked, behind trusted proxies: Forwarded (RFC 7239), X-Forwarded-For; and networks
 * (CIDR). */
#ifndef HTTP_FORWARD_H
#define HTTP_FORWARD_H

#include "op/field.h"

#define NETWORKS_MAX 64
struct network {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;
};
struct networks {
    struct network list[NETWORKS_MAX];
    size_t count;
};
/* "127.0.0.0/8, ::1": false names the bad item in *ret_bad. */
bool networks_parse(struct str list, struct networks *ret, struct str *ret_bad);
/* Text address, IPv4 or IPv6, without port. */
bool networks_has(const struct networks *n, struct str address);
/* The rightmost address that is not a trusted proxy's; `peer` when there is none or it is
 * malformed. */
struct str forwarded_for(struct arena *a, const struct networks *trusted, struct str peer,
                         const struct header *headers, size_t count);

#endif
