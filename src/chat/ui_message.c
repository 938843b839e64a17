/* Goal: from what a client sends, take what a client may say; name what is wrong.
 * Invariant: `parts` is our own JSON, never the client's text. */
#include "chat/ui_message.h"

#include "base/buf.h"
#include "chat/chat.h"

enum { PARTS_MAX = 200, IMAGES_MAX = 10, IMAGE_BYTES_MAX = 5 * 1024 * 1024 };

static bool id_ok(struct str s)
{
    if (s.len < 1 || s.len > 64)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == ':' || c == '-'))
            return false;
    }
    return true;
}

static struct str sub_path(struct cx *cx, struct str path, const char *name)
{
    return str_fmt(cx->arena, "%.*s.%s", STR_ARG(path), name);
}

static void write_text(struct json_writer *w, struct buf *content, struct str text)
{
    jw_object(w);
    jw_key_lit(w, "type");
    jw_str(w, STR("text"));
    jw_key_lit(w, "text");
    jw_str(w, text);
    jw_object_end(w);
    if (content->len)
        buf_put_cstr(content, "\n\n");
    buf_put_str(content, text);
}

static bool base64_text(struct str s)
{
    if (s.len == 0 || s.len % 4 != 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool pad = c == '=' && i + 2 >= s.len;
        if (!pad && !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/'))
            return false;
    }
    return true;
}

/* data:image/png;base64,… */
static const char *image_fault(struct str url, struct str media_type)
{
    static const char *const types[] = { "image/png", "image/jpeg", "image/gif", "image/webp" };
    struct str rest = url;
    bool known = false;
    if (!str_starts(url, STR("data:")))
        return "must be a data: URL; the server fetches nothing";
    rest = str_sub(rest, 5, rest.len);
    struct str type = str_split(&rest, ';');
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known |= str_is(type, types[i]);
    if (!known || (str_given(media_type) && !str_eq(type, media_type)))
        return "must be an image: PNG, JPEG, GIF or WebP, as mediaType says";
    if (!str_given(rest) || !str_starts(rest, STR("base64,")) ||
        !base64_text(str_sub(rest, 7, rest.len)))
        return "must be base64";
    return rest.len / 4 * 3 > IMAGE_BYTES_MAX ? "must be at most 5 MB" : NULL;
}

static bool write_file(struct cx *cx, const struct json *part, struct str path,
                       struct json_writer *w)
{
    struct str url = json_text(part, "url"), type = json_text(part, "mediaType");
    const char *fault = image_fault(url, type);
    if (fault) {
        cx_field_error(cx, sub_path(cx, path, "url"), "%s", fault);
        return false;
    }
    struct str rest = str_sub(url, 5, url.len);
    jw_object(w);
    jw_key_lit(w, "type");
    jw_str(w, STR("file"));
    jw_key_lit(w, "mediaType");
    jw_str(w, str_split(&rest, ';'));
    jw_key_lit(w, "url");
    jw_str(w, url);
    jw_object_end(w);
    return true;
}

static void read_part(struct cx *cx, const struct json *part, struct str path, bool user,
                      struct json_writer *w, struct buf *content, int *images)
{
    struct str type = json_text(part, "type"), text = json_text(part, "text");
    if (!str_given(type)) {
        cx_field_error(cx, path, "is not a part of a message");
    } else if (str_is(type, "text")) {
        if (str_given(text))
            write_text(w, content, text);
        else
            cx_field_error(cx, sub_path(cx, path, "text"), "must be text");
    } else if (str_is(type, "file") && user) {
        if (++*images > IMAGES_MAX)
            cx_field_error(cx, path, "is one image too many; a message takes %d", IMAGES_MAX);
        else
            write_file(cx, part, path, w);
    }
}

static enum err read_parts(struct cx *cx, const struct json *j, struct str path,
                           struct ui_message *ret)
{
    const struct json *parts = json_get(j, "parts"), *content = json_get(j, "content");
    struct buf out, text;
    struct json_writer w;
    int images = 0;
    buf_init(&out, cx->arena, CHAT_MESSAGE_BYTES_MAX * 2);
    buf_init(&text, cx->arena, CHAT_MESSAGE_BYTES_MAX);
    jw_init(&w, &out);
    jw_array(&w);
    if (parts && parts->type == JSON_ARRAY && parts->count <= PARTS_MAX) {
        for (uint32_t i = 0; i < parts->count; i++)
            read_part(cx, &parts->items[i], str_fmt(cx->arena, "%.*s.parts.%u", STR_ARG(path), i),
                      str_is(ret->role, "user"), &w, &text, &images);
    } else if (parts) {
        cx_field_error(cx, sub_path(cx, path, "parts"), "must be a list of at most %d parts",
                       PARTS_MAX);
    } else if (content && content->type == JSON_STRING) {
        write_text(&w, &text, content->text);
    } else {
        cx_field_error(cx, path, "needs parts, or content as text");
    }
    jw_array_end(&w);
    ret->parts = buf_str(&out);
    ret->content = buf_str(&text);
    if (out.overflow || text.overflow)
        cx_field_error(cx, path, "is larger than a message may be");
    else if (str_is(ret->role, "user") && !ret->content.len && !images)
        cx_field_error(cx, path, "says nothing");
    return OK;
}

enum err ui_message_read(struct cx *cx, const struct json *j, struct str path,
                         struct ui_message *ret)
{
    *ret = (struct ui_message){ .source = j };
    if (j->type != JSON_OBJECT) {
        cx_field_error(cx, path, "is not a message");
        return cx_invalid(cx);
    }
    const struct json *id = json_get(j, "id");
    ret->id = json_text(j, "id");
    ret->role = json_text(j, "role");
    if (id && !id_ok(ret->id))
        cx_field_error(cx, sub_path(cx, path, "id"),
                       "must be 1 to 64 of letters, digits and . _ : -");
    if (!str_is(ret->role, "user") && !str_is(ret->role, "assistant"))
        cx_field_error(cx, sub_path(cx, path, "role"), "must be user or assistant");
    else
        read_parts(cx, j, path, ret);
    return cx_has_field_errors(cx) ? cx_invalid(cx) : OK;
}

/* False: it is no answer, or too large. */
static bool read_answer(struct cx *cx, const struct json *part, struct ui_answer *ret)
{
    const struct json *output = json_get(part, "output");
    struct str state = json_text(part, "state"), error = json_text(part, "errorText");
    struct buf text;
    struct json_writer w;
    *ret = (struct ui_answer){ .call_id = json_text(part, "toolCallId") };
    if (!str_starts(json_text(part, "type"), STR("tool-")))
        return false;
    if (str_is(state, "output-error")) {
        ret->failed = true;
        ret->output = str_given(error) && error.len ? error : STR("failed");
        return ret->output.len <= UI_ANSWER_BYTES_MAX;
    }
    if (!str_is(state, "output-available") || !output)
        return false;
    buf_init(&text, cx->arena, UI_ANSWER_BYTES_MAX);
    jw_init(&w, &text);
    jw_value(&w, output);
    ret->output = buf_str(&text);
    return !text.overflow;
}

size_t ui_answers(struct cx *cx, const struct json *message, struct ui_answer *ret)
{
    const struct json *parts = json_get(message, "parts");
    size_t count = 0;
    for (uint32_t i = 0; parts && parts->type == JSON_ARRAY && i < parts->count; i++)
        if (count < UI_ANSWERS_MAX && read_answer(cx, &parts->items[i], &ret[count]))
            count++;
    return count;
}
