/* See chunk.h. */
#include "search/chunk.h"

bool heading_line(struct str line, struct str *ret)
{
    size_t marks = 0;
    while (marks < line.len && line.ptr[marks] == '#')
        marks++;
    if (marks == 0 || marks > 6 || marks == line.len || line.ptr[marks] != ' ')
        return false;
    *ret = str_trim(str_sub(line, marks, line.len));
    return true;
}

/* Heading of the last heading line that begins before `to`; goes on from *pos. */
static struct str heading_before(struct str text, size_t *pos, size_t to, struct str now)
{
    while (*pos < to) {
        size_t end = str_find_byte(str_sub(text, *pos, text.len), '\n');
        end = end == SIZE_MAX ? text.len : *pos + end;
        struct str line = str_sub(text, *pos, end);
        heading_line(line, &now);
        *pos = end + 1;
    }
    return now;
}

struct words {
    size_t *from; /* first byte of each counted token */
    size_t count;
};

static struct words words_find(struct arena *a, struct str text)
{
    enum { WORDS_MAX = CHUNKS_MAX * (CHUNK_TOKENS - CHUNK_OVERLAP) + CHUNK_OVERLAP + 1 };
    struct tokeniser t;
    struct token token;
    size_t cap = text.len / 2 + 2 < WORDS_MAX ? text.len / 2 + 2 : WORDS_MAX;
    struct words w = { arena_array(a, cap, sizeof *w.from), 0 };
    tokeniser_init(&t, text);
    while (w.count < cap && tokeniser_next(&t, &token))
        if (!token.extra)
            w.from[w.count++] = token.from;
    return w;
}

static void chunk_hash(struct chunk *c, struct str title)
{
    struct sha256_ctx *s = sha256_new();
    sha256_add(s, title);
    sha256_add(s, (struct str){ "", 1 });
    sha256_add(s, c->heading);
    sha256_add(s, (struct str){ "", 1 });
    sha256_add(s, c->body);
    sha256_final(s, c->sha256);
    sha256_free(s);
}

/* The marks of a heading line stand before its first word: they go with it. */
static size_t line_marks(struct str text, size_t from)
{
    size_t start = from;
    while (start > 0 && (text.ptr[start - 1] == ' ' || text.ptr[start - 1] == '#'))
        start--;
    return start == 0 || text.ptr[start - 1] == '\n' ? start : from;
}

void chunks_make(struct arena *a, struct str title, struct str text, struct chunk **ret,
                 size_t *ret_count)
{
    const size_t step = CHUNK_TOKENS - CHUNK_OVERLAP;
    struct words w = words_find(a, text);
    size_t count = w.count > CHUNK_TOKENS ? (w.count - CHUNK_OVERLAP + step - 1) / step : 1;
    count = count < CHUNKS_MAX ? count : CHUNKS_MAX;
    struct chunk *chunks = arena_array(a, count, sizeof *chunks);
    struct str heading = STR("");
    size_t pos = 0;
    for (size_t i = 0; i < count; i++) {
        struct chunk *c = &chunks[i];
        size_t first = i * step, last = first + CHUNK_TOKENS;
        size_t from = i ? line_marks(text, w.from[first]) : 0;
        size_t to = last < w.count ? line_marks(text, w.from[last]) : text.len;
        c->tokens = (int64_t)((last < w.count ? last : w.count) - first);
        c->body = w.count ? str_trim(str_sub(text, from, to)) : STR("");
        heading = heading_before(text, &pos, from, heading);
        c->heading = heading;
        chunk_hash(c, title);
    }
    *ret = chunks;
    *ret_count = count;
}
