/* Range headers: what is sent lies inside of what there is. Input: eight bytes of size, then the
 * header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t bits = 0;
    int64_t from = -1, end = -1;
    for (size_t i = 0; i < size && i < 8; i++)
        bits = bits << 8 | data[i];
    if (size < 8)
        return 0;
    int64_t total = (int64_t)(bits >> 1);
    struct str header = { (const char *)data + 8, size - 8 };
    enum range_result r = range_parse(header, total, &from, &end);
    if (r == RANGE_PART ? from < 0 || from >= end || end > total : from != -1 || end != -1)
        abort();
    return 0;
}
