/* Goals: RFC 6238 and nothing configurable about it. Invariant: whether and which step fits does
 * not show in the time. */
#include "auth/totp.h"

#include <assert.h>

#include "base/buf.h"
#include "base/crypto.h"

enum { URL_BYTES_MAX = 2048, MODULUS = 1000000 };

int64_t totp_step(int64_t now_ms)
{
    return now_ms / TOTP_STEP_MS;
}

void totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS])
{
    uint8_t counter[8], mac[SHA1_BYTES];
    for (int i = 0; i < 8; i++)
        counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    hmac_sha1((struct str){ (const char *)secret, TOTP_SECRET_BYTES },
              (struct str){ (const char *)counter, sizeof counter }, mac);
    /* RFC 4226 §5.3: four bytes from where the last nibble says, without the sign. */
    const uint8_t *at = mac + (mac[SHA1_BYTES - 1] & 15);
    uint32_t n =
        ((uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]) %
        MODULUS;
    for (int i = TOTP_DIGITS - 1; i >= 0; i--, n /= 10)
        out[i] = (char)('0' + n % 10);
    bytes_wipe(mac, sizeof mac);
}

static bool digits_of(struct str code, char out[TOTP_DIGITS])
{
    size_t n = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.ptr[i] == ' ')
            continue;
        if (code.ptr[i] < '0' || code.ptr[i] > '9' || n == TOTP_DIGITS)
            return false;
        out[n++] = code.ptr[i];
    }
    return n == TOTP_DIGITS;
}

bool totp_verify(const uint8_t secret[TOTP_SECRET_BYTES], struct str code, int64_t now_ms,
                 int64_t *ret_step)
{
    char given[TOTP_DIGITS], expected[TOTP_DIGITS];
    int64_t now = totp_step(now_ms), found = -1;
    if (!digits_of(code, given))
        return false;
    for (int64_t step = now - TOTP_WINDOW; step <= now + TOTP_WINDOW; step++) {
        totp_code(secret, step, expected);
        found = bytes_equal(given, expected, sizeof given) ? step : found;
    }
    bytes_wipe(expected, sizeof expected);
    if (found >= 0)
        *ret_step = found;
    return found >= 0;
}

void base32_encode(const uint8_t *in, size_t len, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    assert(len % 5 == 0);
    for (size_t i = 0; i < len; i += 5) {
        uint64_t five = 0;
        for (size_t k = 0; k < 5; k++)
            five = five << 8 | in[i + k];
        for (int k = 7; k >= 0; k--, five >>= 5)
            out[i / 5 * 8 + (size_t)k] = alphabet[five & 31];
    }
}

static void put_encoded(struct buf *out, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
            c == '.' || c == '_') {
            buf_put_byte(out, (char)c);
        } else {
            buf_put_byte(out, '%');
            buf_put_byte(out, digits[c >> 4]);
            buf_put_byte(out, digits[c & 15]);
        }
    }
}

struct str totp_url(struct arena *a, const uint8_t secret[TOTP_SECRET_BYTES], struct str issuer,
                    struct str account)
{
    struct buf out;
    char text[TOTP_SECRET_CHARS];
    base32_encode(secret, TOTP_SECRET_BYTES, text);
    buf_init(&out, a, URL_BYTES_MAX);
    buf_put_cstr(&out, "otpauth://totp/");
    put_encoded(&out, issuer);
    buf_put_byte(&out, ':');
    put_encoded(&out, account);
    buf_put_cstr(&out, "?secret=");
    buf_put(&out, text, sizeof text);
    buf_put_cstr(&out, "&issuer=");
    put_encoded(&out, issuer);
    buf_put_cstr(&out, "&algorithm=SHA1&digits=6&period=30");
    bytes_wipe(text, sizeof text);
    assert(!out.overflow); /* an address has at most 254 bytes */
    return buf_str(&out);
}
