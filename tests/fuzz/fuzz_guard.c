/* Lists of networks. Input: a list; then, behind a LF, 16 bytes of an address.
 *
 * What is read holds its bounds; what is printed back reads as the same network; a list admits what
 * it admits empty, and the first address of each of its networks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/guard.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool admits(const struct guard_list *l, const uint8_t address[16])
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    memcpy(&in6.sin6_addr, address, 16);
    return guard_admits(l, (struct sockaddr *)&in6);
}

static void check_network(const struct guard_network *n)
{
    char text[64], address[INET6_ADDRSTRLEN];
    struct guard_list again;
    struct str bad;
    bool mapped = memcmp(n->address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
    bool v4 = n->bits >= 96 && mapped;
    MUST(n->bits >= 0 && n->bits <= 128);
    MUST(inet_ntop(v4 ? AF_INET : AF_INET6, n->address + (v4 ? 12 : 0), address, sizeof address));
    snprintf(text, sizeof text, "%s/%d", address, v4 ? n->bits - 96 : n->bits);
    MUST(guard_list_parse(str_of(text), &again, &bad) && again.count == 1);
    MUST(again.networks[0].bits == n->bits);
    MUST(memcmp(again.networks[0].address, n->address, 16) == 0);
    MUST(admits(&again, n->address) || (mapped && !v4)); /* a wide IPv6 network holds no IPv4 */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct guard_list none = { .count = 0 };
    struct guard_list l;
    struct str rest = { (const char *)data, size }, list = str_split(&rest, '\n'), bad = STR_NULL;
    uint8_t address[16] = { 0 };
    if (size > 8192)
        return 0;
    if (!guard_list_parse(list, &l, &bad)) {
        MUST(bad.ptr >= list.ptr && bad.ptr + bad.len <= list.ptr + list.len);
        return 0;
    }
    MUST(l.count <= GUARD_NETWORKS_MAX);
    for (size_t i = 0; i < l.count; i++)
        check_network(&l.networks[i]);
    if (str_given(rest) && rest.len)
        memcpy(address, rest.ptr, rest.len < 16 ? rest.len : 16);
    MUST(!admits(&none, address) || admits(&l, address));
    return 0;
}
