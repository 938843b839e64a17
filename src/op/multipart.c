/* Goals: never hold more than a part's head and the length of a boundary; refuse what is ambiguous.
 * Invariants: `held` are bytes that may be the start of a delimiter and are not yet reported; a
 * file's bytes are reported exactly once and in order; heads are at most HEAD_MAX bytes. Refused:
 * parts without a name, folded heads, nested multipart, a transfer encoding other than binary, more
 * than MULTIPART_PARTS_MAX parts. */
#include "op/multipart.h"

#include <assert.h>

#include "base/buf.h"

enum { HEAD_MAX = 4096, BOUNDARY_MAX = 70 };

enum state { PREAMBLE = 1, AFTER_DELIMITER, HEAD, BODY, EPILOGUE };

struct multipart {
    struct cx *cx;
    struct multipart_events ev;
    enum state state;
    char delimiter[BOUNDARY_MAX + 4]; /* CRLF -- boundary */
    size_t delimiter_len;
    struct buf held;
    struct buf head;
    struct buf text;
    struct str name;
    bool is_file;
    int parts;
};

struct str multipart_boundary(struct str content_type)
{
    struct str rest = content_type;
    struct str type = str_trim(str_split(&rest, ';'));
    if (!str_eq_nocase(type, STR("multipart/form-data")))
        return STR_NULL;
    while (str_given(rest)) {
        struct str value = str_trim(str_split(&rest, ';'));
        struct str key = str_split(&value, '=');
        if (!str_eq_nocase(key, STR("boundary")) || !str_given(value))
            continue;
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = str_sub(value, 1, value.len - 1);
        bool good = value.len >= 1 && value.len <= BOUNDARY_MAX;
        for (size_t i = 0; good && i < value.len; i++)
            good = value.ptr[i] >= 0x20 && value.ptr[i] < 0x7f && value.ptr[i] != '"';
        return good && value.ptr[value.len - 1] != ' ' ? value : STR_NULL;
    }
    return STR_NULL;
}

struct multipart *multipart_new(struct cx *cx, struct str boundary,
                                const struct multipart_events *ev)
{
    struct multipart *m = arena_new_of(cx->arena, struct multipart);
    assert(boundary.len >= 1 && boundary.len <= BOUNDARY_MAX);
    m->cx = cx;
    m->ev = *ev;
    m->state = PREAMBLE;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = boundary.len + 4;
    buf_init(&m->held, cx->arena, sizeof m->delimiter);
    buf_init(&m->head, cx->arena, HEAD_MAX);
    buf_init(&m->text, cx->arena, MULTIPART_TEXT_BYTES_MAX);
    buf_put(&m->held, "\r\n", 2); /* the first delimiter may stand at the very start */
    return m;
}

static enum err malformed(struct multipart *m, const char *why)
{
    cx_field_error(m->cx, STR("body"), "is not a well-formed multipart form: %s", why);
    return cx_invalid(m->cx);
}

/* ---- a part's head ---- */

/* Value of a parameter of a Content-Disposition line; quoted with \" and \\ escapes, or a token. */
static bool param_value(struct multipart *m, struct str line, const char *key, struct str *ret)
{
    struct str k = str_of(key);
    size_t i = 0;
    while (i < line.len) {
        while (i < line.len && line.ptr[i] != ';')
            i +=
                line.ptr[i] == '"' ? 1 + str_find_byte(str_sub(line, i + 1, line.len), '"') + 1 : 1;
        i++;
        while (i < line.len && line.ptr[i] == ' ')
            i++;
        if (i + k.len + 1 >= line.len || !str_eq_nocase(str_sub(line, i, i + k.len), k) ||
            line.ptr[i + k.len] != '=')
            continue;
        i += k.len + 1;
        char *out = arena_alloc_raw(m->cx->arena, line.len);
        size_t n = 0;
        bool quoted = i < line.len && line.ptr[i] == '"';
        for (i += quoted; i < line.len && line.ptr[i] != (quoted ? '"' : ';'); i++) {
            if (quoted && line.ptr[i] == '\\' && i + 1 < line.len &&
                (line.ptr[i + 1] == '"' || line.ptr[i + 1] == '\\'))
                i++;
            out[n++] = line.ptr[i];
        }
        *ret = (struct str){ out, n };
        return true;
    }
    return false;
}

/* Browsers of old send a whole path; only its last part is a name. */
static struct str base_name(struct str s)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == '/' || s.ptr[i - 1] == '\\')
            return str_sub(s, i, s.len);
    return s;
}

