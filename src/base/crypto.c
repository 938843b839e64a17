/* Goals: the primitives at the speed OpenSSL has: algorithms are fetched once, contexts are kept
 * per thread. Strict encodings.
 *
 * Non-goals: choice of algorithms at run time; streaming encryption.
 *
 * Invariants: a failing library call aborts (it means exhausted memory or a broken build), except
 * the tag check of gcm_open. Plain text of a message whose tag is wrong never leaves. */
#include "base/crypto.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

struct crypto_thread {
    EVP_MD_CTX *md;
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *cipher;
};

struct sha256_ctx {
    EVP_MD_CTX *md;
};

/* Set once by crypto_start, read only afterwards. */
static pthread_once_t crypto_once = PTHREAD_ONCE_INIT;
static pthread_key_t crypto_key;
static EVP_MD *algorithm_sha256;
static EVP_MAC *algorithm_hmac;
static EVP_CIPHER *algorithm_gcm;

static _Thread_local struct crypto_thread *crypto_thread;
static _Thread_local uint64_t random_test_state; /* 0: real randomness */
static _Thread_local struct {
    uint64_t words[32];
    size_t left;
} random_stock;

static void *must(void *p)
{
    if (!p) {
        fputs("opboxd: the cryptographic library failed\n", stderr);
        abort();
    }
    return p;
}

static void must_be_one(int result)
{
    if (result != 1)
        must(NULL);
}

static void thread_release(void *arg)
{
    struct crypto_thread *t = arg;
    EVP_MD_CTX_free(t->md);
    EVP_MAC_CTX_free(t->mac);
    EVP_CIPHER_CTX_free(t->cipher);
    free(t);
    crypto_thread = NULL;
}

/* A child must not give out what its parent will. */
static void random_stock_drop(void)
{
    random_stock.left = 0;
}

static void crypto_start(void)
{
    algorithm_sha256 = must(EVP_MD_fetch(NULL, "SHA256", NULL));
    algorithm_hmac = must(EVP_MAC_fetch(NULL, "HMAC", NULL));
    algorithm_gcm = must(EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL));
    if (pthread_key_create(&crypto_key, thread_release) != 0 ||
        pthread_atfork(NULL, NULL, random_stock_drop) != 0)
        must(NULL);
}

void crypto_init(void)
{
    if (pthread_once(&crypto_once, crypto_start) != 0)
        must(NULL);
}

static struct crypto_thread *thread_contexts(void)
{
    if (crypto_thread)
        return crypto_thread;
    crypto_init();
    struct crypto_thread *t = must(calloc(1, sizeof *t));
    t->md = must(EVP_MD_CTX_new());
    t->mac = must(EVP_MAC_CTX_new(algorithm_hmac));
    t->cipher = must(EVP_CIPHER_CTX_new());
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    must_be_one(EVP_MAC_CTX_set_params(t->mac, params));
    if (pthread_setspecific(crypto_key, t) != 0)
        must(NULL);
    crypto_thread = t;
    return t;
}

void sha256(struct str in, uint8_t out[SHA256_BYTES])
{
    struct crypto_thread *t = thread_contexts();
    must_be_one(EVP_DigestInit_ex2(t->md, algorithm_sha256, NULL));
    must_be_one(EVP_DigestUpdate(t->md, in.ptr, in.len));
    must_be_one(EVP_DigestFinal_ex(t->md, out, NULL));
}

struct sha256_ctx *sha256_new(void)
{
    crypto_init();
    struct sha256_ctx *c = must(calloc(1, sizeof *c));
    c->md = must(EVP_MD_CTX_new());
    must_be_one(EVP_DigestInit_ex2(c->md, algorithm_sha256, NULL));
    return c;
}

void sha256_add(struct sha256_ctx *c, struct str in)
{
    must_be_one(EVP_DigestUpdate(c->md, in.ptr, in.len));
}

void sha256_final(struct sha256_ctx *c, uint8_t out[SHA256_BYTES])
{
    must_be_one(EVP_DigestFinal_ex(c->md, out, NULL));
}

void sha256_free(struct sha256_ctx *c)
{
    if (!c)
        return;
    EVP_MD_CTX_free(c->md);
    free(c);
}

void hmac_sha256(struct str key, struct str in, uint8_t out[SHA256_BYTES])
{
    struct crypto_thread *t = thread_contexts();
    /* OpenSSL takes a NULL key for "the key of last time". */
    const char *key_ptr = key.len ? key.ptr : "";
    size_t len = 0;
    must_be_one(EVP_MAC_init(t->mac, (const unsigned char *)key_ptr, key.len, NULL));
    must_be_one(EVP_MAC_update(t->mac, (const unsigned char *)in.ptr, in.len));
    must_be_one(EVP_MAC_final(t->mac, out, &len, SHA256_BYTES));
    assert(len == SHA256_BYTES);
}

