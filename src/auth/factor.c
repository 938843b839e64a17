/* Goals: what factor.h says, each step one conditional UPDATE, so that of two sign-ins with one
 * code only one gets in. Invariants: a secret is in clear only on the stack of one function and in
 * the answer to its enrolment; nothing of a code or a secret reaches a log or an event. */
#include "auth/factor.h"

#include "audit/audit.h"
#include "auth/auth_sql.h"
#include "auth/qr.h"
#include "auth/state.h"
#include "auth/totp.h"
#include "base/app.h"
#include "base/config.h"
#include "base/log.h"

/* ---- sealing: version byte, IV, AES-256-GCM, tag; bound to the user ---- */

enum { SEAL_VERSION = 1, SEALED_BYTES = 1 + GCM_IV_BYTES + TOTP_SECRET_BYTES + GCM_TAG_BYTES };

static enum err seal_key(struct cx *cx, uint8_t out[GCM_KEY_BYTES])
{
    struct str root = secret_bytes(cx->app->config->root_key);
    if (!str_given(root))
        return cx_fault(cx, "there is no root key to seal a second factor with");
    hkdf_sha256(root, STR_NULL, STR("opboxd second factor"), out, GCM_KEY_BYTES);
    return OK;
}

static struct str seal_aad(struct cx *cx, struct str user_id)
{
    return str_fmt(cx->arena, "users.totp_secret:%.*s", STR_ARG(user_id));
}

static enum err factor_seal(struct cx *cx, struct str user_id,
                            const uint8_t secret[TOTP_SECRET_BYTES], struct str *ret)
{
    uint8_t key[GCM_KEY_BYTES];
    uint8_t *out = arena_alloc(cx->arena, SEALED_BYTES);
    TRY(seal_key(cx, key));
    out[0] = SEAL_VERSION;
    random_bytes(out + 1, GCM_IV_BYTES);
    gcm_seal(key, out + 1, seal_aad(cx, user_id),
             (struct str){ (const char *)secret, TOTP_SECRET_BYTES }, out + 1 + GCM_IV_BYTES,
             out + SEALED_BYTES - GCM_TAG_BYTES);
    bytes_wipe(key, sizeof key);
    *ret = (struct str){ (const char *)out, SEALED_BYTES };
    return OK;
}

/* False when it cannot be opened. */
static enum err factor_open(struct cx *cx, struct str user_id, struct str sealed,
                            uint8_t ret[TOTP_SECRET_BYTES], bool *ret_good)
{
    uint8_t key[GCM_KEY_BYTES];
    const uint8_t *in = (const uint8_t *)sealed.ptr;
    *ret_good = false;
    if (sealed.len != SEALED_BYTES || in[0] != SEAL_VERSION)
        return OK;
    TRY(seal_key(cx, key));
    struct str body = str_sub(sealed, 1 + GCM_IV_BYTES, SEALED_BYTES - GCM_TAG_BYTES);
    *ret_good =
        gcm_open(key, in + 1, seal_aad(cx, user_id), body, in + SEALED_BYTES - GCM_TAG_BYTES, ret);
    bytes_wipe(key, sizeof key);
    return OK;
}

/* ---- recovery codes ---- */

/* Letters that nobody confuses; upper case, dashes and spaces are as good. */
static const char code_letters[] = "abcdefghjkmnpqrstuvwxyz123456789";
_Static_assert(sizeof code_letters == 33, "five bits a letter");

static void recovery_hash(struct str user_id, const char letters[16], uint8_t out[SHA256_BYTES])
{
    struct sha256_ctx *h = sha256_new();
    sha256_add(h, STR("opboxd recovery code\n"));
    sha256_add(h, user_id);
    sha256_add(h, (struct str){ letters, 16 });
    sha256_final(h, out);
    sha256_free(h);
}

static enum err recovery_make(struct cx *cx, struct str user_id, struct str *ret)
{
    uint8_t raw[16], hash[SHA256_BYTES];
    char letters[16], *text = arena_alloc(cx->arena, FACTOR_CODE_CHARS);
    random_bytes(raw, sizeof raw);
    size_t n = 0;
    for (size_t i = 0; i < sizeof raw; i++) {
        letters[i] = code_letters[raw[i] & 31];
        if (i && i % 4 == 0)
            text[n++] = '-';
        text[n++] = letters[i];
    }
    recovery_hash(user_id, letters, hash);
    struct auth_recovery_add_in in = { .user_id = user_id,
                                       .hash = { (const char *)hash, sizeof hash },
                                       .now = cx->now_ms };
    *ret = (struct str){ text, n };
    return auth_recovery_add(cx, &in, NULL);
}

static bool recovery_letters(struct str code, char out[16])
{
    size_t n = 0;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        if (c == '-' || c == ' ')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 32);
        if (n == 16 || !memchr(code_letters, c, 32))
            return false;
        out[n++] = c;
    }
    return n == 16;
}

static enum err recovery_take(struct cx *cx, struct str user_id, struct str code,
                              enum factor_verdict *ret)
{
    char letters[16];
    uint8_t hash[SHA256_BYTES];
    int64_t taken = 0;
    if (recovery_letters(code, letters)) {
        recovery_hash(user_id, letters, hash);
        struct auth_recovery_take_in in = { .user_id = user_id,
                                            .hash = { (const char *)hash, sizeof hash },
                                            .now = cx->now_ms };
        TRY(auth_recovery_take(cx, &in, &taken));
    }
    *ret = taken == 1 ? FACTOR_RECOVERED : FACTOR_REFUSED;
    return OK;
}

/* ---- states ---- */

