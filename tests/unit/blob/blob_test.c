/* Blobs: one suite over the three stores (and both engines): what was kept comes back, whole and in
 * ranges; equal content of a tenant is stored once; a tenant sees its own only; the sweep takes
 * what a crash left behind and nothing that lives. */
#include "unit/rooms.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "blob/blob.h"
#include "s3_double.h"
#include "unit/rooms_sql.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

struct bench {
    struct rooms r;
    enum blob_store_kind kind;
    struct secret *root_key, *s3_key;
    struct s3_double *s3;
    char dir[96];
};

static int setup(void **state, enum db_engine e, enum blob_store_kind kind)
{
    *state = NULL;
    if (e == DB_PGSQL && !getenv("TEST_PG_URL"))
        return 0;
    struct bench *b = calloc(1, sizeof *b);
    char error[512] = "";
    rooms_init(&b->r, e);
    b->kind = kind;
    b->root_key = secret_new(STR("0123456789abcdef0123456789abcdef"));
    b->s3_key = secret_new(STR(S3_DOUBLE_SECRET));
    snprintf(b->dir, sizeof b->dir, "%s/blobs", b->r.folder);
    struct blob_store_options o = { .kind = kind,
                                    .dir = str_of(b->dir),
                                    .s3_region = STR(S3_DOUBLE_REGION),
                                    .s3_bucket = STR(S3_DOUBLE_BUCKET),
                                    .s3_access_key = STR(S3_DOUBLE_KEY),
                                    .s3_secret_key = b->s3_key,
                                    .root_key = b->root_key };
    if (kind == BLOB_STORE_S3) {
        b->s3 = s3_double_start();
        o.s3_endpoint = str_fmt(b->r.arena, "http://127.0.0.1:%d", s3_double_port(b->s3));
    }
    if (blob_store_open(&b->r.app, &o, &b->r.app.blobs, error, sizeof error) != OK) {
        print_error("%s\n", error);
        return -1;
    }
    *state = b;
    return 0;
}

#define SETUP(name, engine, kind)                                                                  \
    static int name(void **state)                                                                  \
    {                                                                                              \
        return setup(state, engine, kind);                                                         \
    }
SETUP(dir_sqlite, DB_SQLITE, BLOB_STORE_DIR)
SETUP(database_sqlite, DB_SQLITE, BLOB_STORE_DATABASE)
SETUP(database_pgsql, DB_PGSQL, BLOB_STORE_DATABASE)
SETUP(s3_sqlite, DB_SQLITE, BLOB_STORE_S3)

static int teardown(void **state)
{
    struct bench *b = *state;
    if (!b)
        return 0;
    blob_store_close(b->r.app.blobs);
    s3_double_stop(b->s3);
    secret_free(b->root_key);
    secret_free(b->s3_key);
    rooms_release(&b->r);
    free(b);
    return 0;
}

#define BENCH(state)                                                                               \
    struct bench *b = *(state);                                                                    \
    if (!b)                                                                                        \
        skip();                                                                                    \
    struct cx *cx = &b->r.cx

/* ---- steps ---- */

/* Bytes that differ by seed and place. */
static struct str content(struct arena *a, size_t len, uint32_t seed)
{
    char *p = arena_alloc_raw(a, len + 1);
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        p[i] = (char)(x >> 24);
    }
    return (struct str){ p, len };
}

static enum err spool(struct cx *cx, struct str bytes, struct blob_ref *ret)
{
    struct blob_spool *s;
    TRY(blob_spool_begin(cx, 64 * 1024 * 1024, &s));
    enum err e = OK;
    for (size_t at = 0; at < bytes.len && e == OK; at += 50000)
        e = blob_spool_write(cx, s, str_sub(bytes, at, at + 50000));
    if (e == OK)
        e = blob_spool_finish(cx, s, ret);
    blob_spool_free(s);
    return e;
}

static enum err add(struct cx *cx, void *ref)
{
    return blob_add(cx, ref);
}
static enum err drop(struct cx *cx, void *id)
{
    return blob_remove(cx, *(struct str *)id);
}