void hmac_sha1(struct str key, struct str in, uint8_t out[SHA1_BYTES])
{
    char digest[] = "SHA1";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                  OSSL_PARAM_construct_end() };
    EVP_MAC_CTX *mac = must(EVP_MAC_CTX_new(algorithm_hmac));
    const char *key_ptr = key.len ? key.ptr : "";
    size_t len = 0;
    must_be_one(EVP_MAC_init(mac, (const unsigned char *)key_ptr, key.len, params));
    must_be_one(EVP_MAC_update(mac, (const unsigned char *)in.ptr, in.len));
    must_be_one(EVP_MAC_final(mac, out, &len, SHA1_BYTES));
    assert(len == SHA1_BYTES);
    EVP_MAC_CTX_free(mac);
}

/* On our HMAC, because OpenSSL 3.0's own limits the info to 1,024 bytes and refuses empty keys. */
void hkdf_sha256(struct str key, struct str salt, struct str info, uint8_t *out, size_t out_len)
{
    assert(out_len <= (size_t)255 * SHA256_BYTES);
    uint8_t zeros[SHA256_BYTES] = { 0 }, pseudo_key[SHA256_BYTES], block[SHA256_BYTES];
    if (!salt.len)
        salt = (struct str){ (const char *)zeros, sizeof zeros };
    hmac_sha256(salt, key, pseudo_key);
    struct crypto_thread *t = thread_contexts();
    uint8_t counter = 0;
    size_t done = 0;
    while (done < out_len) {
        must_be_one(EVP_MAC_init(t->mac, pseudo_key, sizeof pseudo_key, NULL));
        if (counter)
            must_be_one(EVP_MAC_update(t->mac, block, sizeof block));
        counter++;
        must_be_one(EVP_MAC_update(t->mac, (const unsigned char *)info.ptr, info.len));
        must_be_one(EVP_MAC_update(t->mac, &counter, 1));
        must_be_one(EVP_MAC_final(t->mac, block, NULL, sizeof block));
        size_t part = out_len - done < sizeof block ? out_len - done : sizeof block;
        memcpy(out + done, block, part);
        done += part;
    }
    OPENSSL_cleanse(pseudo_key, sizeof pseudo_key);
    OPENSSL_cleanse(block, sizeof block);
}

void gcm_seal(const uint8_t key[GCM_KEY_BYTES], const uint8_t iv[GCM_IV_BYTES], struct str aad,
              struct str in, uint8_t *out, uint8_t tag[GCM_TAG_BYTES])
{
    assert(in.len <= INT_MAX && aad.len <= INT_MAX);
    EVP_CIPHER_CTX *c = thread_contexts()->cipher;
    int len = 0;
    uint8_t rest[16];
    must_be_one(EVP_EncryptInit_ex2(c, algorithm_gcm, key, iv, NULL));
    if (aad.len)
        must_be_one(EVP_EncryptUpdate(c, NULL, &len, (const unsigned char *)aad.ptr, (int)aad.len));
    if (in.len)
        must_be_one(EVP_EncryptUpdate(c, out, &len, (const unsigned char *)in.ptr, (int)in.len));
    must_be_one(EVP_EncryptFinal_ex(c, rest, &len));
    must_be_one(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag));
    must_be_one(EVP_CIPHER_CTX_reset(c)); /* wipes the key schedule */
}

bool gcm_open(const uint8_t key[GCM_KEY_BYTES], const uint8_t iv[GCM_IV_BYTES], struct str aad,
              struct str in, const uint8_t tag[GCM_TAG_BYTES], uint8_t *out)
{
    assert(in.len <= INT_MAX && aad.len <= INT_MAX);
    EVP_CIPHER_CTX *c = thread_contexts()->cipher;
    int len = 0;
    uint8_t expected[GCM_TAG_BYTES], rest[16];
    memcpy(expected, tag, sizeof expected); /* the call takes no const pointer */
    must_be_one(EVP_DecryptInit_ex2(c, algorithm_gcm, key, iv, NULL));
    if (aad.len)
        must_be_one(EVP_DecryptUpdate(c, NULL, &len, (const unsigned char *)aad.ptr, (int)aad.len));
    if (in.len)
        must_be_one(EVP_DecryptUpdate(c, out, &len, (const unsigned char *)in.ptr, (int)in.len));
    must_be_one(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, expected));
    bool genuine = EVP_DecryptFinal_ex(c, rest, &len) == 1;
    must_be_one(EVP_CIPHER_CTX_reset(c));
    if (!genuine && in.len)
        OPENSSL_cleanse(out, in.len);
    return genuine;
}

/* ---- Ed25519 ---- */

static EVP_PKEY *ed25519_private(const uint8_t seed[ED25519_SEED_BYTES])
{
    return must(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED_BYTES));
}

void ed25519_public(const uint8_t seed[ED25519_SEED_BYTES], uint8_t out[ED25519_PUBLIC_BYTES])
{
    size_t len = ED25519_PUBLIC_BYTES;
    EVP_PKEY *key = ed25519_private(seed);
    must_be_one(EVP_PKEY_get_raw_public_key(key, out, &len));
    assert(len == ED25519_PUBLIC_BYTES);
    EVP_PKEY_free(key);
}

