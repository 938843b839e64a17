/* Goals: one way of hashing, by libsodium; equal time for known and unknown accounts. Non-goals:
 * the strength of passwords beyond length and the plainest guess. Invariants: a password is copied
 * only into the hash; nothing is verified with a cost above the bounds. */
#include "auth/password.h"

#include <assert.h>
#include <sodium.h>

#include "auth/state.h"
#include "base/app.h"
#include "base/fold.h"

/* OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
enum { HASH_PASSES = 2, HASH_BYTES = 19 * 1024 * 1024 };
enum { VERIFY_PASSES_MAX = 10, VERIFY_KIB_MAX = 256 * 1024 };

/* Of a random password that nobody knows, with the costs above. */
#define NOBODYS_PHC                                                                                \
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyBpdA$"                                           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

void password_init(void)
{
    if (sodium_init() < 0)
        abort();
}

static void evaluation_count(const struct cx *cx)
{
    if (cx->app && cx->app->auth)
        atomic_fetch_add_explicit(&cx->app->auth->password_evaluations, 1, memory_order_relaxed);
}

enum err password_hash(struct cx *cx, struct str password, struct str *ret_phc)
{
    char phc[crypto_pwhash_STRBYTES];
    assert(str_given(password) && password.len <= PASSWORD_BYTES_MAX);
    evaluation_count(cx);
    if (crypto_pwhash_str_alg(phc, password.ptr, password.len, HASH_PASSES, HASH_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        FAIL(cx, OVERLOADED, "There is no memory to hash a password now.");
    *ret_phc = str_copy(cx->arena, str_of(phc));
    return OK;
}

/* "m=19456,t=2,p=1$…" */
static bool number_take(struct str *rest, const char *prefix, char end, int64_t max)
{
    int64_t n;
    struct str part = str_split(rest, end);
    if (!str_starts(part, str_of(prefix)))
        return false;
    return str_to_i64(str_sub(part, strlen(prefix), part.len), &n) && n >= 1 && n <= max;
}

static bool cost_bounded(struct str phc)
{
    const struct str prefix = STR("$argon2id$v=19$");
    if (!str_starts(phc, prefix) || phc.len >= crypto_pwhash_STRBYTES)
        return false;
    struct str rest = str_sub(phc, prefix.len, phc.len);
    return number_take(&rest, "m=", ',', VERIFY_KIB_MAX) && str_given(rest) &&
           number_take(&rest, "t=", ',', VERIFY_PASSES_MAX) && str_given(rest) &&
           number_take(&rest, "p=", '$', 1) && str_given(rest);
}

bool password_verify(struct cx *cx, struct str phc, struct str password)
{
    bool known = str_given(phc) && cost_bounded(phc) && str_given(password) &&
                 password.len <= PASSWORD_BYTES_MAX;
    struct str against = known ? phc : STR(NOBODYS_PHC);
    struct str given = known ? password : STR("nobody");
    evaluation_count(cx);
    bool fits = crypto_pwhash_str_verify(str_cstr(cx->arena, against), given.ptr, given.len) == 0;
    return fits && known;
}

/* However it is spelled. */
static bool is_address(struct cx *cx, struct str password, struct str email)
{
    struct str key = email_key(cx->arena, email), rest = key;
    struct str given = fold_key(cx->arena, password);
    return str_given(key) && (str_eq(given, key) || str_eq(given, str_split(&rest, '@')));
}

enum err password_check(struct cx *cx, const char *field, struct str password, struct str email)
{
    if (!utf8_valid(password))
        cx_field_error(cx, str_of(field), "must be UTF-8");
    else if (utf8_length(password) > PASSWORD_CHARS_MAX)
        cx_field_error(cx, str_of(field), "must have at most %d characters", PASSWORD_CHARS_MAX);
    else if (utf8_length(password) < PASSWORD_CHARS_MIN)
        cx_field_error(cx, str_of(field), "must have at least %d characters", PASSWORD_CHARS_MIN);
    else if (is_address(cx, password, email))
        cx_field_error(cx, str_of(field), "must not be the e-mail address");
    return cx_has_field_errors(cx) ? cx_invalid(cx) : OK;
}

struct str email_key(struct arena *a, struct str email)
{
    if (!str_given(email) || email.len > 2 * EMAIL_BYTES_MAX || !utf8_valid(email))
        return STR_NULL;
    struct str key = fold_key(a, email), domain = key;
    struct str local = str_split(&domain, '@');
    if (!str_given(domain) || local.len == 0 || domain.len == 0 || key.len > EMAIL_BYTES_MAX ||
        str_find_byte(domain, '@') != SIZE_MAX)
        return STR_NULL;
    for (size_t i = 0; i < key.len; i++)
        if ((unsigned char)key.ptr[i] <= ' ' || key.ptr[i] == 0x7f)
            return STR_NULL;
    return key;
}
