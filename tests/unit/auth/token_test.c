/* Tokens: equal to those of next-auth 4 byte for byte, and refused in every other form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/token.h"

/* Recorded from next-auth 4.24: this secret, IV 00…0b, these claims. */
static const char vector_secret[] = "my-nextauth-secret";
static const char vector_key_hex[] =
    "0e876c46ebfafc6ec7905171bd10b3df22cc23c6518382d5b34d75bc5732da31";
static const char vector_token[] =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAECAwQFBgcICQoL."
    "iHiMFFLwR9l2Te3VJMLRUq10tlCVUJ96O9eNIkhSl213wzX5ey6IvLu0vyz6KQQf_hs-Rbds4xvO-mVrCIm0mxvjD6q-"
    "KnZbsHzo_WiAy9IJ5UiQoZv_N8JRGS3qreqDphA1By2j39xFzERK8y3C3HE5WMD0ugakydkpVneL43RcWp3hS7BeegPI"
    "EPT877zWRB_H4hU.N7BK6WOveloeNXAKTPZTVA";
/* Another, with an IV and a jti of that server's own. */
static const char vector_real[] =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..64MG894HarCZxxbu."
    "NnN-bmwTTMXHyzWRBv1Qf8TXBx3URHWv28N2HG6ZoA72PwJM6KiDqvJE-LB4LIFSVZuDpkZspd6UHKnvTreVmwTgM-Yf"
    "_2h0dSAtrVlv5oQufXTEIAp79_CUERZGqmSICS3u3wHozRsE4IniSEzKZ6To-r5_DLlYFMUMDCrNWtoiplyKOjhz5KiQ"
    "jgonNOrefGLGE9g.ZtF2K_7GVrsf-_h2jaJZ9A";

enum { NOW_S = 1795473331 };

static struct token_key key_of(const char *secret)
{
    struct token_key key;
    crypto_init();
    token_key_derive(str_of(secret), &key);
    return key;
}

static struct token_claims vector_claims(void)
{
    return (struct token_claims){ .name = STR("Zo\xc3\xab \xce\xa9"),
                                  .email = STR("u@example.test"),
                                  .sub = STR("u_1"),
                                  .role = STR("OWNER"),
                                  .iat_s = 1700000000,
                                  .exp_s = 4102444800,
                                  .jti = STR("00000000-0000-4000-8000-000000000000") };
}

