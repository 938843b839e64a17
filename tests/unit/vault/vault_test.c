/* The vault: what is sealed opens where it belongs and nowhere else, whatever is changed in it, and
 * a change of the root key neither loses nor shows anything. */
#include "unit/rooms.h"

#include <stdio.h>

#include "unit/rooms_sql.h"
#include "vault/vault.h"

#define CANARY "canary-secret-8Kq2xv"

struct deed {
    struct str scope, bound_to, text, sealed;
    struct secret *opened;
    struct vault_progress progress;
    bool known;
};

static enum err seal(struct cx *cx, void *arg)
{
    struct deed *d = arg;
    return vault_seal(cx, d->scope, d->bound_to, d->text, &d->sealed);
}

static enum err unseal(struct cx *cx, void *arg)
{
    struct deed *d = arg;
    return vault_open(cx, d->scope, d->bound_to, d->sealed, &d->opened);
}

static enum err rewrap(struct cx *cx, void *arg)
{
    struct deed *d = arg;
    return vault_rewrap(cx, 2, &d->progress);
}

static enum err check(struct cx *cx, void *arg)
{
    struct deed *d = arg;
    return vault_check(cx, &d->known);
}

static enum err adopt(struct cx *cx, void *arg)
{
    (void)arg;
    return vault_adopt(cx);
}

static struct str sealed(struct rooms *r, struct str scope, struct str bound_to)
{
    struct deed d = { .scope = scope, .bound_to = bound_to, .text = STR(CANARY) };
    assert_ok(&r->cx, db_write(&r->cx, seal, &d));
    return d.sealed;
}

static bool opens(struct rooms *r, struct str scope, struct str bound_to, struct str sealed)
{
    struct deed d = { .scope = scope, .bound_to = bound_to, .sealed = sealed };
    assert_ok(&r->cx, db_read(&r->cx, unseal, &d));
    bool good = d.opened && str_is(secret_bytes(d.opened), CANARY);
    if (d.opened && !good)
        fail_msg("it opened as something else");
    secret_free(d.opened);
    return good;
}

static void what_is_sealed_opens_where_it_belongs(void **state)
{
    ROOMS(state);
    struct str s = sealed(r, STR("org"), STR("row 1")), again = sealed(r, STR("org"), STR("row 1"));
    assert_false(str_eq(s, again));
    assert_true(str_find(s, STR(CANARY)) == SIZE_MAX);
    assert_true(opens(r, STR("org"), STR("row 1"), s));
    assert_true(opens(r, STR("org"), STR("row 1"), again));
    assert_false(opens(r, STR("org"), STR("row 2"), s));
    assert_false(opens(r, STR("other"), STR("row 1"), s));
    sealed(r, STR("other"), STR("row 1"));
    assert_false(opens(r, STR("other"), STR("row 1"), s));
    assert_false(opens(r, VAULT_INSTALLATION, STR("row 1"), s));
}

static void every_altered_byte_and_every_cut_is_noticed(void **state)
{
    ROOMS(state);
    struct str s = sealed(r, STR("org"), STR("row"));
    for (size_t i = 0; i < s.len; i++) {
        struct str bad = str_copy(r->arena, s);
        ((char *)(uintptr_t)bad.ptr)[i] ^= 1;
        assert_false(opens(r, STR("org"), STR("row"), bad));
        assert_false(opens(r, STR("org"), STR("row"), str_sub(s, 0, i)));
    }
    assert_false(opens(r, STR("org"), STR("row"), STR("")));
}

static void parts_that_bind_are_told_apart(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct str lists[][3] = { { STR("ab"), STR("c"), STR("") },
                              { STR("a"), STR("bc"), STR("") },
                              { STR("abc"), STR(""), STR("") },
                              { STR("abc"), STR_NULL, STR("") } };
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(
                str_eq(envelope_binding(a, lists[i], 3), envelope_binding(a, lists[k], 3)), i == k);
    arena_free(a);
}

static struct secret *root(const char *text)
{
    return secret_new(str_of(text));
}

/* Wraps all anew in slices; answers how many were. */
static int64_t rewrap_all(struct rooms *r, int64_t *ret_lost)
{
    struct deed d = { .progress = { .after_scope = STR("") } };
    int64_t done = 0;
    *ret_lost = 0;
    do {
        assert_ok(&r->cx, db_write(&r->cx, rewrap, &d));
        done += d.progress.rewrapped;
        *ret_lost += d.progress.lost;
    } while (d.progress.looked > 0);
    return done;
}

