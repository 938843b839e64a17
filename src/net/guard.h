/* Which addresses a tenant's URL may lead to (SSRF, OWASP). Pure.
 *
 * Refused unless allowed by an operator: loopback, private, shared (RFC 6598), link-local (cloud
 * metadata), unique-local, documentation, benchmarking, multicast, reserved and unspecified ranges
 * of IPv4 and IPv6, and IPv4 hidden in IPv6 (mapped, compatible, NAT64, 6to4, Teredo): the IANA
 * special-purpose address registries. */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include <sys/socket.h>

#include "base/str.h"

#define GUARD_NETWORKS_MAX 64
struct guard_network {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;            /* 0-128 */
};
struct guard_list {
    struct guard_network networks[GUARD_NETWORKS_MAX];
    size_t count;
};
/* Comma separated CIDR; "10.0.0.0/8, ::1". False: *ret_bad is what was no network. */
bool guard_list_parse(struct str text, struct guard_list *ret, struct str *ret_bad);
/* Decides on a resolved address. */
bool guard_admits(const struct guard_list *allowed, const struct sockaddr *address);

#endif