static void equals_the_vectors(void **state)
{
    (void)state;
    static const uint8_t iv[GCM_IV_BYTES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
    struct token_key key = key_of(vector_secret);
    struct token_claims c = vector_claims();
    char hex[2 * GCM_KEY_BYTES + 1] = "";
    struct arena *a = arena_new(0);
    hex_encode(key.bytes, sizeof key.bytes, hex);
    assert_string_equal(hex, vector_key_hex);
    assert_true(str_is(token_encode(a, &key, &c, iv), vector_token));
    arena_free(a);
}

static void reads_the_vectors(void **state)
{
    (void)state;
    struct token_key key = key_of(vector_secret);
    struct token_claims c;
    struct arena *a = arena_new(0);
    assert_true(token_decode(a, &key, str_of(vector_token), NOW_S, &c));
    assert_true(str_is(c.name, "Zo\xc3\xab \xce\xa9"));
    assert_true(str_is(c.role, "OWNER"));
    assert_true(!str_given(c.sid) && c.sv == 0);
    assert_true(token_decode(a, &key, str_of(vector_real), NOW_S, &c));
    assert_true(str_is(c.jti, "0e822924-fa7e-48e5-b02e-0a282b1a2a50"));
    assert_int_equal(c.exp_s, 1798065331);
    struct token_key other = key_of("my-nextauth-secreT");
    assert_false(token_decode(a, &other, str_of(vector_token), NOW_S, &c));
    arena_free(a);
}

static void our_claims_come_back(void **state)
{
    (void)state;
    struct token_key key = key_of(vector_secret);
    struct token_claims back, c = { .name = STR("Ann"),
                                    .email = STR("ann@example.test"),
                                    .sub = STR("c1"),
                                    .sid = STR("c2"),
                                    .sv = 3,
                                    .iat_s = NOW_S,
                                    .exp_s = NOW_S + 60,
                                    .jti = STR("x") };
    struct arena *a = arena_new(0);
    struct str one = token_encode(a, &key, &c, NULL), two = token_encode(a, &key, &c, NULL);
    assert_false(str_eq(one, two)); /* each has an IV of its own */
    assert_true(token_decode(a, &key, one, NOW_S, &back));
    assert_true(str_eq(back.sid, c.sid) && back.sv == 3 && str_eq(back.email, c.email));
    arena_free(a);
}

static void time_has_a_tolerance(void **state)
{
    (void)state;
    struct token_key key = key_of(vector_secret);
    struct token_claims back, c = { .sub = STR("c1"), .iat_s = 1000, .exp_s = 2000 };
    struct arena *a = arena_new(0);
    struct str token = token_encode(a, &key, &c, NULL);
    assert_true(token_decode(a, &key, token, 2014, &back));
    assert_false(token_decode(a, &key, token, 2015, &back));
    assert_true(token_decode(a, &key, token, 985, &back));
    assert_false(token_decode(a, &key, token, 984, &back));
    arena_free(a);
}

/* ---- refusals ---- */

static struct str changed(struct arena *a, size_t at, char c)
{
    char *copy = str_cstr(a, str_of(vector_token));
    copy[at] = c;
    return str_of(copy);
}

static struct str replaced(struct arena *a, const char *what, const char *with)
{
    struct str t = str_of(vector_token);
    size_t at = str_find(t, str_of(what));
    assert_true(at != SIZE_MAX);
    return str_fmt(a, "%.*s%s%.*s", (int)at, t.ptr, with, (int)(t.len - at - strlen(what)),
                   t.ptr + at + strlen(what));
}

static void refused(struct arena *a, struct str token)
{
    struct token_key key = key_of(vector_secret);
    struct token_claims c;
    if (token_decode(a, &key, token, NOW_S, &c))
        fail_msg("taken: %.*s", STR_ARG(token));
}

static void malformed_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *with;
    } table[] = {
        { "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0", "" },
        { "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0", "eyJhbGciOiJub25lIn0" },
        /* the same header, spelled otherwise; with zip; with A128GCM; with A256CBC-HS512 */
        { "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0", "eyJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0" },
        { "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0",
          "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiemlwIjoiREVGIn0" },
        { "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0" },
        { "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0",
          "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0" },
        { "..", ".AAAA." },
        { "..", "." },
        { "..", "..." },
        { "AAECAwQFBgcICQoL", "" },
        { "AAECAwQFBgcICQoL", "AAECAwQFBgcICQ" },
        { "AAECAwQFBgcICQoL", "AAECAwQFBgcICQoLDA" },
        { "AAECAwQFBgcICQoL", "AAECAwQFBgcICQo=" },
        { "AAECAwQFBgcICQoL", "AAECAwQFBgcICQo+" },
        { "AAECAwQFBgcICQoL", "AAECAwQFBgcICQo " },
        { "N7BK6WOveloeNXAKTPZTVA", "N7BK6WOveloeNXAKTPZTVB" }, /* trailing bits */
        { "N7BK6WOveloeNXAKTPZTVA", "N7BK6WOveloeNXAKTPZTVA==" },
        { "N7BK6WOveloeNXAKTPZTVA", "N7BK6WOveloeNXAKTPZT" },
        { "N7BK6WOveloeNXAKTPZTVA", "N7BK6WOveloeNXAKTPZTVA.AA" },
        { "N7BK6WOveloeNXAKTPZTVA", "N7BK6WOveloeNXAKTPZTVA\n" },
        { "_hs-Rbds", "/hs-Rbds" },
        { "_hs-Rbds", "_hs+Rbds" },
        { "_hs-Rbds", "_hs-\tbds" },
        { "_hs-Rbds", "" },
    };
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        refused(a, replaced(a, table[i].what, table[i].with));
    refused(a, STR_NULL);
    refused(a, STR(""));
    refused(a, STR("...."));
    arena_free(a);
}

static void every_changed_character_is_refused(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct str t = str_of(vector_token);
    for (size_t i = 0; i < t.len; i++) {
        struct arena_mark m = arena_mark(a);
        refused(a, changed(a, i, t.ptr[i] == 'A' ? 'B' : 'A'));
        refused(a, str_sub(t, 0, i));
        arena_reset(a, m);
    }
    arena_free(a);
}