void ed25519_sign(const uint8_t seed[ED25519_SEED_BYTES], struct str in,
                  uint8_t out[ED25519_SIGNATURE_BYTES])
{
    size_t len = ED25519_SIGNATURE_BYTES;
    EVP_PKEY *key = ed25519_private(seed);
    EVP_MD_CTX *c = must(EVP_MD_CTX_new());
    must_be_one(EVP_DigestSignInit(c, NULL, NULL, NULL, key));
    must_be_one(EVP_DigestSign(c, out, &len, (const unsigned char *)in.ptr, in.len));
    assert(len == ED25519_SIGNATURE_BYTES);
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
}

bool ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_BYTES], struct str in,
                    const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, ED25519_PUBLIC_BYTES);
    if (!key)
        return false;
    EVP_MD_CTX *c = must(EVP_MD_CTX_new());
    must_be_one(EVP_DigestVerifyInit(c, NULL, NULL, NULL, key));
    bool genuine = EVP_DigestVerify(c, signature, ED25519_SIGNATURE_BYTES,
                                    (const unsigned char *)in.ptr, in.len) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    return genuine;
}

bool bytes_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

/* splitmix64 (Steele, Lea, Flood 2014): any seed gives a good stream, and tests need no more. */
static uint64_t random_test_next(void)
{
    random_test_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_test_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void random_bytes(void *out, size_t len)
{
    unsigned char *p = out;
    if (random_test_state) {
        for (size_t i = 0; i < len; i++)
            p[i] = (unsigned char)(random_test_next() >> 56);
        return;
    }
    while (len) {
        int part = len > INT_MAX ? INT_MAX : (int)len;
        must_be_one(RAND_bytes(p, part));
        p += part;
        len -= (size_t)part;
    }
}

uint64_t random_u64(void)
{
    uint64_t out;
    if (random_test_state) {
        random_bytes(&out, sizeof out);
        return out;
    }
    if (random_stock.left == 0) {
        random_bytes(random_stock.words, sizeof random_stock.words);
        random_stock.left = sizeof random_stock.words / sizeof *random_stock.words;
    }
    uint64_t *word = &random_stock.words[--random_stock.left];
    out = *word;
    *word = 0; /* what was given out is not kept */
    return out;
}

void random_seed_for_tests(uint64_t seed)
{
    random_test_state = seed;
}

void bytes_wipe(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}

void hex_encode(const uint8_t *in, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[in[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[in[i] & 15];
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str in, uint8_t *out)
{
    if (in.len % 2)
        return false;
    for (size_t i = 0; i < in.len; i += 2) {
        int high = hex_digit(in.ptr[i]), low = hex_digit(in.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64_encode_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

static size_t encode64(const uint8_t *in, size_t len, char *out, const char *digits)
{
    size_t at = 0, i = 0;
    for (; len - i >= 3; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        out[at++] = digits[v >> 18];
        out[at++] = digits[v >> 12 & 63];
        out[at++] = digits[v >> 6 & 63];
        out[at++] = digits[v & 63];
    }
    if (len - i == 1) {
        out[at++] = digits[in[i] >> 2];
        out[at++] = digits[in[i] << 4 & 63];
    } else if (len - i == 2) {
        uint32_t v = (uint32_t)in[i] << 8 | in[i + 1];
        out[at++] = digits[v >> 10];
        out[at++] = digits[v >> 4 & 63];
        out[at++] = digits[v << 2 & 63];
    }
    return at;
}

size_t base64_encode(const uint8_t *in, size_t len, char *out)
{
    size_t at = encode64(in, len, out, base64_digits);
    while (at % 4)
        out[at++] = '=';
    return at;
}

size_t base64url_encode(const uint8_t *in, size_t len, char *out)
{
    return encode64(in, len, out, base64url_digits);
}

static int digit64(char c, const char *digits)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == digits[62])
        return 62;
    return c == digits[63] ? 63 : -1;
}

/* `in` without padding. */
static bool decode64(struct str in, uint8_t *out, size_t *ret_len, const char *digits)
{
    if (in.len % 4 == 1)
        return false;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t at = 0;
    for (size_t i = 0; i < in.len; i++) {
        int digit = digit64(in.ptr[i], digits);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[at++] = (uint8_t)(bits >> bit_count);
        }
    }
    if (bits & ((1u << bit_count) - 1))
        return false;
    *ret_len = at;
    return true;
}

bool base64_decode(struct str in, uint8_t *out, size_t *ret_len)
{
    if (in.len % 4)
        return false;
    for (int i = 0; i < 2 && in.len && in.ptr[in.len - 1] == '='; i++)
        in.len--;
    return decode64(in, out, ret_len, base64_digits);
}

bool base64url_decode(struct str in, uint8_t *out, size_t *ret_len)
{
    return decode64(in, out, ret_len, base64url_digits);
}
