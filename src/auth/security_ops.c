/* Operation rows of the own account's password and second factor.
 *
 * Invariants: what takes a password runs in LANE_PASSWORD, outside a transaction, and writes its
 * own audit row; a wrong password is a wrong field, so that it is never taken for a lost session.
 */
#include "audit/audit.h"
#include "auth/auth_sql.h"
#include "auth/factor.h"
#include "auth/password.h"
#include "auth/state.h"
#include "base/app.h"
#include "db/db.h"

/* ---- change_password ---- */

struct password_input {
    struct str current, fresh;
};
static const struct field password_input_fields[] = {
    { .name = "currentPassword",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct password_input, current),
      .min = 1,
      .max = PASSWORD_BYTES_MAX,
      .doc = "The password that holds now" },
    { .name = "newPassword",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct password_input, fresh),
      .min = PASSWORD_CHARS_MIN,
      .max = PASSWORD_CHARS_MAX,
      .doc = "The one that is to hold; not the e-mail address" },
    FIELD_END,
};

struct password_change {
    struct auth_user_secrets_row user;
    struct str phc;
};

static enum err password_write(struct cx *cx, void *arg)
{
    const struct password_change *c = arg;
    struct auth_user_password_change_in in = { .id = c->user.id,
                                               .password_hash = c->phc,
                                               .session_version = c->user.session_version,
                                               .now = cx->now_ms };
    int64_t changed;
    TRY(auth_user_password_change(cx, &in, &changed));
    if (changed == 0)
        FAIL(cx, CONFLICT, "The account was changed meanwhile; sign in anew.");
    TRY(auth_sessions_end(cx, c->user.id, cx->principal.session_id, "a new password"));
    return audit_append(cx, &(struct audit_row){ .action = STR("change_password"),
                                                 .type = STR("PASSWORD_CHANGED"),
                                                 .entity_type = STR("user"),
                                                 .entity_id = c->user.id });
}

static enum err password_run(struct cx *cx, const void *input, void *output)
{
    const struct password_input *in = input;
    struct password_change c = { 0 };
    (void)output;
    TRY(auth_person_check(cx));
    TRY(password_check(cx, "newPassword", in->fresh, cx->principal.email));
    TRY(auth_password_confirm(cx, "currentPassword", in->current, &c.user));
    if (str_eq(in->fresh, in->current)) {
        cx_field_error(cx, STR("newPassword"), "must be another one than the present");
        return cx_invalid(cx);
    }
    TRY(password_hash(cx, in->fresh, &c.phc));
    return db_write(cx, password_write, &c);
}

/* ---- get_totp ---- */

static const char *const totp_states[] = { "OFF", "PENDING", "ON", NULL };

struct totp_view {
    struct str state;
    int64_t codes_left;
};
struct totp_output {
    struct totp_view totp;
};
static const struct field totp_view_fields[] = {
    { .name = "state",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct totp_view, state),
      .values = totp_states,
      .doc = "PENDING: enrolled, but not confirmed by a code; sign-in doesn't ask for one yet" },
    { .name = "recoveryCodesLeft",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct totp_view, codes_left),
      .doc = "Recovery codes that were not used" },
    FIELD_END,
};
static const struct field totp_output_fields[] = {
    { .name = "totp",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct totp_output, totp),
      .fields = totp_view_fields,
      .doc = "The caller's second factor" },
    FIELD_END,
};

static enum err totp_get_run(struct cx *cx, const void *input, void *output)
{
    struct totp_output *out = output;
    struct auth_user_secrets_in in = { cx->principal.user_id };
    struct auth_user_secrets_row user;
    bool found;
    (void)input;
    TRY(auth_person_check(cx));
    TRY(auth_user_secrets(cx, &in, &user, &found));
    out->totp.state = found ? user.totp_state : STR("OFF");
    return factor_codes_left(cx, in.id, &out->totp.codes_left);
}

/* ---- enrol_totp ---- */

struct enrol_output {
    struct factor_enrolment totp;
};
static const struct field enrol_view_fields[] = {
    { .name = "secret",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct factor_enrolment, secret),
      .doc = "The secret in base32, to type where no code can be read" },
    { .name = "otpauthUrl",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct factor_enrolment, url),
      .doc = "Key URI for authenticators" },
    { .name = "qrSvg",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct factor_enrolment, qr_svg),
      .doc = "The same as a QR code, an SVG document" },
    FIELD_END,
};
static const struct field enrol_output_fields[] = {
    { .name = "totp",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct enrol_output, totp),
      .fields = enrol_view_fields,
      .doc = "Shown once" },
    FIELD_END,
};

static enum err enrol_run(struct cx *cx, const void *input, void *output)
{
    struct enrol_output *out = output;
    (void)input;
    TRY(auth_person_check(cx));
    cx_entity(cx, "user", cx->principal.user_id);
    return factor_enrol(cx, cx->principal.user_id, cx->principal.email, &out->totp);
}

/* ---- confirm_totp ---- */

