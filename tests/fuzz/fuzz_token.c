/* Properties of session tokens and cookies on any bytes:
 *
 *   nothing is read out of bounds, whatever stands in a Cookie header;
 *   bytes that somebody else made are no token (the key is random for the process), but for those
 * that this run sealed itself; what is sealed is opened again, and with one bit changed it is not;
 *   joined cookies come back from what was set. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/cookie.h"
#include "auth/csrf.h"
#include "auth/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX ((size_t)1 << 16)
#define NAME "next-auth.session-token"
enum { NOW_S = 1795473331 };

#define MUST(condition, what)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz_token: %s (%s)\n", (what), #condition);                          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const struct token_key *process_key(void)
{
    static struct token_key key;
    static bool made;
    if (!made) {
        crypto_init();
        random_bytes(key.bytes, sizeof key.bytes);
        made = true;
    }
    return &key;
}

static void cookie_check(struct arena *a, struct str text)
{
    struct header h = { STR("cookie"), text };
    struct raw_request rq = { .headers = &h, .header_count = 1 };
    struct str value, token;
    struct token_claims c;
    if (cookie_session_get(a, &rq, STR(NAME), &value) == COOKIE_ONE)
        MUST(!token_decode(a, process_key(), value, NOW_S, &c), "a stranger's token");
    if (cookie_get(&rq, STR("next-auth.csrf-token"), &value) == COOKIE_ONE)
        MUST(!csrf_cookie_verify(STR("a secret of nobody's"), value, &token), "a forged cookie");
}

/* The input as a claim: sealed, split, joined, opened, and refused when a bit is turned. */
static void round_trip_check(struct arena *a, struct str claim)
{
    struct token_claims back, c = {
        .sub = STR("s"), .name = claim, .iat_s = NOW_S, .exp_s = NOW_S + 60, .jti = STR("j")
    };
    if (!utf8_valid(claim) || claim.len > 4096)
        return;
    for (size_t i = 0; i < claim.len; i++)
        if (claim.ptr[i] == 0) /* the reader refuses U+0000 */
            return;
    struct str token = token_encode(a, process_key(), &c, NULL);
    if (!str_given(token))
        return;
    MUST(token_decode(a, process_key(), token, NOW_S, &back), "what we seal opens");
    MUST(str_eq(back.name, claim), "claims come back");
    char *copy = str_cstr(a, token);
    size_t at = (claim.len * 31 + 7) % token.len;
    copy[at] = copy[at] == 'A' ? 'B' : 'A';
    MUST(!token_decode(a, process_key(), str_of(copy), NOW_S, &back), "a changed token");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_BYTES_MAX)
        return 0;
    /* An exact copy, so that AddressSanitizer sees one byte too many. */
    char *copy = malloc(size ? size : 1);
    assert(copy);
    if (size)
        memcpy(copy, data, size);
    struct arena *a = arena_new(0);
    struct str text = { copy, size };
    struct token_claims c;
    MUST(!token_decode(a, process_key(), text, NOW_S, &c), "a stranger's token");
    cookie_check(a, text);
    round_trip_check(a, text);
    arena_free(a);
    free(copy);
    return 0;
}
