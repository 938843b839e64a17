/* See bm25.h. */
#include "search/bm25.h"

#include <math.h>

#define K1 1.2
#define B 0.75
#define EXACT 24 /* 255 - long_to_int4(INT32_MAX) */

static int long_to_int4(int64_t i)
{
    int bits = 64 - (i ? __builtin_clzll((unsigned long long)i) : 64);
    if (bits < 4)
        return (int)i;
    int shift = bits - 4;
    return (int)((i >> shift) & 7) | (shift + 1) << 3;
}

uint8_t bm25_length_byte(int64_t length)
{
    if (length < 0)
        length = 0;
    if (length > INT32_MAX)
        length = INT32_MAX;
    return (uint8_t)(length < EXACT ? length : EXACT + long_to_int4(length - EXACT));
}

int64_t bm25_byte_length(uint8_t byte)
{
    if (byte < EXACT)
        return byte;
    int i = byte - EXACT, shift = (i >> 3) - 1;
    return EXACT + (shift < 0 ? i & 7 : (int64_t)((i & 7) | 8) << shift);
}

double bm25_idf(int64_t chunks, int64_t df)
{
    return log(1.0 + ((double)(chunks - df) + 0.5) / ((double)df + 0.5));
}

void bm25_init(struct bm25 *b, int64_t chunks, int64_t tokens)
{
    double average = chunks > 0 && tokens > 0 ? (double)tokens / (double)chunks : 1.0;
    for (int i = 0; i < 256; i++)
        b->inverse[i] = 1.0 / (K1 * (1.0 - B + B * (double)bm25_byte_length((uint8_t)i) / average));
}
