/* Upload: an OP_UPLOAD body on its way: multipart parser → spools. Private to op/. */
#ifndef OP_UPLOAD_H
#define OP_UPLOAD_H

#include "op/call.h"

enum { UPLOAD_FILES_MAX = 8 };

struct upload;

/* VALIDATION / UNSUPPORTED_MEDIA_TYPE when the content type is not multipart with a boundary. */
enum err upload_begin(struct call *c);
/* Blocking (spools write to disk): on LANE_SLOW. */
enum err upload_bytes(struct call *c, struct str bytes);
/* All bytes are in: fills `src` with the texts and files. */
enum err upload_finish(struct call *c, struct field_source *src);
/* Drops the spools that the handler has not finished. */
void upload_release(struct call *c);

#endif