static struct str sealed(struct arena *a, struct str payload)
{
    static const char header[] = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0";
    static const uint8_t iv[GCM_IV_BYTES] = { 0 };
    uint8_t tag[GCM_TAG_BYTES];
    struct token_key key = key_of(vector_secret);
    uint8_t *out = arena_alloc(a, payload.len);
    char *text = arena_alloc(a, base64_encode_len(payload.len) + 1), tag_text[32] = "";
    gcm_seal(key.bytes, iv, str_of(header), payload, out, tag);
    base64url_encode(out, payload.len, text);
    base64url_encode(tag, sizeof tag, tag_text);
    return str_fmt(a, "%s..AAAAAAAAAAAAAAAA.%s.%s", header, text, tag_text);
}

/* Sealed with the right key, by a server that writes other payloads. */
static void foreign_payloads_are_refused(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "[]",
        "\"x\"",
        "{}",
        "{\"sub\":\"a\",\"exp\":4102444800}",
        "{\"sub\":\"a\",\"iat\":1700000000}",
        "{\"iat\":1700000000,\"exp\":4102444800}",
        "{\"sub\":\"\",\"iat\":1700000000,\"exp\":4102444800}",
        "{\"sub\":7,\"iat\":1700000000,\"exp\":4102444800}",
        "{\"sub\":\"a\",\"iat\":\"1700000000\",\"exp\":4102444800}",
        "{\"sub\":\"a\",\"iat\":1700000000,\"exp\":1e300}",
        "{\"sub\":\"a\",\"iat\":1700000000,\"exp\":-1}",
        "{\"sub\":\"a\",\"sub\":\"b\",\"iat\":1700000000,\"exp\":4102444800}",
        "{\"sub\":\"a\",\"sid\":[],\"iat\":1700000000,\"exp\":4102444800}",
        "{\"sub\":\"a\",\"sv\":1.5,\"iat\":1700000000,\"exp\":4102444800}",
        "{\"sub\":\"a\",\"nbf\":4000000000,\"iat\":1700000000,\"exp\":4102444800}",
        "{\"sub\":\"a\",\"iat\":1700000000,\"exp\":4102444800} ]",
    };
    struct arena *a = arena_new(0);
    struct token_key key = key_of(vector_secret);
    struct token_claims c;
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        refused(a, sealed(a, str_of(payloads[i])));
    struct str good = STR("{\"sub\":\"a\",\"image\":null,\"iat\":1700000000,\"exp\":4102444800}");
    assert_true(token_decode(a, &key, sealed(a, good), NOW_S, &c));
    arena_free(a);
}

static void size_is_bounded(void **state)
{
    (void)state;
    struct token_key key = key_of(vector_secret);
    struct arena *a = arena_new(0);
    size_t room = 2 * TOKEN_BYTES_MAX;
    char *letters = arena_alloc(a, room);
    memset(letters, 'a', room);
    struct token_claims back, c = { .sub = { letters, 4000 }, .iat_s = 1, .exp_s = 4102444800 };
    assert_true(token_decode(a, &key, token_encode(a, &key, &c, NULL), NOW_S, &back));
    c.sub.len = 4097; /* longer than a claim may be */
    assert_false(token_decode(a, &key, token_encode(a, &key, &c, NULL), NOW_S, &back));
    c.sub.len = room;
    assert_false(str_given(token_encode(a, &key, &c, NULL)));
    struct str payload = { letters, TOKEN_BYTES_MAX };
    refused(a, sealed(a, payload));
    arena_free(a);
}

static void jti_is_a_uuid(void **state)
{
    (void)state;
    char one[TOKEN_JTI_BYTES], two[TOKEN_JTI_BYTES];
    crypto_init();
    token_jti_make(one);
    token_jti_make(two);
    assert_memory_not_equal(one, two, sizeof one);
    assert_int_equal(one[14], '4');
    assert_true(strchr("89ab", one[19]) != NULL);
    for (size_t i = 0; i < sizeof one; i++)
        assert_int_equal(one[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_vectors),
        cmocka_unit_test(reads_the_vectors),
        cmocka_unit_test(our_claims_come_back),
        cmocka_unit_test(time_has_a_tolerance),
        cmocka_unit_test(malformed_ones_are_refused),
        cmocka_unit_test(every_changed_character_is_refused),
        cmocka_unit_test(foreign_payloads_are_refused),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(jti_is_a_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
