/* See seal_core.h. */
#include <stdint.h>
#include <syslog.h>

#include "base/crypto.h"

void seal_syslog(int64_t generation, int64_t number, const uint8_t hash[SHA256_BYTES]);

void seal_syslog(int64_t generation, int64_t number, const uint8_t hash[SHA256_BYTES])
{
    char hex[2 * SHA256_BYTES];
    hex_encode(hash, SHA256_BYTES, hex);
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "opboxd checkpoint %lld/%lld sha256=%.*s",
           (long long)generation, (long long)number, (int)sizeof hex, hex);
}
