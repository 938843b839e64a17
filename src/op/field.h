/* Field tables: what an operation takes and gives, declared once.
 *
 * A table describes a C struct member by member. From it come the decoder (body, path, query,
 * header, form, multipart → struct), the encoder (struct → JSON), the OpenAPI schema, the tool's
 * JSON Schema, and the generated refusal tests. A handler never sees a header, cookie or raw JSON
 * it did not declare.
 *
 * Absent and null: text has ptr NULL; numbers keep the declared default. Where a PATCH must tell
 * absent from null from given, the field names a `seen` byte (enum field_seen). */
#ifndef OP_FIELD_H
#define OP_FIELD_H

#include <stddef.h>

#include "base/cx.h"
#include "base/json.h"

enum field_type {
    FIELD_STR = 1, /* struct str; min..max in characters */
    FIELD_TEXT,    /* struct str; as FIELD_STR, line breaks allowed, min..max in characters */
    FIELD_ID,      /* struct str; server-made id: 1-64 of [A-Za-z0-9._:-] */
    FIELD_EMAIL,   /* struct str; one @, at most 254 bytes */
    FIELD_SECRET,  /* struct str; as FIELD_STR, never echoed in errors, logs or audit */
    FIELD_ENUM,    /* struct str of `values` */
    FIELD_INT,     /* int64_t; min..max */
    FIELD_DOUBLE,  /* double */
    FIELD_BOOL,    /* bool */
    FIELD_TIME,    /* int64_t ms; ISO 8601 in JSON; 0 encodes as null */
    FIELD_DATE,    /* struct str YYYY-MM-DD, a valid calendar day */
    FIELD_NANOUSD, /* int64_t nano-dollars; a decimal number of dollars in JSON, at most 9 places */
    FIELD_JSON,    /* in: struct json; out: struct str of JSON text */
    FIELD_OBJECT,  /* struct; `fields` */
    FIELD_ARRAY,   /* struct span of structs (`fields`, `elem_size`) or, without fields, of `elem`
                      values   (struct str, int64_t …); min..max elements */
    FIELD_FILE     /* struct upload_file; OP_UPLOAD only; max in bytes */
};

enum field_from {
    FROM_BODY = 0, /* JSON body; multipart or form part in those kinds of body; tool argument */
    FROM_PATH,
    FROM_QUERY, /* for tools and `call` still an argument of that name */
    FROM_HEADER /* `header` names it; for tools an argument of the field's name */
};

enum field_flags {
    FIELD_REQUIRED = 1,
    FIELD_NULLABLE = 2,    /* in: null allowed; out: absent writes null (else absent is left out) */
    FIELD_ANY_MEMBERS = 4, /* on any field of a table: a foreign client's format, unknown members of
                              the object are passed over instead of refused */
    FIELD_VERSION = 8,     /* int64_t; also taken from If-Match: "<version>" */
    FIELD_HIDDEN = 16      /* left out of documentation and schemas */
};

enum field_seen { FIELD_ABSENT = 0, FIELD_NULL, FIELD_GIVEN };

struct field {
    const char *name; /* camelCase; NULL ends a table */
    enum field_type type;
    enum field_from from;
    unsigned flags;
    size_t offset;
    int64_t min,
        max;     /* by type; max 0: the type's own bound (FIELD_STR 1,000, FIELD_TEXT 100,000) */
    int64_t def; /* numbers and booleans when absent */
    const char *header;
    const char *const *values;  /* FIELD_ENUM; NULL-terminated */
    const struct field *fields; /* FIELD_OBJECT, FIELD_ARRAY */
    enum field_type elem;       /* FIELD_ARRAY without fields */
    size_t elem_size;
    size_t seen;     /* 1 + offset of a uint8_t; 0: none */
    const char *doc; /* one sentence; required in public tables */
};

#define FIELD_END                                                                                  \
    {                                                                                              \
        .name = NULL                                                                               \
    }
/* .offset = FIELD_AT(struct x, member) and .seen = FIELD_SEEN(struct x, member_seen) */
#define FIELD_AT(type, member) offsetof(type, member)
#define FIELD_SEEN(type, member) (1 + offsetof(type, member))

/* Where decoding takes its values from. Any may be absent. */
struct field_source {
    const struct json *body; /* object: JSON body, or tool arguments */
    bool body_is_everything; /* tools, `call`: path, query and header fields come from body too */
    const struct pair *path; /* decoded */
    size_t path_count;
    const struct pair *query; /* decoded; a name given twice is refused */
    size_t query_count;
    const struct pair *form; /* form or multipart texts, decoded */
    size_t form_count;
    const struct header *headers;
    size_t header_count;
    const struct upload_file *files;
    size_t file_count;
};
struct pair {
    struct str name, value;
};
struct header {
    struct str name; /* lower case */
    struct str value;
};
struct upload_file {
    struct str field;
    struct str filename;     /* base name only, no control characters; may be empty */
    struct str content_type; /* as the client said */
    int64_t bytes;
    struct blob_spool *spool; /* the call frees it when the handler did not finish it */
};

/* Fills *ret (zeroed by the caller) or raises VALIDATION with every bad field at once, unknown
 * members of the body by name. */
enum err field_decode(struct cx *cx, const struct field *table, const struct field_source *src,
                      void *ret);
/* Writes one JSON object. */
void field_encode(struct json_writer *w, const struct field *table, const void *value);
/* JSON Schema 2020-12 of a table: for tools (all of `from`), for bodies (FROM_BODY only), for
 * answers. */
enum field_schema_use { SCHEMA_TOOL = 1, SCHEMA_BODY, SCHEMA_ANSWER };
void field_schema(struct json_writer *w, const struct field *table, enum field_schema_use use);
/* Schema of the first field alone: for parameters. */
void field_schema_one(struct json_writer *w, const struct field *field);
/* Does the JSON fit the answer table? Used by reply validation in tests; names the first
 * difference. */
bool field_answer_fits(const struct field *table, const struct json *answer, struct arena *a,
                       struct str *ret_difference);

#endif
