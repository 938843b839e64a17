/* Goals: move an upload's bytes from the wire to spools with bounded memory, each file within the
 * bound that its field declares.
 * Invariants: a part whose name is no field of the operation is refused before its bytes are
 * stored; every spool is freed by upload_release, which takes spools that were finished too. */
#include "op/upload.h"

#include "blob/blob.h"
#include "op/multipart.h"

struct upload {
    struct call *call;
    struct multipart *parser;
    struct upload_file files[UPLOAD_FILES_MAX];
    size_t file_count;
    struct pair texts[MULTIPART_PARTS_MAX];
    size_t text_count;
};

static const struct field *file_field(const struct op *op, struct str name)
{
    for (const struct field *f = op->in; f && f->name; f++)
        if (f->type == FIELD_FILE && str_is(name, f->name))
            return f;
    return NULL;
}

static enum err on_text(void *arg, struct str name, struct str value)
{
    struct upload *u = arg;
    if (u->text_count == MULTIPART_PARTS_MAX)
        FAIL(&u->call->cx, VALIDATION, "The form has more than %d fields.", MULTIPART_PARTS_MAX);
    u->texts[u->text_count++] = (struct pair){ name, value };
    return OK;
}

static enum err on_file_begin(void *arg, struct str name, struct str filename,
                              struct str content_type)
{
    struct upload *u = arg;
    struct cx *cx = &u->call->cx;
    const struct field *f = file_field(u->call->op, name);
    for (size_t i = 0; f && i < u->file_count; i++)
        if (str_eq(u->files[i].field, name))
            f = NULL;
    if (!f || u->file_count == UPLOAD_FILES_MAX) {
        cx_field_error(cx, name, "is not a file of this operation, or is given more than once");
        return cx_invalid(cx);
    }
    struct upload_file *file = &u->files[u->file_count];
    *file = (struct upload_file){ .field = name,
                                  .filename = str_copy(cx->arena, filename),
                                  .content_type = str_copy(cx->arena, content_type) };
    TRY(blob_spool_begin(cx, f->max ? f->max : INT64_MAX, &file->spool));
    u->file_count++;
    return OK;
}

static enum err on_file_bytes(void *arg, struct str bytes)
{
    struct upload *u = arg;
    return blob_spool_write(&u->call->cx, u->files[u->file_count - 1].spool, bytes);
}

static enum err on_file_end(void *arg)
{
    struct upload *u = arg;
    struct upload_file *file = &u->files[u->file_count - 1];
    file->bytes = blob_spool_bytes(file->spool);
    return OK;
}

enum err upload_begin(struct call *c)
{
    struct str type = request_header(&c->rq, "content-type");
    struct str boundary = multipart_boundary(type);
    if (!str_given(boundary))
        FAIL(&c->cx, UNSUPPORTED_MEDIA_TYPE,
             "Send a multipart/form-data body with a boundary of 1 to 70 characters.");
    struct upload *u = arena_new_of(c->cx.arena, struct upload);
    struct multipart_events ev = { on_text, on_file_begin, on_file_bytes, on_file_end, u };
    u->call = c;
    u->parser = multipart_new(&c->cx, boundary, &ev);
    c->upload = u;
    return OK;
}

enum err upload_bytes(struct call *c, struct str bytes)
{
    return multipart_feed(c->upload->parser, bytes);
}

enum err upload_finish(struct call *c, struct field_source *src)
{
    struct upload *u = c->upload;
    TRY(multipart_end(u->parser));
    src->form = u->texts;
    src->form_count = u->text_count;
    src->files = u->files;
    src->file_count = u->file_count;
    return OK;
}

void upload_release(struct call *c)
{
    for (size_t i = 0; c->upload && i < c->upload->file_count; i++)
        blob_spool_free(c->upload->files[i].spool);
    c->upload = NULL;
}