struct confirm_input {
    struct str code;
};
static const struct field confirm_input_fields[] = {
    { .name = "code",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct confirm_input, code),
      .min = 6,
      .max = 16,
      .doc = "What the authenticator shows now" },
    FIELD_END,
};
struct confirm_output {
    struct span codes;
};
static const struct field confirm_output_fields[] = {
    { .name = "recoveryCodes",
      .type = FIELD_ARRAY,
      .elem = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct confirm_output, codes),
      .doc = "Each takes the place of a code once; shown once" },
    FIELD_END,
};

static enum err confirm_run(struct cx *cx, const void *input, void *output)
{
    const struct confirm_input *in = input;
    struct confirm_output *out = output;
    struct str *codes = arena_array(cx->arena, FACTOR_CODES, sizeof *codes);
    struct str me = cx->principal.user_id, own = cx->principal.session_id;
    TRY(auth_person_check(cx));
    TRY(auth_attempt_take(cx, "totp_confirm", me));
    TRY(factor_confirm(cx, me, in->code, codes));
    /* What was signed in with the password alone is not worth more now. */
    TRY(auth_sessions_end(cx, me, own, "a second factor"));
    cx_entity(cx, "user", me);
    out->codes = (struct span){ codes, FACTOR_CODES };
    return OK;
}

/* ---- disable_totp ---- */

struct disable_input {
    struct str password;
};
static const struct field disable_input_fields[] = {
    { .name = "password",
      .type = FIELD_SECRET,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct disable_input, password),
      .min = 1,
      .max = PASSWORD_BYTES_MAX,
      .doc = "The caller's password" },
    FIELD_END,
};

static enum err disable_write(struct cx *cx, void *arg)
{
    const struct auth_user_secrets_row *user = arg;
    TRY(factor_drop(cx, user->id));
    return audit_append(cx, &(struct audit_row){ .action = STR("disable_totp"),
                                                 .entity_type = STR("user"),
                                                 .entity_id = user->id });
}

static enum err disable_run(struct cx *cx, const void *input, void *output)
{
    const struct disable_input *in = input;
    struct auth_user_secrets_row user;
    (void)output;
    TRY(auth_password_confirm(cx, "password", in->password, &user));
    return db_write(cx, disable_write, &user);
}

/* ---- rows ---- */

#define ACCOUNT_ROW(name_, http_, run_)                                                            \
    .name = (name_), .kind = OP_JSON, .http = (http_), .category = "account",                      \
    .auth = AUTH_SESSION, .roles = ROLES_ANY, .run = (run_)
#define ACCOUNT_WRITE .rate = RATE_WRITE, .effect = EFFECT_WRITE

const struct op security_ops[] = {
    { ACCOUNT_ROW("change_password", "POST /api/me/password", password_run), ACCOUNT_WRITE,
      .tx = TX_NONE, .lane = LANE_PASSWORD, .flags = OP_RENEWS, .in = password_input_fields,
      .in_size = sizeof(struct password_input), .summary = "Change the own password",
      .doc = "12 to 128 characters, not the e-mail address. Every other session of the caller ends "
             "at once; the one that "
             "asks goes on with the cookie of the answer. A wrong currentPassword is 400 on that "
             "field; 429 after too many." },
    { ACCOUNT_ROW("get_totp", "GET /api/me/totp", totp_get_run), .rate = RATE_READ,
      .effect = EFFECT_READ, .tx = TX_READ, .lane = LANE_LOOP, .out = totp_output_fields,
      .out_size = sizeof(struct totp_output), .summary = "The own second factor",
      .doc = "Whether it is on, and how many recovery codes are left." },
    { ACCOUNT_ROW("enrol_totp", "POST /api/me/totp", enrol_run), ACCOUNT_WRITE, .tx = TX_WRITE,
      .lane = LANE_WORKER, .flags = OP_NO_BODY | OP_ANSWER_ONCE, .out = enrol_output_fields,
      .out_size = sizeof(struct enrol_output), .summary = "Enrol a second factor",
      .doc = "Makes the secret of one-time codes (RFC 6238: SHA-1, 6 digits, 30 s). It is asked "
             "for at sign-in only after "
             "confirm_totp; until then enrolling again replaces it. CONFLICT while one is on." },
    { ACCOUNT_ROW("confirm_totp", "POST /api/me/totp/confirm", confirm_run), ACCOUNT_WRITE,
      .tx = TX_WRITE, .lane = LANE_WORKER, .flags = OP_ANSWER_ONCE | OP_RENEWS,
      .in = confirm_input_fields, .in_size = sizeof(struct confirm_input),
      .out = confirm_output_fields, .out_size = sizeof(struct confirm_output),
      .summary = "Switch the second factor on",
      .doc = "Takes a code of the enrolled secret, answers ten recovery codes once, and ends every "
             "other session of the "
             "caller. From then on sign-in wants the field totp." },
    { ACCOUNT_ROW("disable_totp", "DELETE /api/me/totp", disable_run), ACCOUNT_WRITE, .tx = TX_NONE,
      .lane = LANE_PASSWORD, .in = disable_input_fields, .in_size = sizeof(struct disable_input),
      .summary = "Switch the second factor off",
      .doc = "With the password. The recovery codes are worth nothing afterwards. CONFLICT when "
             "there is no second factor." },
};
const size_t security_ops_count = sizeof security_ops / sizeof *security_ops;