static enum err user_of(struct cx *cx, struct str user_id, struct auth_user_secrets_row *ret)
{
    struct auth_user_secrets_in in = { user_id };
    bool found;
    TRY(auth_user_secrets(cx, &in, ret, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such user.");
    return OK;
}

static enum err state_set(struct cx *cx, const struct auth_totp_set_in *in)
{
    int64_t changed;
    TRY(auth_totp_set(cx, in, &changed));
    if (changed == 0)
        FAIL(cx, CONFLICT, "The second factor was changed meanwhile.");
    return OK;
}

static enum err change_event(struct cx *cx, struct str user_id, const char *message)
{
    return audit_append(cx, &(struct audit_row){ .action = STR("second_factor"),
                                                 .type = STR("SECOND_FACTOR_CHANGED"),
                                                 .entity_type = STR("user"),
                                                 .entity_id = user_id,
                                                 .message = str_of(message) });
}

enum err factor_enrol(struct cx *cx, struct str user_id, struct str email,
                      struct factor_enrolment *ret)
{
    struct auth_user_secrets_row user;
    uint8_t secret[TOTP_SECRET_BYTES];
    struct auth_totp_set_in in = { .id = user_id, .state = STR("PENDING"), .now = cx->now_ms };
    TRY(user_of(cx, user_id, &user));
    if (str_is(user.totp_state, "ON"))
        FAIL(cx, CONFLICT, "A second factor is on; switch it off first.");
    in.from_state = user.totp_state;
    random_bytes(secret, sizeof secret);
    TRY(factor_seal(cx, user_id, secret, &in.secret));
    TRY(state_set(cx, &in));
    char *text = arena_alloc(cx->arena, TOTP_SECRET_CHARS);
    base32_encode(secret, sizeof secret, text);
    ret->secret = (struct str){ text, TOTP_SECRET_CHARS };
    ret->url = totp_url(cx->arena, secret, STR("opboxd"), email);
    bytes_wipe(secret, sizeof secret);
    return qr_svg(cx, ret->url, &ret->qr_svg);
}

enum err factor_confirm(struct cx *cx, struct str user_id, struct str code, struct str *ret_codes)
{
    struct auth_user_secrets_row user;
    uint8_t secret[TOTP_SECRET_BYTES];
    int64_t step = 0;
    bool good;
    TRY(user_of(cx, user_id, &user));
    if (!str_is(user.totp_state, "PENDING"))
        FAIL(cx, CONFLICT, "No second factor waits to be confirmed; enrol one first.");
    TRY(factor_open(cx, user_id, user.totp_secret, secret, &good));
    if (!good)
        FAIL(cx, CREDENTIAL_UNREADABLE, "The pending secret cannot be opened; enrol once more.");
    good = totp_verify(secret, code, cx->now_ms, &step);
    bytes_wipe(secret, sizeof secret);
    if (!good) {
        cx_field_error(cx, STR("code"), "is not the code that the authenticator shows now");
        return cx_invalid(cx);
    }
    struct auth_totp_set_in in = { .id = user_id,
                                   .secret = user.totp_secret,
                                   .state = STR("ON"),
                                   .step = step,
                                   .from_state = STR("PENDING"),
                                   .now = cx->now_ms };
    TRY(state_set(cx, &in));
    TRY(auth_recovery_drop(cx, &(struct auth_recovery_drop_in){ user_id }, NULL));
    for (size_t i = 0; i < FACTOR_CODES; i++)
        TRY(recovery_make(cx, user_id, &ret_codes[i]));
    return change_event(cx, user_id, "A second factor was switched on");
}

enum err factor_take(struct cx *cx, struct str user_id, struct str sealed, struct str code,
                     enum factor_verdict *ret)
{
    uint8_t secret[TOTP_SECRET_BYTES];
    struct auth_totp_take_in in = { .id = user_id };
    int64_t taken = 0;
    bool good;
    TRY(factor_open(cx, user_id, sealed, secret, &good));
    if (!good)
        log_line(LOG_ERROR, "a second factor cannot be opened; was the root key changed?",
                 log_s("user", user_id));
    good = good && totp_verify(secret, code, cx->now_ms, &in.step);
    bytes_wipe(secret, sizeof secret);
    if (!good)
        return recovery_take(cx, user_id, code, ret);
    TRY(auth_totp_take(cx, &in, &taken));
    *ret = taken == 1 ? FACTOR_TAKEN : FACTOR_REFUSED;
    return OK;
}

enum err factor_drop(struct cx *cx, struct str user_id)
{
    struct auth_user_secrets_row user;
    struct auth_totp_set_in in = { .id = user_id, .state = STR("OFF"), .now = cx->now_ms };
    TRY(user_of(cx, user_id, &user));
    if (str_is(user.totp_state, "OFF"))
        FAIL(cx, CONFLICT, "There is no second factor.");
    in.from_state = user.totp_state;
    TRY(state_set(cx, &in));
    TRY(auth_recovery_drop(cx, &(struct auth_recovery_drop_in){ user_id }, NULL));
    return change_event(cx, user_id, "The second factor was switched off");
}

enum err factor_reset(struct cx *cx, struct str user_id, const char *why)
{
    TRY(factor_drop(cx, user_id));
    return auth_sessions_end(cx, user_id, STR_NULL, why);
}

enum err factor_codes_left(struct cx *cx, struct str user_id, int64_t *ret)
{
    struct auth_recovery_left_in in = { user_id };
    struct auth_recovery_left_row row;
    bool found;
    TRY(auth_recovery_left(cx, &in, &row, &found));
    *ret = found ? row.codes : 0;
    return OK;
}
