/* multipart/form-data (RFC 7578, RFC 2046), pushed in pieces of any size.
 *
 * Parts with a filename are files: their bytes go on as they come. Parts without are texts, kept up
 * to a bound. The parser allocates nothing but what it reports. */
#ifndef OP_MULTIPART_H
#define OP_MULTIPART_H

#include "base/cx.h"

#define MULTIPART_PARTS_MAX 32
#define MULTIPART_TEXT_BYTES_MAX (256 * 1024)

struct multipart;

struct multipart_events {
    enum err (*text)(void *arg, struct str name, struct str value);
    enum err (*file_begin)(void *arg, struct str name, struct str filename,
                           struct str content_type);
    enum err (*file_bytes)(void *arg, struct str bytes);
    enum err (*file_end)(void *arg);
    void *arg;
};

/* The boundary of a content-type value, 1-70 characters; absent: not multipart, or malformed. */
struct str multipart_boundary(struct str content_type);
struct multipart *multipart_new(struct cx *cx, struct str boundary,
                                const struct multipart_events *ev);
enum err multipart_feed(struct multipart *m, struct str bytes);
/* VALIDATION when the closing boundary has not come. */
enum err multipart_end(struct multipart *m);

#endif