static void another_root_key_loses_nothing(void **state)
{
    ROOMS(state);
    static const char *const scopes[] = { "org", "o2", "o3", "o4", "-" };
    struct str s[5];
    int64_t lost;
    for (size_t i = 0; i < 5; i++)
        s[i] = sealed(r, str_of(scopes[i]), STR("row"));
    struct secret *next = root("the next root key");
    assert_true(vault_use(r->app.vault, next));
    for (size_t i = 0; i < 5; i++)
        assert_true(opens(r, str_of(scopes[i]), STR("row"), s[i]));
    assert_int_equal(rewrap_all(r, &lost), 5);
    assert_int_equal(lost, 0);
    assert_int_equal(rewrap_all(r, &lost), 0);
    vault_forget_others(r->app.vault);
    for (size_t i = 0; i < 5; i++)
        assert_true(opens(r, str_of(scopes[i]), STR("row"), s[i]));
    /* A process that has the next key alone, and one that has only the first. */
    vault_free(r->app.vault);
    r->app.vault = vault_new(next);
    assert_true(opens(r, STR("org"), STR("row"), s[0]));
    secret_free(next);
    struct secret *first = root("root key of the tests' rooms");
    vault_free(r->app.vault);
    r->app.vault = vault_new(first);
    secret_free(first);
    assert_false(opens(r, STR("org"), STR("row"), s[0]));
    assert_int_equal(rewrap_all(r, &lost), 0);
    assert_int_equal(lost, 5);
}

static void a_lost_root_key_is_survived(void **state)
{
    ROOMS(state);
    struct str old = sealed(r, STR("org"), STR("row"));
    struct secret *other = root("another root key, the first is gone");
    int64_t lost;
    vault_free(r->app.vault);
    r->app.vault = vault_new(other);
    secret_free(other);
    assert_false(opens(r, STR("org"), STR("row"), old));
    assert_int_equal(rewrap_all(r, &lost), 0);
    assert_int_equal(lost, 1);
    struct str fresh = sealed(r, STR("org"), STR("row"));
    assert_true(opens(r, STR("org"), STR("row"), fresh));
    assert_false(opens(r, STR("org"), STR("row"), old));
}

static void the_check_value_knows_its_root_key(void **state)
{
    ROOMS(state);
    struct deed d = { 0 };
    assert_ok(&r->cx, db_read(&r->cx, check, &d));
    assert_true(d.known);
    sealed(r, STR("org"), STR("row"));
    assert_ok(&r->cx, db_read(&r->cx, check, &d));
    assert_true(d.known);
    struct secret *first = root("root key of the tests' rooms"), *other = root("another");
    vault_free(r->app.vault);
    r->app.vault = vault_new(other);
    assert_ok(&r->cx, db_read(&r->cx, check, &d));
    assert_false(d.known);
    assert_true(vault_accept(r->app.vault, first));
    assert_ok(&r->cx, db_read(&r->cx, check, &d));
    assert_true(d.known);
    assert_ok(&r->cx, db_write(&r->cx, adopt, NULL));
    vault_forget_others(r->app.vault);
    assert_ok(&r->cx, db_read(&r->cx, check, &d));
    assert_true(d.known);
    secret_free(first);
    secret_free(other);
}

static void root_keys_are_few(void **state)
{
    (void)state;
    struct secret *keys[VAULT_ROOTS_MAX + 1];
    char text[8], id[VAULT_ROOT_ID_CHARS + 1], current[VAULT_ROOT_ID_CHARS + 1];
    for (size_t i = 0; i <= VAULT_ROOTS_MAX; i++) {
        snprintf(text, sizeof text, "k%zu", i);
        keys[i] = root(text);
    }
    struct vault *v = vault_new(keys[0]);
    for (size_t i = 1; i < VAULT_ROOTS_MAX; i++)
        assert_true(vault_accept(v, keys[i]));
    assert_true(vault_accept(v, keys[1]));
    assert_false(vault_accept(v, keys[VAULT_ROOTS_MAX]));
    assert_false(vault_use(v, keys[VAULT_ROOTS_MAX]));
    assert_true(vault_use(v, keys[2]));
    vault_root_id(keys[2], id);
    vault_current_id(v, current);
    assert_string_equal(id, current);
    assert_int_equal(strlen(id), VAULT_ROOT_ID_CHARS);
    for (size_t i = 0; i <= VAULT_ROOTS_MAX; i++)
        secret_free(keys[i]);
    vault_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(what_is_sealed_opens_where_it_belongs),
        ROOMS_TEST(every_altered_byte_and_every_cut_is_noticed),
        cmocka_unit_test(parts_that_bind_are_told_apart),
        ROOMS_TEST(another_root_key_loses_nothing),
        ROOMS_TEST(a_lost_root_key_is_survived),
        ROOMS_TEST(the_check_value_knows_its_root_key),
        cmocka_unit_test(root_keys_are_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