static struct blob_ref keep(struct cx *cx, struct str bytes)
{
    struct blob_ref ref;
    assert_ok(cx, spool(cx, bytes, &ref));
    assert_ok(cx, db_write(cx, add, &ref));
    return ref;
}

static void check(struct cx *cx, struct str id, struct str bytes)
{
    struct blob_reader *rd;
    size_t at[] = { 0, 1, 65535, 262143, 262144, bytes.len / 2, bytes.len ? bytes.len - 1 : 0 };
    size_t len = 0;
    char *out = malloc(bytes.len + 10);
    assert_ok(cx, blob_open(cx, id, &rd));
    assert_int_equal(blob_reader_bytes(rd), bytes.len);
    assert_ok(cx, blob_read_at(cx, rd, 0, bytes.len + 10, out, &len));
    assert_int_equal(len, bytes.len);
    assert_memory_equal(out, bytes.ptr, bytes.len);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        size_t want = at[i] >= bytes.len ? 0 : bytes.len - at[i] < 1000 ? bytes.len - at[i] : 1000;
        assert_ok(cx, blob_read_at(cx, rd, (int64_t)at[i], 1000, out, &len));
        assert_int_equal(len, want);
        assert_memory_equal(out, bytes.ptr + (want ? at[i] : 0), want);
    }
    blob_reader_free(rd);
    free(out);
}

static int files_under(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d)) {
        char sub[512];
        if (f->d_name[0] == '.')
            continue;
        snprintf(sub, sizeof sub, "%s/%s", path, f->d_name);
        n += f->d_type == DT_DIR ? files_under(sub) : 1;
    }
    if (d)
        closedir(d);
    return n;
}

static enum err chunks_read(struct cx *cx, void *row)
{
    bool found;
    return rooms_chunk_count(cx, row, &found);
}

/* How many things the store holds: files, chunks or objects. */
static int stored(struct bench *b)
{
    struct rooms_chunk_count_row row = { 0 };
    if (b->kind == BLOB_STORE_S3)
        return s3_double_objects(b->s3);
    if (b->kind == BLOB_STORE_DIR)
        return files_under(b->dir);
    assert_ok(&b->r.cx, db_read(&b->r.cx, chunks_read, &row));
    return (int)row.chunks;
}

/* ---- tests of every store ---- */

static void what_was_kept_comes_back(void **state)
{
    BENCH(state);
    static const size_t sizes[] = { 0, 1, 65536, 65537, 262144, 262145, 1000000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct str bytes = content(cx->arena, sizes[i], (uint32_t)i);
        struct blob_ref ref = keep(cx, bytes);
        uint8_t hash[32];
        sha256(bytes, hash);
        assert_memory_equal(ref.sha256, hash, 32);
        assert_int_equal(str_given(ref.inline_bytes), sizes[i] <= BLOB_INLINE_BYTES_MAX);
        check(cx, ref.id, bytes);
    }
}

static void equal_content_is_stored_once_for_a_tenant(void **state)
{
    BENCH(state);
    struct str bytes = content(cx->arena, 100000, 1);
    struct blob_ref first = keep(cx, bytes);
    int n = stored(b);
    struct blob_ref second = keep(cx, bytes);
    assert_int_equal(stored(b), n);
    assert_true(str_eq(first.address, second.address));
    assert_false(str_eq(first.id, second.id));
    rooms_as(&b->r, "eve", "two");
    struct blob_ref other = keep(cx, bytes);
    assert_false(str_eq(first.address, other.address));
    assert_int_equal(stored(b), 2 * n);
}

static void a_tenant_sees_its_own(void **state)
{
    BENCH(state);
    struct blob_reader *rd;
    struct blob_ref ref = keep(cx, content(cx->arena, 100000, 1));
    rooms_as(&b->r, "eve", "two");
    assert_int_equal(blob_open(cx, ref.id, &rd), ERR_NOT_FOUND);
    assert_int_equal(db_write(cx, drop, &ref.id), ERR_NOT_FOUND);
}

