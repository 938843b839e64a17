/* Precedence, sentences, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/config.h"

static char error[512];
static int rest;

static struct config *load(int argc, char **argv)
{
    struct config *c = NULL;
    error[0] = '\0';
    rest = -1;
    if (!config_load(argc, argv, 1, &rest, &c, error, sizeof error))
        assert_null(c);
    return c;
}
#define LOAD(...)                                                                                  \
    load((int)(sizeof((char *[]){ "opboxd", ##__VA_ARGS__ }) / sizeof(char *)),                    \
         (char *[]){ "opboxd", ##__VA_ARGS__, NULL })

static void file_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static size_t row_of(const char *field)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].field, field) == 0)
            return i;
    }
    fail_msg("no row %s", field);
    return 0;
}

static int environment_clear(void **state)
{
    (void)state;
    size_t count;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++) {
        char name[128];
        unsetenv(rows[i].env);
        snprintf(name, sizeof name, "%s_FILE", rows[i].env);
        unsetenv(name);
    }
    return 0;
}

static void precedence(void **state)
{
    (void)state;
    file_write("config-test.conf", "# a file\n\nlisten = 1.1.1.1:1\n  workers=3  \r\n"
                                   "log-level = warn\ndatabase = postgres://u:pw@h/db?a=b\n");
    setenv("OPBOXD_LISTEN", "2.2.2.2:2", 1);
    setenv("OPBOXD_LOG_LEVEL", "", 1); /* empty: not given */
    struct config *c = LOAD("--config", "config-test.conf", "--listen=3.3.3.3:3");
    if (!c)
        fail_msg("%s", error);
    assert_true(str_is(c->listen, "3.3.3.3:3"));
    assert_string_equal(config_value_source(c, row_of("listen")), "flag");
    assert_int_equal(c->workers, 3);
    assert_string_equal(config_value_source(c, row_of("workers")), "file");
    assert_true(str_is(c->log_level, "warn"));
    assert_int_equal(c->db_connections, 16);
    assert_string_equal(config_value_source(c, row_of("db_connections")), "default");
    struct arena *a = arena_new(0);
    assert_true(str_is(config_value_text(c, a, row_of("database")), "postgres://u:***@h/db?a=b"));
    assert_true(str_is(config_value_text(c, a, row_of("workers")), "3"));
    assert_true(str_is(config_value_text(c, a, row_of("accept_foreign")), "0"));
    arena_free(a);
    config_free(c);
    c = LOAD("--config", "config-test.conf", "--listen", "");
    assert_true(str_is(c->listen, "2.2.2.2:2"));
    assert_string_equal(config_value_source(c, row_of("listen")), "environment");
    config_free(c);
    config_free(NULL);
    unlink("config-test.conf");
}

static void the_rest_is_compacted(void **state)
{
    (void)state;
    char *argv[] = { "opboxd",    "serve", "--workers",
                     "2",         "a",     "--accept-foreign-sessions",
                     "--x",       "b",     "--",
                     "--workers", "9999",  NULL };
    struct config *c = load(11, argv);
    assert_non_null(c);
    assert_int_equal(c->workers, 2);
    assert_true(c->accept_foreign);
    static const char *const left[] = { "serve", "a", "--x", "b", "--", "--workers", "9999" };
    assert_int_equal(rest, 7);
    for (int i = 0; i < rest; i++)
        assert_string_equal(argv[1 + i], left[i]);
    config_free(c);
}

#define REFUSED(sentence, ...)                                                                     \
    do {                                                                                           \
        assert_null(LOAD(__VA_ARGS__));                                                            \
        assert_string_equal(error, (sentence));                                                    \
    } while (0)

