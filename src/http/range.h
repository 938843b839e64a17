/* One byte range of a Range header (RFC 9110 section 14). */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdint.h>

#include "base/str.h"

enum range_result { RANGE_NONE = 1, RANGE_PART, RANGE_UNSATISFIABLE };
/* Several ranges and malformed headers count as none: the whole is sent. *ret_end is exclusive. */
enum range_result range_parse(struct str header, int64_t size, int64_t *ret_from, int64_t *ret_end);

#endif
