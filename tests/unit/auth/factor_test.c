/* Passwords and the second factor before the whole gate: what is asked for, what is taken once,
 * what ends; and that a failed sign-in is the same work and the same answer whoever it is for. */
#include "unit/auth/browser.h"

#include <stdio.h>

#include "auth/auth_sql.h"
#include "auth/factor.h"
#include "auth/totp.h"

enum { LATER_MS = 6 * 60 * 1000 }; /* behind the window of the sign-in limit */

#define CODE_FORM "email=ann%%40example.test&password=correct+horse&json=true&totp=%.*s"
#define REQUIRED "{\"url\":\"" BASE "/api/auth/error?error=TotpRequired\"}"
#define INVALID "{\"url\":\"" BASE "/api/auth/error?error=TotpInvalid\"}"
#define WRONG "{\"url\":\"" BASE "/api/auth/error?error=CredentialsSignin&provider=credentials\"}"

static void base32_decode(struct str in, uint8_t out[TOTP_SECRET_BYTES])
{
    uint64_t bits = 0;
    size_t have = 0, n = 0;
    assert_int_equal(in.len, TOTP_SECRET_CHARS);
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        bits = bits << 5 | (uint64_t)(c >= 'A' ? c - 'A' : c - '2' + 26);
        have += 5;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
}

struct person {
    struct browser b;
    uint8_t secret[TOTP_SECRET_BYTES];
    struct str codes[FACTOR_CODES];
};

static struct str code_at(struct person *p, int64_t ms)
{
    char *code = arena_alloc(p->b.r->arena, TOTP_DIGITS);
    totp_code(p->secret, totp_step(ms), code);
    return (struct str){ code, TOTP_DIGITS };
}

static int confirm(struct person *p, struct str code)
{
    char body[64];
    snprintf(body, sizeof body, "{\"code\":\"%.*s\"}", STR_ARG(code));
    return ask_json(&p->b, "POST", "/api/me/totp/confirm", body);
}

static void enrol(struct person *p)
{
    assert_int_equal(ask_json(&p->b, "POST", "/api/me/totp", NULL), 200);
    base32_decode(answer_text(p->b.r, p->b.body, "totp", "secret"), p->secret);
}

static void codes_keep(struct person *p)
{
    struct json j;
    struct json_fault fault;
    assert_int_equal(json_parse(p->b.r->arena, p->b.body, NULL, &j, &fault), OK);
    const struct json *codes = json_get(&j, "recoveryCodes");
    assert_int_equal(codes->count, FACTOR_CODES);
    for (size_t i = 0; i < FACTOR_CODES; i++) {
        p->codes[i] = codes->items[i].text;
        assert_int_equal(p->codes[i].len, FACTOR_CODE_CHARS);
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(p->codes[i], p->codes[k]));
    }
}

/* Signed in, with the factor on. */
static struct person protected_ann(struct rooms *r)
{
    struct person p = { .b = { .r = r } };
    browser_begin(r);
    ann_added(r);
    sign_in(&p.b);
    enrol(&p);
    assert_int_equal(confirm(&p, code_at(&p, r->cx.now_ms)), 200);
    codes_keep(&p);
    return p;
}

static void try_code(struct person *p, struct str code, int status, const char *body)
{
    struct browser b = { .r = p->b.r };
    p->b.r->cx.now_ms += LATER_MS - LATER_MS % TOTP_STEP_MS;
    csrf_get(&b);
    struct str form = str_fmt(b.r->arena, CODE_FORM, STR_ARG(code));
    assert_int_equal(post_form(&b, SIGN_IN, str_cstr(b.r->arena, form)), status);
    if (body)
        assert_str(b.body, body);
    assert_int_equal(str_find(b.set_cookies, STR("session-token")) != SIZE_MAX, status == 200);
}

/* The code that will hold when try_code sends it. */
static struct str next_code(struct person *p, int steps)
{
    return code_at(p, p->b.r->cx.now_ms + LATER_MS - LATER_MS % TOTP_STEP_MS +
                          (int64_t)steps * TOTP_STEP_MS);
}

/* ---- enrolment ---- */

