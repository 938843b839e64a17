/* See envelope.h.
 *
 * Invariants: an IV is random and used once (a data key seals far less than 2^32 texts); plain text
 * is in the caller's bytes or in a struct secret, nowhere else. */
#include "vault/envelope.h"

#include <assert.h>

enum { FORMAT = 1, VERSION_AT = 1, IV_AT = 5, TAG_AT = IV_AT + GCM_IV_BYTES };

struct str envelope_seal(struct arena *a, const uint8_t key[ENVELOPE_KEY_BYTES], uint32_t version,
                         struct str bound_to, struct str text)
{
    assert(text.len <= ENVELOPE_TEXT_BYTES_MAX);
    uint8_t *out = arena_alloc_raw(a, ENVELOPE_EXTRA_BYTES + text.len);
    out[0] = FORMAT;
    for (int i = 0; i < 4; i++)
        out[VERSION_AT + i] = (uint8_t)(version >> (24 - 8 * i));
    random_bytes(out + IV_AT, GCM_IV_BYTES);
    gcm_seal(key, out + IV_AT, bound_to, text, out + ENVELOPE_EXTRA_BYTES, out + TAG_AT);
    return (struct str){ (char *)out, ENVELOPE_EXTRA_BYTES + text.len };
}

bool envelope_version(struct str sealed, uint32_t *ret)
{
    const uint8_t *in = (const uint8_t *)sealed.ptr;
    if (sealed.len < ENVELOPE_EXTRA_BYTES ||
        sealed.len > ENVELOPE_EXTRA_BYTES + ENVELOPE_TEXT_BYTES_MAX || in[0] != FORMAT)
        return false;
    *ret = (uint32_t)in[VERSION_AT] << 24 | (uint32_t)in[VERSION_AT + 1] << 16 |
           (uint32_t)in[VERSION_AT + 2] << 8 | in[VERSION_AT + 3];
    return true;
}

struct secret *envelope_open(const uint8_t key[ENVELOPE_KEY_BYTES], struct str bound_to,
                             struct str sealed)
{
    uint8_t small[512], *text = small;
    uint32_t version;
    if (!envelope_version(sealed, &version))
        return NULL;
    const uint8_t *in = (const uint8_t *)sealed.ptr;
    size_t len = sealed.len - ENVELOPE_EXTRA_BYTES;
    struct arena *large = len > sizeof small ? arena_new(len) : NULL;
    if (large)
        text = arena_alloc_raw(large, len);
    struct str cipher = { sealed.ptr + ENVELOPE_EXTRA_BYTES, len };
    struct secret *s = NULL;
    if (gcm_open(key, in + IV_AT, bound_to, cipher, in + TAG_AT, text))
        s = secret_new((struct str){ (char *)text, len });
    bytes_wipe(text, len);
    arena_free(large);
    return s;
}

struct str envelope_binding(struct arena *a, const struct str *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += 5 + parts[i].len;
    uint8_t *out = arena_alloc_raw(a, len), *p = out;
    for (size_t i = 0; i < count; i++) {
        assert(parts[i].len <= UINT32_MAX);
        *p++ = str_given(parts[i]);
        for (int k = 0; k < 4; k++)
            *p++ = (uint8_t)((uint32_t)parts[i].len >> (24 - 8 * k));
        if (parts[i].len)
            memcpy(p, parts[i].ptr, parts[i].len);
        p += parts[i].len;
    }
    return (struct str){ (char *)out, len };
}
