/* Networks and forwarded addresses. Input, a line each: trusted networks, peer, then headers
 * ("f " Forwarded, else X-Forwarded-For).
 *
 * A peer that isn't a trusted proxy is believed nothing; what comes out is an address and never a
 * trusted proxy's, unless nobody else is named. */
#include <stdint.h>
#include <stdlib.h>

#include "http/forward.h"

enum { HEADERS_MAX = 16 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    struct arena *a = arena_new(0);
    struct networks trusted, all;
    struct str bad, rest = { (const char *)data, size };
    struct header headers[HEADERS_MAX];
    size_t count = 0;
    MUST(networks_parse(STR("0.0.0.0/0, ::/0"), &all, &bad));
    struct str list = str_split(&rest, '\n'), peer = str_split(&rest, '\n');
    if (networks_parse(list, &trusted, &bad)) {
        for (size_t i = 0; i < trusted.count; i++)
            MUST(trusted.list[i].bits >= 0 && trusted.list[i].bits <= 128);
        while (str_given(rest) && rest.len && count < HEADERS_MAX) {
            struct str line = str_split(&rest, '\n');
            bool forwarded = str_starts(line, STR("f "));
            headers[count++] = (struct header){
                forwarded ? STR("forwarded") : STR("x-forwarded-for"),
                forwarded ? str_sub(line, 2, line.len) : line,
            };
        }
        struct str who = forwarded_for(a, &trusted, peer, headers, count);
        if (!networks_has(&trusted, peer) || count == 0)
            MUST(str_eq(who, peer));
        else if (!str_eq(who, peer))
            MUST(networks_has(&all, who));
    } else {
        MUST(bad.len <= list.len);
    }
    arena_free(a);
    return 0;
}