static void the_sweep_takes_orphans_only(void **state)
{
    BENCH(state);
    struct str live = content(cx->arena, 300000, 1), gone = content(cx->arena, 300000, 2);
    struct str crashed = content(cx->arena, 300000, 3);
    struct blob_ref kept = keep(cx, live), removed = keep(cx, gone), never;
    struct blob_ref shared = keep(cx, live);
    int64_t n = -1;
    int each = stored(b) / 2;
    assert_ok(cx, db_write(cx, drop, &removed.id));
    assert_ok(cx, db_write(cx, drop, &shared.id));
    assert_ok(cx, spool(cx, crashed, &never)); /* bytes, and then no row */
    /* All is young. */
    cx->now_ms = clock_wall_ms();
    if (b->kind == BLOB_STORE_DATABASE)
        cx->now_ms = ROOMS_NOW_MS;
    assert_ok(cx, blob_sweep(cx, DAY_MS, &n));
    assert_int_equal(n, 0);
    assert_int_equal(stored(b), 3 * each);
    cx->now_ms += 2 * DAY_MS;
    assert_ok(cx, blob_sweep(cx, DAY_MS, &n));
    assert_int_equal(n, 2);
    assert_int_equal(stored(b), each);
    check(cx, kept.id, live);
    /* What was swept can be kept again. */
    struct blob_ref again = keep(cx, gone);
    check(cx, again.id, gone);
}

/* An orphan that is kept again just before the sweep must be young: its row comes later. */
static void keeping_makes_young(void **state)
{
    BENCH(state);
    struct str bytes = content(cx->arena, 300000, 1);
    struct blob_ref first, second;
    int64_t n = -1;
    cx->now_ms = clock_wall_ms() - 2 * DAY_MS;
    assert_ok(cx, spool(cx, bytes, &first));
    if (b->kind == BLOB_STORE_DIR) {
        char path[256];
        struct timespec old[2] = { { .tv_sec = cx->now_ms / 1000 },
                                   { .tv_sec = cx->now_ms / 1000 } };
        snprintf(path, sizeof path, "%s/%.2s/%.62s", b->dir, first.address.ptr,
                 first.address.ptr + 2);
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    }
    cx->now_ms += 2 * DAY_MS;
    assert_ok(cx, spool(cx, bytes, &second));
    assert_ok(cx, blob_sweep(cx, DAY_MS, &n));
    assert_int_equal(n, 0);
    assert_ok(cx, db_write(cx, add, &second));
    check(cx, second.id, bytes);
}

static void a_spool_is_bounded_and_leaves_nothing(void **state)
{
    BENCH(state);
    struct blob_spool *s;
    char tmp[128];
    snprintf(tmp, sizeof tmp, "%s/tmp", b->dir);
    assert_ok(cx, blob_spool_begin(cx, 100000, &s));
    assert_ok(cx, blob_spool_write(cx, s, content(cx->arena, 65536, 1)));
    assert_int_equal(files_under(tmp), 0);
    assert_ok(cx, blob_spool_write(cx, s, content(cx->arena, 34464, 1)));
    assert_int_equal(files_under(tmp), 1);
    assert_int_equal(blob_spool_bytes(s), 100000);
    assert_int_equal(blob_spool_write(cx, s, STR("x")), ERR_PAYLOAD_TOO_LARGE);
    blob_spool_free(s);
    assert_int_equal(files_under(tmp), 0);
    /* What a crash left goes with the sweep. */
    char path[160];
    int64_t n = 0;
    snprintf(path, sizeof path, "%s/left", tmp);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    cx->now_ms = clock_wall_ms() + 2 * DAY_MS;
    assert_ok(cx, blob_sweep(cx, DAY_MS, &n));
    assert_int_equal(n, 1);
    assert_int_equal(files_under(tmp), 0);
}

/* ---- S3 alone ---- */

