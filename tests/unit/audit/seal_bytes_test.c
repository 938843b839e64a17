/* The bytes that are sealed and signed: fixed by vectors that another program has computed, and
 * what a checkpoint's line may say and hide. Needs no database. */
#include "audit/record.h"
#include "seal_room.h"

static void assert_hex(const uint8_t *bytes, const char *expected)
{
    char hex[2 * SEAL_HASH_BYTES + 1] = "";
    hex_encode(bytes, SEAL_HASH_BYTES, hex);
    assert_string_equal(hex, expected);
}

static const struct seal_entry example = {
    .seq = 1,
    .epoch = 1,
    .created_at = 1795475474942,
    .count = 1,
    .texts = { STR("cmhw2p3k50001abcdefghijkl"), STR("one"), STR("update_document"), STR_NULL,
               STR_NULL, STR("OK"), STR("USER"), STR("ann"), STR("Ann \xc3\x84"), STR_NULL,
               STR("document"), STR("d1"), STR(""), STR("{\"a\":1}"), STR("192.0.2.1"), STR("req") }
};

static void bytes_and_hashes_are_fixed(void **state)
{
    (void)state;
    uint8_t before[SEAL_HASH_BYTES], hash[SEAL_HASH_BYTES];
    struct buf b;
    buf_init(&b, NULL, 4096);
    seal_genesis(STR("one"), before);
    assert_hex(before, "94ed73ee0c2011277e614c345eaaed5033f1d08fa6af5bb779a2b89160611f18");
    seal_genesis(STR(""), hash);
    assert_hex(hash, "2f1280ffbb95635a4d000f58caf2cd395df86f4d1ff490f725c11d8f1a6e5276");
    seal_canonical(&example, before, &b);
    assert_false(b.overflow);
    assert_int_equal(b.len, 8 + 32 + 4 * 8 + 16 * 4 + 87);
    assert_memory_equal(b.ptr, "OPBXLOG1", 8);
    assert_memory_equal(b.ptr + 8, before, 32);
    assert_memory_equal(b.ptr + 40, "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 16);
    assert_memory_equal(b.ptr + 72,
                        "\0\0\0\x1a"
                        "cmhw2p3k50001abcdefghijkl\0\0\0\4one",
                        36);
    assert_true(seal_hash(&example, before, &b, hash));
    assert_hex(hash, "4a78a17d4f69348c2f1f368d3f09da5681ef6532e6489b27234e9f67dde9bb30");
    /* NULL and the empty text are two things, and so is each place. */
    struct seal_entry e = example;
    uint8_t other[SEAL_HASH_BYTES];
    e.texts[SEAL_MESSAGE] = STR_NULL;
    assert_true(seal_hash(&e, before, &b, other));
    assert_memory_not_equal(hash, other, sizeof hash);
    for (size_t i = 0; i < SEAL_TEXTS; i++) {
        e = example;
        e.texts[i] = STR("x");
        assert_true(seal_hash(&e, before, &b, other));
        assert_memory_not_equal(hash, other, sizeof hash);
    }
    for (int i = 0; i < 4; i++) {
        e = example;
        *(i == 0 ? &e.seq : i == 1 ? &e.epoch : i == 2 ? &e.created_at : &e.count) += 1;
        assert_true(seal_hash(&e, before, &b, other));
        assert_memory_not_equal(hash, other, sizeof hash);
    }
    buf_release(&b);
}

static void keys_are_fixed(void **state)
{
    (void)state;
    uint8_t secret[SEAL_SECRET_BYTES] = { 1, 2, 3 }, mac[SEAL_MAC_BYTES];
    struct seal_keys k;
    seal_keys_of(secret, &k);
    assert_hex(k.public_key, "1acaab69c3471dda0038a8973d3e5ba94b9184ae9ef2425969509db524253f46");
    seal_head_mac(&k, STR("one"), 7, secret, mac);
    assert_hex(mac, "e0984f2d3563977290a9216f74d5fbff44d6ec448d9148f42ddea0e8ca5c7249");
    seal_keys_next(&k, &k);
    assert_hex(k.public_key, "bae6418793d97b8501bd47b2c26c22861f19b91c925b1c17b38b3964480d2606");
    seal_base_mac(STR("root"), STR("one"), 7, secret, mac);
    assert_hex(mac, "b9a06df1710ad39e968c12f8972188b0d46f53932a43d89c8ea34ca2bf701784");
}

static void a_checkpoint_is_one_line_and_nothing_else(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    uint8_t secret[SEAL_SECRET_BYTES] = { 1, 2, 3 };
    struct seal_keys k;
    struct checkpoint_head heads[2] = { { .workspace_id = STR(""), .seq = 3 },
                                        { .workspace_id = STR("one"), .seq = 9, .broken = true } };
    struct checkpoint c = { .generation = 1,
                            .number = 1,
                            .at_ms = 5,
                            .reason = STR("new"),
                            .heads = heads,
                            .heads_count = 2 },
                      read;
    const char *why;
    seal_keys_of(secret, &k);
    memcpy(c.key, k.public_key, sizeof c.key);
    struct str line = checkpoint_write(a, &c, k.seed);
    assert_true(checkpoint_read(a, line, &read, &why));
    assert_true(checkpoint_signed(a, &read));
    assert_int_equal(read.heads_count, 2);
    assert_true(read.heads[1].broken);
    assert_int_equal(read.heads[1].seq, 9);
    /* Each byte counts. */
    for (size_t i = 0; i < line.len; i++) {
        char *bad = str_cstr(a, line);
        bad[i] ^= 1;
        assert_false(checkpoint_read(a, str_of(bad), &read, &why) && checkpoint_signed(a, &read));
    }
    assert_false(checkpoint_read(a, str_fmt(a, "%.*s ", STR_ARG(line)), &read, &why));
    assert_false(checkpoint_read(a, str_sub(line, 0, line.len - 1), &read, &why));
    arena_free(a);
}

static bool one_of_three(struct arena *a, struct str *ret_line, struct str *ret_hidden)
{
    uint8_t secret[SEAL_SECRET_BYTES] = { 1, 2, 3 };
    struct seal_keys k;
    struct checkpoint_head heads[3] = {
        { .workspace_id = STR(""), .seq = 3, .hash = { 7 } },
        { .workspace_id = STR("one"), .seq = 9, .hash = { 8 } },
        { .workspace_id = STR("two"), .seq = 12345, .hash = { 9 }, .broken = true },
    };
    struct checkpoint c = { .generation = 1, .number = 2, .at_ms = 5, .heads = heads };
    const char *why;
    c.heads_count = 3;
    c.before[0] = 4;
    seal_keys_of(secret, &k);
    memcpy(c.key, k.public_key, sizeof c.key);
    *ret_line = checkpoint_write(a, &c, k.seed);
    return checkpoint_hide(a, *ret_line, STR("one"), ret_hidden, &why);
}

/* The same signature, the same hash for the next line, and of the others nothing. */
static void a_checkpoint_hides_other_tenants(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct str line, hidden, again;
    struct checkpoint c;
    const char *why;
    uint8_t shown_hash[SEAL_HASH_BYTES], hidden_hash[SEAL_HASH_BYTES];
    assert_true(one_of_three(a, &line, &hidden));
    assert_true(checkpoint_read(a, hidden, &c, &why));
    assert_true(checkpoint_signed(a, &c));
    checkpoint_hash(line, shown_hash);
    checkpoint_hash(hidden, hidden_hash);
    assert_memory_equal(shown_hash, hidden_hash, sizeof shown_hash);
    assert_int_equal(c.heads_count, 3);
    assert_true(c.heads[0].hidden && !c.heads[1].hidden && c.heads[2].hidden);
    assert_true(str_is(c.heads[1].workspace_id, "one") && c.heads[1].seq == 9);
    assert_int_equal(str_find(hidden, STR("two")), SIZE_MAX);
    assert_int_equal(str_find(hidden, STR("12345")), SIZE_MAX);
    assert_true(checkpoint_hides(&c, &c.heads[2], STR("two")));
    assert_true(checkpoint_hides(&c, &c.heads[0], STR("")));
    assert_false(checkpoint_hides(&c, &c.heads[0], STR("two")));
    assert_false(checkpoint_hides(&c, &c.heads[1], STR("one")));
    /* Hidden twice, it hides all, and is still the same checkpoint. */
    assert_true(checkpoint_hide(a, hidden, STR("two"), &again, &why));
    assert_true(checkpoint_read(a, again, &c, &why) && checkpoint_signed(a, &c));
    assert_true(c.heads[1].hidden && c.heads[2].hidden);
    for (size_t i = 0; i < hidden.len; i++) {
        char *bad = str_cstr(a, hidden);
        bad[i] ^= 1;
        assert_false(checkpoint_read(a, str_of(bad), &c, &why) && checkpoint_signed(a, &c));
    }
    arena_free(a);
}

/* The bytes never change: computed by another program. */
static void a_checkpoint_has_these_bytes(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct str line, hidden;
    uint8_t hash[SEAL_HASH_BYTES];
    assert_true(one_of_three(a, &line, &hidden));
    assert_string_equal(
        str_cstr(a, line),
        "{\"checkpoint\":{\"v\":1,\"generation\":1,\"number\":2,\"at\":5,\"before\":\"040"
        "0000000000000000000000000000000000000000000000000000000000000\",\"key\":\"1acaab"
        "69c3471dda0038a8973d3e5ba94b9184ae9ef2425969509db524253f46\",\"next\":\"00000000"
        "00000000000000000000000000000000000000000000000000000000\",\"heads\":\"0f08d8df0"
        "7a836eca22d3065a90d31c4dbe8e49d67cda5b3b26079f27a7d5887\"},\"signature\":\"9fd22"
        "9c18d16fc19460becd09d2672b3ff4c6d4981c631171fbc670467a9f8c10d6130cfa1ce311e02da7"
        "dc076a302a52d2472efd870762326d92cd919e4690e\",\"chains\":[{\"workspaceId\":\"\","
        "\"seq\":3,\"hash\":\"07000000000000000000000000000000000000000000000000000000000"
        "00000\"},{\"workspaceId\":\"one\",\"seq\":9,\"hash\":\"0800000000000000000000000"
        "000000000000000000000000000000000000000\"},{\"workspaceId\":\"two\",\"seq\":1234"
        "5,\"hash\":\"0900000000000000000000000000000000000000000000000000000000000000\","
        "\"broken\":true}]}");
    assert_string_equal(
        str_cstr(a, hidden),
        "{\"checkpoint\":{\"v\":1,\"generation\":1,\"number\":2,\"at\":5,\"before\":\"040"
        "0000000000000000000000000000000000000000000000000000000000000\",\"key\":\"1acaab"
        "69c3471dda0038a8973d3e5ba94b9184ae9ef2425969509db524253f46\",\"next\":\"00000000"
        "00000000000000000000000000000000000000000000000000000000\",\"heads\":\"0f08d8df0"
        "7a836eca22d3065a90d31c4dbe8e49d67cda5b3b26079f27a7d5887\"},\"signature\":\"9fd22"
        "9c18d16fc19460becd09d2672b3ff4c6d4981c631171fbc670467a9f8c10d6130cfa1ce311e02da7"
        "dc076a302a52d2472efd870762326d92cd919e4690e\",\"chains\":[\"127e4e297b0e0f897328"
        "da579bcb9d63316e86d2d59c9a1fde730802da28089914c250d0185e946273ce8bff7c9c5a538121"
        "e13c3a49efdc3e83ea88aa36da13\",{\"workspaceId\":\"one\",\"seq\":9,\"hash\":\"080"
        "0000000000000000000000000000000000000000000000000000000000000\"},\"f1534805e49af"
        "6ce9eaad11b04806ebd0217d7c930596db59d8694584a157798fd582b2b797f50d15b960f78f19b3"
        "c57152c03371a6ad02a7d296f8f3e43974d\"]}");
    checkpoint_hash(line, hash);
    assert_hex(hash, "b1fa9047885f1999b65f0c5f3b2e63b34baed3369e265e60d6447e29cd736e26");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_hashes_are_fixed),
        cmocka_unit_test(keys_are_fixed),
        cmocka_unit_test(a_checkpoint_is_one_line_and_nothing_else),
        cmocka_unit_test(a_checkpoint_hides_other_tenants),
        cmocka_unit_test(a_checkpoint_has_these_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