static void pending_until_a_code_came_back(void **state)
{
    ROOMS(state);
    struct person p = { .b = { .r = r } };
    browser_begin(r);
    ann_added(r);
    sign_in(&p.b);
    assert_int_equal(confirm(&p, STR("123456")), 409);
    enrol(&p);
    struct str first = code_at(&p, r->cx.now_ms);
    body_has(&p.b, "\"otpauthUrl\":\"otpauth://totp/opboxd:ann%40example.test?secret=");
    body_has(&p.b, "\"qrSvg\":\"<svg ");
    assert_int_equal(ask(&p.b, "GET", "/api/me/totp", NULL, NULL), 200);
    assert_str(p.b.body, "{\"totp\":{\"state\":\"PENDING\",\"recoveryCodesLeft\":0}}");
    try_code(&p, STR(""), 200, NULL); /* not asked for yet */
    enrol(&p);                        /* another secret */
    assert_int_equal(confirm(&p, first), 400);
    body_has(&p.b, "\"code\":[");
    struct browser other = { .r = r };
    sign_in(&other);
    assert_int_equal(confirm(&p, code_at(&p, r->cx.now_ms)), 200);
    codes_keep(&p);
    assert_int_equal(confirm(&p, code_at(&p, r->cx.now_ms)), 409);
    assert_int_equal(ask_json(&p.b, "POST", "/api/me/totp", NULL), 409);
    assert_int_equal(ask(&p.b, "GET", "/api/me/totp", NULL, NULL), 200);
    assert_str(p.b.body, "{\"totp\":{\"state\":\"ON\",\"recoveryCodesLeft\":10}}");
    /* What had no second factor is over. */
    assert_int_equal(ask(&other, "GET", "/api/me", NULL, NULL), 401);
    browser_end(r);
}

static void shown_once_even_when_asked_twice(void **state)
{
    ROOMS(state);
    struct person p = { .b = { .r = r } };
    browser_begin(r);
    ann_added(r);
    sign_in(&p.b);
    p.b.extra = "idempotency-key: one";
    enrol(&p);
    assert_int_equal(ask_json(&p.b, "POST", "/api/me/totp", NULL), 409);
    body_has(&p.b, "shown only once");
    p.b.extra = NULL;
    assert_int_equal(confirm(&p, code_at(&p, r->cx.now_ms)), 200); /* the first secret holds */
    browser_end(r);
}

/* ---- sign-in ---- */

static void each_code_once(void **state)
{
    ROOMS(state);
    struct person p = protected_ann(r);
    try_code(&p, STR(""), 401, REQUIRED);
    try_code(&p, STR("undefined"), 401, REQUIRED);
    try_code(&p, STR("000000"), 401, INVALID);
    try_code(&p, STR("not-a-code"), 401, INVALID);
    try_code(&p, next_code(&p, 2), 401, INVALID);
    struct str code = next_code(&p, 1);
    try_code(&p, code, 200, NULL);
    p.b.r->cx.now_ms -= LATER_MS - LATER_MS % TOTP_STEP_MS; /* the same moment again */
    try_code(&p, code, 401, INVALID);
    p.b.r->cx.now_ms -= LATER_MS - LATER_MS % TOTP_STEP_MS;
    try_code(&p, next_code(&p, 0), 401, INVALID); /* an older step than the last one taken */
    browser_end(r);
}

static void recovery_codes(void **state)
{
    ROOMS(state);
    struct person p = protected_ann(r);
    char shouted[2 * FACTOR_CODE_CHARS] = "";
    try_code(&p, p.codes[3], 200, NULL);
    try_code(&p, p.codes[3], 401, INVALID);
    for (size_t i = 0, n = 0; i < p.codes[7].len; i++)
        if (p.codes[7].ptr[i] != '-')
            shouted[n++] =
                p.codes[7].ptr[i] >= 'a' ? (char)(p.codes[7].ptr[i] - 32) : p.codes[7].ptr[i];
    try_code(&p, str_of(shouted), 200, NULL);
    assert_int_equal(ask(&p.b, "GET", "/api/me/totp", NULL, NULL), 200);
    assert_str(p.b.body, "{\"totp\":{\"state\":\"ON\",\"recoveryCodesLeft\":8}}");
    browser_end(r);
}

static void codes_are_tried_only_so_often(void **state)
{
    ROOMS(state);
    struct person p = protected_ann(r);
    for (int i = 0; i < 15; i++)
        try_code(&p, STR("000000"), 401, INVALID);
    try_code(&p, next_code(&p, 0), 429, NULL);
    r->cx.now_ms += DAY_MS;
    try_code(&p, next_code(&p, 0), 200, NULL);
    browser_end(r);
}

