/* Published vectors (FIPS 180-4, RFC 4231, RFC 5869, NIST SP 800-38D as in the GCM test cases,
 * RFC 4648), encodings and randomness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/secret.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    assert_true(hex_decode(str_of(hex), out));
    return strlen(hex) / 2;
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    char text[512];
    hex_encode(bytes, len, text);
    text[2 * len] = '\0';
    assert_string_equal(text, expected);
}

static void sha256_vectors(void **state)
{
    (void)state;
    uint8_t out[SHA256_BYTES];
    sha256(STR(""), out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(STR("abc"), out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct sha256_ctx *c = sha256_new();
    sha256_add(c, STR("abcdbcdecdefdefgefghfghi"));
    sha256_add(c, STR("ghijhijkijkljklmklmnlmnomnopnopq"));
    sha256_final(c, out);
    sha256_free(c);
    sha256_free(NULL);
    assert_hex(out, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void hmac_vectors(void **state)
{
    (void)state;
    uint8_t out[SHA256_BYTES], key[131];
    memset(key, 0x0b, 20);
    hmac_sha256((struct str){ (char *)key, 20 }, STR("Hi There"), out);
    assert_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    hmac_sha256((struct str){ (char *)key, 131 },
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    /* No key must not mean the key of last time. */
    hmac_sha256(STR_NULL, STR(""), out);
    assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hkdf_vectors(void **state)
{
    (void)state;
    uint8_t key[80], salt[80], info[80], out[8160];
    memset(key, 0x0b, 22);
    for (int i = 0; i < 13; i++)
        salt[i] = (uint8_t)i;
    for (int i = 0; i < 10; i++)
        info[i] = (uint8_t)(0xf0 + i);
    hkdf_sha256((struct str){ (char *)key, 22 }, (struct str){ (char *)salt, 13 },
                (struct str){ (char *)info, 10 }, out, 42);
    assert_hex(
        out, 42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    hkdf_sha256((struct str){ (char *)key, 22 }, STR(""), STR(""), out, 42);
    assert_hex(
        out, 42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    for (int i = 0; i < 80; i++) {
        key[i] = (uint8_t)i;
        salt[i] = (uint8_t)(0x60 + i);
        info[i] = (uint8_t)(0xb0 + i);
    }
    hkdf_sha256((struct str){ (char *)key, 80 }, (struct str){ (char *)salt, 80 },
                (struct str){ (char *)info, 80 }, out, 82);
    assert_hex(
        out, 82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41"
        "c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    hkdf_sha256(STR(""), STR(""), STR(""), out, sizeof out); /* the most there may be */
}

static void gcm_vectors(void **state)
{
    (void)state;
    uint8_t key[32] = { 0 }, iv[12] = { 0 }, in[80] = { 0 }, out[80], tag[16], aad[32], back[80];
    gcm_seal(key, iv, STR(""), STR(""), out, tag);
    assert_hex(tag, 16, "530f8afbc74536b9a963b4f1c4cb738b");
    gcm_seal(key, iv, STR(""), (struct str){ (char *)in, 16 }, out, tag);
    assert_hex(out, 16, "cea7403d4d606b6e074ec5d3baf39d18");
    assert_hex(tag, 16, "d0d1c8a799996bf0265b98b5d48ab919");
    from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
    from_hex("cafebabefacedbaddecaf888", iv);
    size_t len = from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95"
                          "956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
                          in);
    struct str a = { (char *)aad, from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad) };
    gcm_seal(key, iv, a, (struct str){ (char *)in, len }, out, tag);
    assert_hex(
        out, len,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b"
        "1056828838c5f61e6393ba7a0abcc9f662");
    assert_hex(tag, 16, "76fc6ece0f4e1768cddf8853bb2d551b");
    struct str sealed = { (char *)out, len };
    assert_true(gcm_open(key, iv, a, sealed, tag, back));
    assert_memory_equal(back, in, len);
    /* Each single change of tag, text, data, key or iv is refused and leaves nothing behind. */
    uint8_t *const parts[] = { tag, out, aad, key, iv };
    for (size_t i = 0; i < 5; i++) {
        uint8_t zeros[80] = { 0 };
        parts[i][3] ^= 0x10;
        memset(back, 0xee, sizeof back);
        assert_false(gcm_open(key, iv, a, sealed, tag, back));
        assert_memory_equal(back, zeros, len);
        parts[i][3] ^= 0x10;
    }
    assert_true(gcm_open(key, iv, a, sealed, tag, back));
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const char *const pairs[][2] = { { "", "" },
                                            { "f", "Zg==" },
                                            { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" },
                                            { "fooba", "Zm9vYmE=" },
                                            { "foobar", "Zm9vYmFy" } };
    uint8_t out[64];
    char text[64];
    size_t len;
    for (size_t i = 0; i < 7; i++) {
        size_t in_len = strlen(pairs[i][0]);
        len = base64_encode((const uint8_t *)pairs[i][0], in_len, text);
        assert_int_equal(len, base64_encode_len(in_len));
        assert_true(str_is((struct str){ text, len }, pairs[i][1]));
        assert_true(base64_decode(str_of(pairs[i][1]), out, &len));
        assert_int_equal(len, in_len);
        assert_memory_equal(out, pairs[i][0], in_len);
        len = base64url_encode((const uint8_t *)pairs[i][0], in_len, text);
        assert_true(base64url_decode((struct str){ text, len }, out, &len));
        assert_int_equal(len, in_len);
    }
    static const char *const bad[] = { "Zg",   "Zg=",      "Zg===", "=",      "====",
                                       "Zh==", "Zm9=",     "Zm 9v", "Zm9v\n", "Zm-v",
                                       "Zm_v", "Zg==Zg==", "Z===",  "Zm=v",   "Zm9v=" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (base64_decode(str_of(bad[i]), out, &len))
            fail_msg("accepted %s", bad[i]);
    }
    static const char *const bad_url[] = { "Zg==", "Zh", "Zm9", "Z", "Zm+v", "Zm/v", "Zm9vY" };
    for (size_t i = 0; i < sizeof bad_url / sizeof *bad_url; i++) {
        if (base64url_decode(str_of(bad_url[i]), out, &len))
            fail_msg("accepted %s", bad_url[i]);
    }
    const uint8_t high[] = { 0xfb, 0xff, 0xbf };
    base64url_encode(high, 3, text);
    assert_memory_equal(text, "-_-_", 4);
    base64_encode(high, 3, text);
    assert_memory_equal(text, "+/+/", 4);
}

static void hex_is_strict(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_true(hex_decode(STR("00fFa9"), out));
    assert_memory_equal(out, "\x00\xff\xa9", 3);
    assert_false(hex_decode(STR("0"), out) || hex_decode(STR("0g"), out) ||
                 hex_decode(STR(" 0"), out));
}

/* RFC 8032, section 7.1, tests 1 and 3. */
static void ed25519_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *public_key, *message, *signature;
    } v[] = {
        { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
          "1c"
          "f9b46bd25bf5f0595bbe24655141438e7a100b" },
        { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
          "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
          "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
          "98"
          "4dc6594a7c15e9716ed28dc027beceea1ec40a" },
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        uint8_t seed[32], public_key[32], expected[32], signature[64], made[64], message[8];
        assert_true(hex_decode(str_of(v[i].seed), seed));
        assert_true(hex_decode(str_of(v[i].public_key), expected));
        assert_true(hex_decode(str_of(v[i].signature), signature));
        assert_true(hex_decode(str_of(v[i].message), message));
        struct str in = { (const char *)message, strlen(v[i].message) / 2 };
        ed25519_public(seed, public_key);
        assert_memory_equal(public_key, expected, 32);
        ed25519_sign(seed, in, made);
        assert_memory_equal(made, signature, 64);
        assert_true(ed25519_verify(public_key, in, signature));
        signature[3] ^= 1;
        assert_false(ed25519_verify(public_key, in, signature));
        signature[3] ^= 1;
        assert_false(ed25519_verify(public_key, STR("other"), signature));
        memset(public_key, 0xff, sizeof public_key); /* no point of the curve */
        assert_false(ed25519_verify(public_key, in, signature));
    }
}