static bool name_clean(struct str s, size_t max)
{
    if (s.len > max || !utf8_valid(s))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

struct part_head {
    struct str disposition, content_type;
    bool encoded;
};

static enum err head_line(struct multipart *m, struct str line, struct part_head *h)
{
    if (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        return malformed(m, "a folded header line");
    struct str value = line;
    struct str name = str_split(&value, ':');
    if (!str_given(value))
        return malformed(m, "a header line without a colon");
    value = str_trim(value);
    if (str_eq_nocase(name, STR("content-disposition")))
        h->disposition = value;
    else if (str_eq_nocase(name, STR("content-type")))
        h->content_type = value;
    else if (str_eq_nocase(name, STR("content-transfer-encoding")))
        h->encoded = !str_eq_nocase(value, STR("binary")) && !str_eq_nocase(value, STR("8bit")) &&
                     !str_eq_nocase(value, STR("7bit"));
    return OK;
}

static enum err head_done(struct multipart *m)
{
    struct part_head h = { 0 };
    struct str rest = str_copy(m->cx->arena, buf_str(&m->head)), filename = STR_NULL;
    while (str_given(rest) && rest.len) {
        size_t end = str_find(rest, STR("\r\n"));
        struct str line = end <= rest.len ? str_sub(rest, 0, end) : rest;
        rest = end <= rest.len ? str_sub(rest, end + 2, rest.len) : STR("");
        if (line.len)
            TRY(head_line(m, line, &h));
    }
    if (h.encoded)
        return malformed(m, "a part with a transfer encoding");
    if (!str_starts(h.disposition, STR("form-data")) ||
        !param_value(m, h.disposition, "name", &m->name) || m->name.len == 0 ||
        !name_clean(m->name, 100))
        return malformed(m, "a part without a name of 1 to 100 bytes");
    m->is_file = param_value(m, h.disposition, "filename", &filename);
    buf_clear(&m->text);
    m->state = BODY;
    if (!m->is_file)
        return OK;
    filename = base_name(filename);
    if (!name_clean(filename, 255))
        return malformed(m, "a file name longer than 255 bytes, or not clean UTF-8");
    return m->ev.file_begin(m->ev.arg, m->name, filename, h.content_type);
}

/* ---- bytes of a part ---- */

static enum err part_bytes(struct multipart *m, struct str s)
{
    if (s.len == 0 || m->state != BODY)
        return OK;
    if (m->is_file)
        return m->ev.file_bytes(m->ev.arg, s);
    buf_put_str(&m->text, s);
    if (!m->text.overflow)
        return OK;
    cx_field_error(m->cx, m->name, "is longer than %d bytes", MULTIPART_TEXT_BYTES_MAX);
    return cx_invalid(m->cx);
}

static enum err part_done(struct multipart *m)
{
    if (m->state != BODY)
        return OK;
    if (m->is_file)
        return m->ev.file_end(m->ev.arg);
    struct str value = str_copy(m->cx->arena, buf_str(&m->text));
    if (!utf8_valid(value) || (value.len && memchr(value.ptr, 0, value.len))) {
        cx_field_error(m->cx, m->name, "is not UTF-8 text");
        return cx_invalid(m->cx);
    }
    return m->ev.text(m->ev.arg, m->name, value);
}

/* The delimiter is whole: what follows decides between the next part and the end. */
static enum err delimiter_done(struct multipart *m)
{
    TRY(part_done(m));
    if (++m->parts > MULTIPART_PARTS_MAX + 1)
        return malformed(m, "more than 32 parts");
    m->state = AFTER_DELIMITER;
    buf_clear(&m->head);
    return OK;
}

/* One byte against the delimiter; bytes that turn out to be content are reported. The delimiter
 * begins with CR, which occurs in it only once, so that after a mismatch only a new CR can begin a
 * match. */
static enum err delimiter_byte(struct multipart *m, char c)
{
    if (c == m->delimiter[m->held.len]) {
        buf_put_byte(&m->held, c);
        if (m->held.len < m->delimiter_len)
            return OK;
        buf_clear(&m->held);
        return delimiter_done(m);
    }
    TRY(part_bytes(m, buf_str(&m->held)));
    buf_clear(&m->held);
    if (c == m->delimiter[0]) {
        buf_put_byte(&m->held, c);
        return OK;
    }
    return part_bytes(m, (struct str){ &c, 1 });
}

static enum err body_feed(struct multipart *m, struct str s, size_t *ret_used)
{
    if (m->held.len == 0) {
        const char *cr = memchr(s.ptr, '\r', s.len);
        size_t plain = cr ? (size_t)(cr - s.ptr) : s.len;
        if (plain) {
            *ret_used = plain;
            return part_bytes(m, str_sub(s, 0, plain));
        }
    }
    *ret_used = 1;
    return delimiter_byte(m, s.ptr[0]);
}

static enum err after_delimiter_byte(struct multipart *m, char c)
{
    buf_put_byte(&m->head, c);
    struct str h = buf_str(&m->head);
    if (h.len < 2)
        return c == '\r' || c == '-' ? OK : malformed(m, "text behind a boundary");
    if (str_is(h, "--")) {
        m->state = EPILOGUE;
        return OK;
    }
    if (!str_is(h, "\r\n"))
        return malformed(m, "text behind a boundary");
    buf_clear(&m->head);
    m->state = HEAD;
    return OK;
}

static enum err head_byte(struct multipart *m, char c)
{
    buf_put_byte(&m->head, c);
    if (m->head.overflow)
        return malformed(m, "a part's head is longer than 4,096 bytes");
    if (str_ends(buf_str(&m->head), STR("\r\n\r\n")))
        return head_done(m);
    return OK;
}

enum err multipart_feed(struct multipart *m, struct str s)
{
    size_t i = 0;
    while (i < s.len) {
        size_t used = 1;
        switch (m->state) {
        case PREAMBLE:
        case BODY:
            TRY(body_feed(m, str_sub(s, i, s.len), &used));
            break;
        case AFTER_DELIMITER:
            TRY(after_delimiter_byte(m, s.ptr[i]));
            break;
        case HEAD:
            TRY(head_byte(m, s.ptr[i]));
            break;
        case EPILOGUE:
            return OK; /* to be ignored, RFC 2046 section 5.1.1 */
        }
        i += used;
    }
    return OK;
}

enum err multipart_end(struct multipart *m)
{
    return m->state == EPILOGUE ? OK : malformed(m, "it ends before the closing boundary");
}