static enum err stored_read(struct cx *cx, void *arg)
{
    struct auth_user_by_email_in in = { STR("ann@example.test") };
    bool found;
    TRY(auth_user_by_email(cx, &in, arg, &found));
    assert_true(found);
    return OK;
}

static void the_secret_is_sealed(void **state)
{
    ROOMS(state);
    struct person p = protected_ann(r);
    struct auth_user_by_email_row row;
    assert_ok(&r->cx, db_read(&r->cx, stored_read, &row));
    assert_true(row.totp_secret.len > TOTP_SECRET_BYTES);
    assert_true(str_find(row.totp_secret, (struct str){ (char *)p.secret, 10 }) == SIZE_MAX);
    /* Another root key: no code fits, a recovery code still does. */
    secret_free(r->config.root_key);
    r->config.root_key = secret_new(STR("another root key for the tests"));
    try_code(&p, next_code(&p, 0), 401, INVALID);
    try_code(&p, p.codes[0], 200, NULL);
    browser_end(r);
}

static int64_t evaluations(struct rooms *r)
{
    return (int64_t)atomic_load(&r->app.auth->password_evaluations);
}

/* The work is counted, not timed: one evaluation of argon2 whoever is tried, and one answer. */
static void a_failed_sign_in_says_nothing(void **state)
{
    ROOMS(state);
    struct person p = protected_ann(r);
    static const char *const tries[] = {
        "email=ann%40example.test&password=wrong+horse&json=true",
        "email=ann%40example.test&password=wrong+horse&json=true&totp=123456",
        "email=ANN%40EXAMPLE.test&password=&json=true",
        "email=ann%40example.test&json=true",
        "email=nobody%40example.test&password=correct+horse&json=true",
        "email=nobody%40example.test&password=correct+horse&json=true&totp=123456",
        "email=nobody%40example.test&json=true",
        "email=ben&password=correct+horse&json=true", /* no address, and no password */
        "email=bob%40example.test&password=correct+horse&json=true", /* removed below */
        "email=&password=correct+horse&json=true",
        "password=correct+horse&json=true",
        "json=true",
    };
    person_added(r, "bob", "MEMBER");
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct browser b = { .r = r };
        r->cx.now_ms += LATER_MS;
        csrf_get(&b);
        int64_t before = evaluations(r);
        const char *form = i == 8 ? "email=bob%40example.test&password=x&json=true" : tries[i];
        assert_int_equal(post_form(&b, SIGN_IN, form), 401);
        assert_int_equal(evaluations(r), before + 1);
        assert_str(b.body, WRONG);
        assert_str(b.set_cookies, "");
    }
    /* With the right password, too, and without a code. */
    int64_t before = evaluations(r);
    try_code(&p, STR(""), 401, REQUIRED);
    try_code(&p, STR("000000"), 401, INVALID);
    try_code(&p, next_code(&p, 0), 200, NULL);
    assert_int_equal(evaluations(r), before + 3);
    browser_end(r);
}

/* ---- off again ---- */

static void off_with_the_password(void **state)
{
    ROOMS(state);
    struct person p = protected_ann(r);
    assert_int_equal(ask_json(&p.b, "DELETE", "/api/me/totp", "{\"password\":\"wrong horse\"}"),
                     400);
    body_has(&p.b, "\"password\":[");
    assert_int_equal(ask_json(&p.b, "DELETE", "/api/me/totp", NULL), 400);
    assert_int_equal(ask_json(&p.b, "DELETE", "/api/me/totp", "{\"password\":\"correct horse\"}"),
                     200);
    assert_int_equal(ask_json(&p.b, "DELETE", "/api/me/totp", "{\"password\":\"correct horse\"}"),
                     409);
    try_code(&p, STR(""), 200, NULL);
    try_code(&p, p.codes[0], 200, NULL); /* a code that nobody asks for */
    assert_int_equal(ask(&p.b, "GET", "/api/me/totp", NULL, NULL), 200);
    assert_str(p.b.body, "{\"totp\":{\"state\":\"OFF\",\"recoveryCodesLeft\":0}}");
    browser_end(r);
}

