/* See snippet.h. */
#include "search/snippet.h"

#include "search/chunk.h"

enum { MATCHES_MAX = 512, LEAD_BYTES = 60 };

static size_t term_find(const struct query_term *terms, size_t count, struct str term)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(terms[i].term, term))
            return i;
    return SIZE_MAX;
}

static size_t terms_find(struct arena *a, struct str query, bool stop_words,
                         struct query_term *terms)
{
    struct tokeniser t;
    struct token token;
    size_t count = 0;
    tokeniser_init(&t, query);
    while (tokeniser_next(&t, &token)) {
        if (token.stop && !stop_words)
            continue;
        size_t at = term_find(terms, count, token.term);
        if (at != SIZE_MAX)
            terms[at].times++;
        else if (count < QUERY_TERMS_MAX)
            terms[count++] = (struct query_term){ .term = str_copy(a, token.term),
                                                  .times = 1,
                                                  .extra = token.extra };
    }
    return count;
}

void query_terms(struct arena *a, struct str query, struct query_term **ret, size_t *ret_count)
{
    *ret = arena_array(a, QUERY_TERMS_MAX, sizeof(**ret));
    *ret_count = terms_find(a, query, false, *ret);
    if (!*ret_count)
        *ret_count = terms_find(a, query, true, *ret);
}

bool title_has_all(struct str title, const struct query_term *terms, size_t terms_count)
{
    bool has[QUERY_TERMS_MAX] = { false };
    struct tokeniser t;
    struct token token;
    tokeniser_init(&t, title);
    while (tokeniser_next(&t, &token)) {
        size_t at = term_find(terms, terms_count, token.term);
        if (at != SIZE_MAX)
            has[at] = true;
    }
    size_t words = 0;
    for (size_t i = 0; i < terms_count; i++) {
        if (!terms[i].extra && !has[i])
            return false;
        words += !terms[i].extra;
    }
    return words > 0;
}

struct match {
    size_t from, to, term;
};

static size_t matches_find(struct str body, const struct query_term *terms, size_t terms_count,
                           struct match *matches)
{
    struct tokeniser t;
    struct token token;
    size_t count = 0;
    tokeniser_init(&t, body);
    while (count < MATCHES_MAX && tokeniser_next(&t, &token)) {
        size_t at = term_find(terms, terms_count, token.term);
        if (at != SIZE_MAX)
            matches[count++] = (struct match){ token.from, token.to, at };
    }
    return count;
}

/* Where the matches of one window weigh most: each term once, a little for each repetition. */
static size_t best_start(const struct match *m, size_t count, const struct query_term *terms)
{
    size_t best = 0;
    double most = -1.0;
    for (size_t i = 0; i < count; i++) {
        bool seen[QUERY_TERMS_MAX] = { false };
        double weight = 0;
        for (size_t k = i; k < count && m[k].to - m[i].from <= SNIPPET_BYTES - LEAD_BYTES; k++) {
            weight += terms[m[k].term].weight * (seen[m[k].term] ? 0.05 : 1.0);
            seen[m[k].term] = true;
        }
        if (weight > most) {
            most = weight;
            best = m[i].from;
        }
    }
    return best;
}

static bool is_cut(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

/* Beginning of a word at or before `pos`, or of the line when it is near. */
static size_t start_near(struct str body, size_t pos)
{
    size_t least = pos > LEAD_BYTES ? pos - LEAD_BYTES : 0, word = pos;
    for (size_t i = pos; i > least; i--) {
        if (body.ptr[i - 1] == '\n')
            return i;
        if (is_cut(body.ptr[i - 1]))
            word = i;
    }
    return least == 0 ? 0 : word;
}

static size_t end_near(struct str body, size_t from)
{
    if (body.len - from <= SNIPPET_BYTES)
        return body.len;
    size_t to = from + SNIPPET_BYTES;
    for (size_t i = to; i > from + SNIPPET_BYTES / 2; i--)
        if (is_cut(body.ptr[i]))
            return i;
    while (((unsigned char)body.ptr[to] & 0xc0) == 0x80)
        to--;
    return to;
}

static void heading_above(struct str body, size_t to, struct str *io_heading)
{
    struct str rest = str_sub(body, 0, to);
    while (str_given(rest))
        heading_line(str_split(&rest, '\n'), io_heading);
}

struct str snippet_make(struct arena *a, struct str body, const struct query_term *terms,
                        size_t terms_count, struct str *io_heading)
{
    struct match *matches = arena_array(a, MATCHES_MAX, sizeof *matches);
    size_t count = matches_find(body, terms, terms_count, matches);
    size_t hit = best_start(matches, count, terms), from = start_near(body, hit);
    size_t to = end_near(body, from);
    struct buf out;
    heading_above(body, from, io_heading);
    buf_init(&out, a, 2 * (to - from) + 16);
    if (from > 0)
        buf_put_cstr(&out, "… ");
    struct str rest = str_sub(body, from, to);
    while (str_given(rest)) {
        struct str line = str_trim(str_split(&rest, '\n'));
        heading_line(line, &line);
        if (line.len && out.len && out.ptr[out.len - 1] != ' ')
            buf_put_byte(&out, ' ');
        buf_put_str(&out, line);
    }
    if (to < body.len)
        buf_put_cstr(&out, " …");
    return buf_str(&out);
}
