/* Goals: the one form of token that NextAuth v4 writes, both ways. Non-goals: other JWE algorithms;
 * there is no table of them, so none can be talked into. Invariants: the header is compared as text
 * and never parsed; nothing of a payload is read before its tag fits; plaintext of a token that is
 * refused later stays in the call's arena only. */
#include "auth/token.h"

#include <assert.h>

#define TOKEN_HEADER "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0" /* {"alg":"dir","enc":"A256GCM"} */
enum { IV_CHARS = 16, TAG_CHARS = 22, CLAIM_BYTES_MAX = 4096 };

void token_key_derive(struct str secret, struct token_key *ret)
{
    hkdf_sha256(secret, STR(""), STR("NextAuth.js Generated Encryption Key"), ret->bytes,
                sizeof ret->bytes);
}

void token_jti_make(char out[TOKEN_JTI_BYTES])
{
    static const uint8_t at[] = { 0, 9, 14, 19, 24 }, bytes[] = { 4, 2, 2, 2, 6 };
    uint8_t raw[16];
    const uint8_t *p = raw;
    random_bytes(raw, sizeof raw);
    raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
    memset(out, '-', TOKEN_JTI_BYTES);
    for (size_t i = 0; i < sizeof at; i++) {
        hex_encode(p, bytes[i], out + at[i]);
        p += bytes[i];
    }
}

/* ---- seal ---- */

static void claim_write(struct json_writer *w, const char *name, struct str value)
{
    if (!str_given(value))
        return;
    jw_key(w, str_of(name));
    jw_str(w, value);
}

static struct str payload_write(struct arena *a, const struct token_claims *c)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, a, TOKEN_BYTES_MAX);
    jw_init(&w, &out);
    jw_object(&w);
    claim_write(&w, "name", c->name);
    claim_write(&w, "email", c->email);
    claim_write(&w, "sub", c->sub);
    claim_write(&w, "role", c->role);
    claim_write(&w, "sid", c->sid);
    if (c->sv) {
        jw_key_lit(&w, "sv");
        jw_i64(&w, c->sv);
    }
    jw_key_lit(&w, "iat");
    jw_i64(&w, c->iat_s);
    jw_key_lit(&w, "exp");
    jw_i64(&w, c->exp_s);
    claim_write(&w, "jti", c->jti);
    jw_object_end(&w);
    return out.overflow ? STR_NULL : buf_str(&out);
}

static void put_base64url(struct buf *b, const uint8_t *bytes, size_t len)
{
    char *room = buf_reserve(b, base64_encode_len(len));
    if (room)
        b->len += base64url_encode(bytes, len, room);
}

struct str token_encode(struct arena *a, const struct token_key *key, const struct token_claims *c,
                        const uint8_t *iv)
{
    uint8_t random_iv[GCM_IV_BYTES], tag[GCM_TAG_BYTES];
    struct str payload = payload_write(a, c);
    struct buf out;
    if (!str_given(payload))
        return STR_NULL;
    if (!iv) {
        random_bytes(random_iv, sizeof random_iv);
        iv = random_iv;
    }
    uint8_t *sealed = arena_alloc_raw(a, payload.len);
    gcm_seal(key->bytes, iv, STR(TOKEN_HEADER), payload, sealed, tag);
    buf_init(&out, a, TOKEN_BYTES_MAX + 8); /* base64_encode_len asks for padding too */
    buf_put_cstr(&out, TOKEN_HEADER "..");
    put_base64url(&out, iv, GCM_IV_BYTES);
    buf_put_byte(&out, '.');
    put_base64url(&out, sealed, payload.len);
    buf_put_byte(&out, '.');
    put_base64url(&out, tag, sizeof tag);
    return out.overflow || out.len > TOKEN_BYTES_MAX ? STR_NULL : buf_str(&out);
}

/* ---- open ---- */

static bool part_decode(struct arena *a, struct str part, uint8_t **ret, size_t *ret_len)
{
    *ret = arena_alloc_raw(a, part.len * 3 / 4 + 3);
    return base64url_decode(part, *ret, ret_len);
}

/* The payload's text; false when the token's form or tag is wrong. */
static bool token_open(struct arena *a, const struct token_key *key, struct str token,
                       struct str *ret)
{
    uint8_t *iv, *sealed, *tag;
    size_t iv_len, sealed_len, tag_len;
    struct str parts[5], rest = token;
    if (!str_given(token) || token.len > TOKEN_BYTES_MAX)
        return false;
    for (size_t i = 0; i < 5; i++) {
        if (!str_given(rest))
            return false;
        parts[i] = str_split(&rest, '.');
    }
    if (str_given(rest) || !str_is(parts[0], TOKEN_HEADER) || parts[1].len != 0 ||
        parts[2].len != IV_CHARS || parts[3].len == 0 || parts[4].len != TAG_CHARS)
        return false;
    if (!part_decode(a, parts[2], &iv, &iv_len) ||
        !part_decode(a, parts[3], &sealed, &sealed_len) ||
        !part_decode(a, parts[4], &tag, &tag_len))
        return false;
    if (iv_len != GCM_IV_BYTES || tag_len != GCM_TAG_BYTES)
        return false;
    uint8_t *plain = arena_alloc_raw(a, sealed_len);
    if (!gcm_open(key->bytes, iv, parts[0], (struct str){ (char *)sealed, sealed_len }, tag, plain))
        return false;
    *ret = (struct str){ (char *)plain, sealed_len };
    return true;
}

/* Absent and null are the same; anything but a text of bounded length is refused. */
static bool claim_text(const struct json *j, const char *name, struct str *ret)
{
    const struct json *v = json_get(j, name);
    if (!v || v->type == JSON_NULL)
        return true;
    if (v->type != JSON_STRING || v->text.len > CLAIM_BYTES_MAX)
        return false;
    *ret = v->text;
    return true;
}

static bool claim_int(const struct json *j, const char *name, bool required, int64_t *ret)
{
    const struct json *v = json_get(j, name);
    if (!v)
        return !required;
    return v->type == JSON_NUMBER && json_to_i64(v, ret) && *ret >= 0 && *ret <= INT32_MAX * 1000ll;
}

static bool claims_read(const struct json *j, struct token_claims *c)
{
    return claim_text(j, "name", &c->name) && claim_text(j, "email", &c->email) &&
           claim_text(j, "sub", &c->sub) && claim_text(j, "role", &c->role) &&
           claim_text(j, "sid", &c->sid) && claim_text(j, "jti", &c->jti) &&
           claim_int(j, "sv", false, &c->sv) && claim_int(j, "iat", true, &c->iat_s) &&
           claim_int(j, "exp", true, &c->exp_s) && c->sub.len > 0;
}

bool token_decode(struct arena *a, const struct token_key *key, struct str token, int64_t now_s,
                  struct token_claims *ret)
{
    static const struct json_limits limits = { .depth_max = 8, .nodes_max = 1000 };
    struct token_claims c = { 0 };
    struct str payload;
    struct json j;
    struct json_fault fault;
    int64_t not_before_s = 0;
    if (!token_open(a, key, token, &payload) || json_parse(a, payload, &limits, &j, &fault) != OK ||
        j.type != JSON_OBJECT || !claims_read(&j, &c) ||
        !claim_int(&j, "nbf", false, &not_before_s))
        return false;
    if (c.exp_s + TOKEN_TOLERANCE_S <= now_s || c.iat_s > now_s + TOKEN_TOLERANCE_S ||
        not_before_s > now_s + TOKEN_TOLERANCE_S)
        return false;
    *ret = c;
    return true;
}