static void reset_by_the_operator(void **state)
{
    ROOMS(state);
    struct person p = protected_ann(r);
    assert_int_equal(ask(&p.b, "GET", "/api/me", NULL, NULL), 200);
    assert_int_equal(operate_as(r, NULL, "reset_user_totp", "{\"email\":\"x@example.test\"}"), 404);
    assert_int_equal(operate_as(r, NULL, "reset_user_totp", "{\"email\":\"Ann@example.test\"}"),
                     200);
    assert_int_equal(ask(&p.b, "GET", "/api/me", NULL, NULL), 401);
    assert_int_equal(operate_as(r, NULL, "reset_user_totp", "{\"email\":\"Ann@example.test\"}"),
                     409);
    try_code(&p, STR(""), 200, NULL);
    browser_end(r);
}

/* ---- passwords ---- */

#define CHANGE "/api/me/password"
#define FROM_TO(a, b) "{\"currentPassword\":\"" a "\",\"newPassword\":\"" b "\"}"

static void a_new_password_keeps_this_session_alone(void **state)
{
    BROWSER(state);
    struct browser other = { .r = r };
    sign_in(&b);
    sign_in(&other);
    struct str old = jar_text(&b);
    assert_int_equal(ask_json(&b, "POST", CHANGE, FROM_TO("wrong horse", "another good horse")),
                     400);
    body_has(&b, "\"currentPassword\":[");
    assert_int_equal(ask_json(&b, "POST", CHANGE, FROM_TO("correct horse", "correct horse")), 400);
    assert_int_equal(ask_json(&b, "POST", CHANGE, FROM_TO("correct horse", "Ann@Example.test")),
                     400);
    body_has(&b, "\"newPassword\":[\"must not be the e-mail address\"]");
    assert_int_equal(ask_json(&b, "POST", CHANGE, FROM_TO("correct horse", "too short")), 400);
    assert_int_equal(ask(&other, "GET", "/api/me", NULL, NULL), 200);
    assert_int_equal(ask_json(&b, "POST", CHANGE, FROM_TO("correct horse", "another good horse")),
                     200);
    assert_str(b.body, "{\"success\":true}");
    assert_str(b.set_cookies, " next-auth.session-token");
    assert_int_equal(ask(&b, "GET", "/api/me", NULL, NULL), 200);
    assert_int_equal(ask(&b, "GET", "/api/auth/session", NULL, NULL), 200);
    body_has(&b, "ann@example.test");
    assert_int_equal(ask(&other, "GET", "/api/me", NULL, NULL), 401);
    /* The cookie of before is worth nothing, though its row lives. */
    struct browser late = { .r = r, .jar_count = 1 };
    late.jar[0] = (struct header){ STR("kept"), str_fmt(r->arena, "1; %.*s", STR_ARG(old)) };
    assert_int_equal(ask(&late, "GET", "/api/me", NULL, NULL), 401);
    r->cx.now_ms += LATER_MS;
    assert_int_equal(post_form(&other, SIGN_IN, GOOD), 401);
    assert_int_equal(post_form(&other, SIGN_IN,
                               "email=ann%40example.test&password=another+good+horse&json=true"),
                     200);
    browser_end(r);
}

static void present_passwords_are_tried_only_so_often(void **state)
{
    BROWSER(state);
    sign_in(&b);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask_json(&b, "POST", CHANGE, FROM_TO("wrong horse", "another good horse")),
                         400);
    int64_t before = evaluations(r);
    assert_int_equal(ask_json(&b, "POST", CHANGE, FROM_TO("correct horse", "another good horse")),
                     429);
    assert_int_equal(evaluations(r), before);
    /* The operator is nobody's account. */
    assert_int_equal(
        operate_as(r, NULL, "change_password", FROM_TO("correct horse", "another good horse")),
        403);
    assert_int_equal(operate_as(r, NULL, "enrol_totp", "{}"), 403);
    browser_end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(pending_until_a_code_came_back),
        ROOMS_TEST(shown_once_even_when_asked_twice),
        ROOMS_TEST(each_code_once),
        ROOMS_TEST(recovery_codes),
        ROOMS_TEST(codes_are_tried_only_so_often),
        ROOMS_TEST(the_secret_is_sealed),
        ROOMS_TEST(a_failed_sign_in_says_nothing),
        ROOMS_TEST(off_with_the_password),
        ROOMS_TEST(reset_by_the_operator),
        ROOMS_TEST(a_new_password_keeps_this_session_alone),
        ROOMS_TEST(present_passwords_are_tried_only_so_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