static void randomness(void **state)
{
    (void)state;
    uint8_t a[32], b[32], zeros[32] = { 0 };
    random_bytes(a, 32);
    random_bytes(b, 32);
    assert_memory_not_equal(a, b, 32);
    random_seed_for_tests(7);
    random_bytes(a, 32);
    random_seed_for_tests(7);
    random_bytes(b, 32);
    assert_memory_equal(a, b, 32);
    random_seed_for_tests(8);
    random_bytes(b, 32);
    assert_memory_not_equal(a, b, 32);
    random_seed_for_tests(0);
    random_bytes(b, 32);
    assert_memory_not_equal(a, b, 32);
    assert_true(bytes_equal("ab", "ab", 2));
    assert_false(bytes_equal("ab", "ac", 2));
    bytes_wipe(a, 32);
    assert_memory_equal(a, zeros, 32);
}

static void *thread_hash(void *arg)
{
    uint8_t out[SHA256_BYTES];
    for (int i = 0; i < 500; i++) {
        hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
        if (out[0] != 0x5b || out[31] != 0x43)
            return arg;
    }
    return NULL;
}

static void threads_do_not_mix(void **state)
{
    pthread_t threads[4];
    void *result;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_hash, state), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &result);
        assert_null(result);
    }
}

int main(void)
{
    crypto_init();
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),     cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(hkdf_vectors),       cmocka_unit_test(gcm_vectors),
        cmocka_unit_test(ed25519_vectors),    cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(hex_is_strict),      cmocka_unit_test(randomness),
        cmocka_unit_test(threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
