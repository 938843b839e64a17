/* What blob.c asks of a spool beyond blob.h. Private to src/blob. */
#ifndef BLOB_SPOOL_H
#define BLOB_SPOOL_H

#include "base/crypto.h"
#include "blob/store.h"

/* False: the bytes are in a file. */
bool blob_spool_in_memory(const struct blob_spool *s, struct str *ret_bytes);
/* Of a spool with a file. */
struct blob_source blob_spool_source(struct blob_spool *s);
/* The store took the file. */
void blob_spool_moved(struct blob_spool *s);

#endif
