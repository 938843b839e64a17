/* See source.h. A further room adds its row and its four functions here. */
#include "search/source.h"

#include "kb/kb.h"

static enum err document_read(struct cx *cx, struct str id, struct source_text *ret,
                              bool *ret_found)
{
    struct kb_source s;
    TRY(kb_source_get(cx, id, &s, ret_found));
    if (!*ret_found)
        return OK;
    *ret = (struct source_text){ .version = s.version,
                                 .audience = s.for_all ? STR("") : s.owner_id,
                                 .title = s.title,
                                 .text = s.text };
    return OK;
}

static enum err document_brief(struct cx *cx, struct str id, struct source_brief *ret,
                               bool *ret_found)
{
    struct str title;
    TRY(kb_title(cx, id, &title, ret_found));
    if (!*ret_found)
        return OK;
    *ret = (struct source_brief){ .kind = STR("document"),
                                  .title = title,
                                  .url = str_fmt(cx->arena, "/kb/%.*s", STR_ARG(id)) };
    return OK;
}

const struct source_type source_types[] = {
    { "DOCUMENT", document_read, kb_source_version, document_brief, kb_source_ids },
};
const size_t source_types_count = sizeof source_types / sizeof *source_types;

const struct source_type *source_type_find(struct str type)
{
    for (size_t i = 0; i < source_types_count; i++)
        if (str_is(type, source_types[i].type))
            return &source_types[i];
    return NULL;
}
