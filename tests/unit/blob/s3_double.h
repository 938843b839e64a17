/* A tiny S3-compatible server for tests: PUT, ranged GET, DELETE and ListObjectsV2 of one bucket,
 * on a thread of its own. Refuses what is not signed right (AWS Signature Version 4). */
#ifndef TESTS_UNIT_BLOB_S3_DOUBLE_H
#define TESTS_UNIT_BLOB_S3_DOUBLE_H

#include "base/str.h"

#define S3_DOUBLE_KEY "AKIAIOSFODNN7EXAMPLE"
#define S3_DOUBLE_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define S3_DOUBLE_REGION "us-east-1"
#define S3_DOUBLE_BUCKET "bucket"

struct s3_double;
struct s3_double *s3_double_start(void);
void s3_double_stop(struct s3_double *d);
int s3_double_port(const struct s3_double *d);
int s3_double_objects(struct s3_double *d);
/* What LastModified of all objects says; 0: the real time of the put. */
void s3_double_set_modified(struct s3_double *d, int64_t ms);
enum s3_double_mood {
    S3_DOUBLE_WELL = 0,
    S3_DOUBLE_500,
    S3_DOUBLE_CUTS,
    S3_DOUBLE_WRONG_RANGE,
    S3_DOUBLE_SHORT
};
void s3_double_set_mood(struct s3_double *d, enum s3_double_mood m);

/* Signature of a request, by its head's text ("GET /path?query HTTP/1.1\r\nname: value\r\n…"), over
 * the headers that `signed_headers` lists. Exposed for the published example. */
void s3_double_signature(struct arena *a, struct str head, struct str signed_headers,
                         const char *secret, char out[65]);

#endif
