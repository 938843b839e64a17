/* Reply: what a face sends. Bytes live in the call's arena. */
#ifndef OP_REPLY_H
#define OP_REPLY_H

#include "op/field.h"

enum reply_kind { REPLY_BYTES = 1, REPLY_DOWNLOAD, REPLY_STREAM };

#define REPLY_HEADERS_MAX 24

struct reply {
    enum reply_kind kind;
    int status;
    struct str content_type; /* default application/json; charset=utf-8 */
    struct header headers[REPLY_HEADERS_MAX];
    size_t header_count;
    struct str body;           /* REPLY_BYTES */
    struct download *download; /* REPLY_DOWNLOAD: Range, ETag and HEAD are the face's */
    struct sink *sink;         /* REPLY_STREAM; the face unrefs */
    bool close;                /* end the connection after it */
};

/* Name must be lower case and constant; a value with control characters is our bug. */
void reply_header(struct reply *r, const char *name, struct str value);

#endif