static void mistakes_are_named(void **state)
{
    (void)state;
    REFUSED("--workers is \"abc\": must be a whole number from 0 to 64", "--workers", "abc");
    REFUSED("--workers is \"65\": must be a whole number from 0 to 64", "--workers=65");
    REFUSED("--workers is \"-1\": must be a whole number from 0 to 64", "--workers=-1");
    REFUSED("--workers is \"1?[2J?\": must be a whole number from 0 to 64", "--workers=1\x1b[2J\"");
    REFUSED("--listen needs a value", "--listen");
    REFUSED("--listen needs a value", "--listen", "--workers", "1");
    REFUSED("--log-level is \"loud\": must be one of debug, info, warn, error", "--log-level",
            "loud");
    REFUSED(
        "--accept-foreign-sessions is \"maybe\": must be 1 or 0 (also true, false, yes, no, on, "
        "off)",
        "--accept-foreign-sessions=maybe");
    REFUSED("--data holds a control character", "--data", "a\nb");
    REFUSED("--config: cannot read \"nowhere.conf\": No such file or directory", "--config",
            "nowhere.conf");
    REFUSED("--config: cannot read \".\": Is a directory", "--config", ".");
    setenv("OPBOXD_DB_CONNECTIONS", "0", 1);
    REFUSED("OPBOXD_DB_CONNECTIONS is \"0\": must be a whole number from 1 to 500");
    unsetenv("OPBOXD_DB_CONNECTIONS");
    file_write("config-bad.conf", "workers = 1\nsurprise = 2\n");
    REFUSED("config-bad.conf line 2: there is no setting \"surprise\"", "--config=config-bad.conf");
    file_write("config-bad.conf", "workers\n");
    REFUSED("config-bad.conf line 1: expected \"name = value\"", "--config=config-bad.conf");
    file_write("config-bad.conf", "workers=1\nworkers=2");
    REFUSED("config-bad.conf line 2: workers is set twice", "--config=config-bad.conf");
    file_write("config-bad.conf", "workers=x");
    REFUSED("config-bad.conf line 1 (workers) is \"x\": must be a whole number from 0 to 64",
            "--config=config-bad.conf");
    unlink("config-bad.conf");
}

static void secrets_come_from_files(void **state)
{
    (void)state;
    file_write("secret-test", "flag secret\n");
    file_write("secret-test2", "environment secret\r\n");
    file_write("secret-empty", "\n");
    setenv("CRON_SECRET", "direct secret", 1);
    setenv("NEXTAUTH_SECRET_FILE", "secret-test2", 1);
    struct config *c = LOAD("--root-key-file", "secret-test");
    if (!c)
        fail_msg("%s", error);
    assert_true(str_is(secret_bytes(c->root_key), "flag secret"));
    assert_true(str_is(secret_bytes(c->nextauth_secret), "environment secret"));
    assert_true(str_is(secret_bytes(c->cron_secret), "direct secret"));
    assert_null(c->identity_hash_secret);
    struct arena *a = arena_new(0);
    assert_true(str_is(config_value_text(c, a, row_of("root_key")), "(set)"));
    assert_true(str_is(config_value_text(c, a, row_of("identity_hash_secret")), ""));
    assert_string_equal(config_value_source(c, row_of("nextauth_secret")), "environment");
    arena_free(a);
    config_free(c);
    setenv("NEXTAUTH_SECRET", "sensitive", 1);
    REFUSED("NEXTAUTH_SECRET and NEXTAUTH_SECRET_FILE are both set: keep one");
    unsetenv("NEXTAUTH_SECRET_FILE");
    setenv("NEXTAUTH_SECRET", "", 1);
    REFUSED("NEXTAUTH_SECRET is empty: give a secret, or leave it out");
    unsetenv("NEXTAUTH_SECRET");
    REFUSED(
        "the file of --root-key-file (\"secret-empty\") is empty: give a secret, or leave it out",
        "--root-key-file", "secret-empty");
    REFUSED("--root-key-file is empty: it names the file of a secret", "--root-key-file=");
    setenv("OPBOXD_ROOT_KEY_FILE", "nowhere", 1);
    REFUSED("OPBOXD_ROOT_KEY_FILE: cannot read \"nowhere\": No such file or directory");
    unlink("secret-test");
    unlink("secret-test2");
    unlink("secret-empty");
}

static void every_row_is_whole(void **state)
{
    (void)state;
    size_t count;
    const struct config_row *rows = config_rows(&count);
    struct config *c = LOAD(); /* also proves that every default lies in its bounds */
    if (!c)
        fail_msg("%s", error);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        assert_true(strncmp(rows[i].flag, "--", 2) == 0 && rows[i].env[0] && rows[i].doc[0]);
        if (strcmp(rows[i].type, "INT") == 0) {
            char flag[128];
            snprintf(flag, sizeof flag, "%s=99999999999999", rows[i].flag);
            assert_null(LOAD(flag));
            assert_null(strstr(error, "from 0 to 0"));
        }
        for (size_t k = 0; k < i; k++)
            assert_true(strcmp(rows[i].flag, rows[k].flag) && strcmp(rows[i].env, rows[k].env));
    }
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(precedence, environment_clear),
        cmocka_unit_test_setup(the_rest_is_compacted, environment_clear),
        cmocka_unit_test_setup(mistakes_are_named, environment_clear),
        cmocka_unit_test_setup(secrets_come_from_files, environment_clear),
        cmocka_unit_test_setup(every_row_is_whole, environment_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