/* The example of the S3 API reference ("Example: GET Object"). */
static void the_published_signature(void **state)
{
    struct arena *a = arena_new(0);
    char out[65];
    (void)state;
    crypto_init();
    s3_double_signature(
        a,
        STR("GET /test.txt HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n"
            "Range: bytes=0-9\r\nx-amz-date: 20130524T000000Z\r\nx-amz-content-sha256: "
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"),
        STR("host;range;x-amz-content-sha256;x-amz-date"), S3_DOUBLE_SECRET, out);
    assert_string_equal(out, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    arena_free(a);
}

static void s3_failures_are_errors(void **state)
{
    BENCH(state);
    struct str bytes = content(cx->arena, 100000, 1);
    struct blob_ref ref = keep(cx, bytes), other;
    struct blob_reader *rd;
    char out[10];
    size_t len;
    int64_t n;
    assert_ok(cx, blob_open(cx, ref.id, &rd));
    s3_double_set_mood(b->s3, S3_DOUBLE_500);
    assert_int_equal(spool(cx, bytes, &other), ERR_STORAGE);
    assert_true(str_find(cx->failure.log_detail, STR("InternalError")) != SIZE_MAX);
    assert_int_equal(blob_read_at(cx, rd, 0, 10, out, &len), ERR_STORAGE);
    assert_int_equal(blob_sweep(cx, 0, &n), ERR_STORAGE);
    s3_double_set_mood(b->s3, S3_DOUBLE_CUTS);
    assert_int_equal(spool(cx, bytes, &other), ERR_STORAGE);
    assert_int_equal(blob_read_at(cx, rd, 0, 10, out, &len), ERR_STORAGE);
    s3_double_set_mood(b->s3, S3_DOUBLE_WRONG_RANGE);
    assert_int_not_equal(blob_read_at(cx, rd, 50, 10, out, &len), OK);
    s3_double_set_mood(b->s3, S3_DOUBLE_SHORT);
    assert_int_not_equal(blob_read_at(cx, rd, 50, 10, out, &len), OK);
    s3_double_set_mood(b->s3, S3_DOUBLE_WELL);
    assert_ok(cx, blob_read_at(cx, rd, 50, 10, out, &len));
    assert_memory_equal(out, bytes.ptr + 50, 10);
    blob_reader_free(rd);
}

static void wrong_options_are_named(void **state)
{
    BENCH(state);
    static const struct {
        const char *endpoint, *bucket, *part;
    } cases[] = {
        { "ftp://x", "b", "--s3-endpoint" },       { "http://x/path", "b", "--s3-endpoint" },
        { "http://user@x", "b", "--s3-endpoint" }, { "", "b", "--s3-endpoint" },
        { "http://x", "a/b", "--s3-bucket" },      { "http://x", "", "--s3-bucket" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[512] = "";
        struct blob_store *s;
        struct blob_store_options o = { .kind = BLOB_STORE_S3,
                                        .dir = str_of(b->dir),
                                        .s3_endpoint = str_of(cases[i].endpoint),
                                        .s3_region = STR("r"),
                                        .s3_bucket = str_of(cases[i].bucket),
                                        .s3_access_key = STR("k"),
                                        .s3_secret_key = b->s3_key,
                                        .root_key = b->root_key };
        assert_int_equal(blob_store_open(&b->r.app, &o, &s, error, sizeof error), ERR_VALIDATION);
        assert_non_null(strstr(error, cases[i].part));
    }
    (void)cx;
}

#define EACH_STORE(f)                                                                              \
    { #f "/dir", f, dir_sqlite, teardown, NULL },                                                  \
        { #f "/database/sqlite", f, database_sqlite, teardown, NULL },                             \
        { #f "/database/pgsql", f, database_pgsql, teardown, NULL },                               \
    {                                                                                              \
#f "/s3", f, s3_sqlite, teardown, NULL                                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_STORE(what_was_kept_comes_back),
        EACH_STORE(equal_content_is_stored_once_for_a_tenant),
        EACH_STORE(a_tenant_sees_its_own),
        EACH_STORE(the_sweep_takes_orphans_only),
        EACH_STORE(keeping_makes_young),
        EACH_STORE(a_spool_is_bounded_and_leaves_nothing),
        cmocka_unit_test(the_published_signature),
        cmocka_unit_test_setup_teardown(s3_failures_are_errors, s3_sqlite, teardown),
        cmocka_unit_test_setup_teardown(wrong_options_are_named, s3_sqlite, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
