/* See tokenise.h. Invariants: linear in the text (a joined run is read twice at most); no term is
 * empty or cut within a character. */
#include "search/tokenise.h"

#include "base/fold.h"
#include "search/stem.h"

enum word_kind { OTHER = 0, LETTER, BIGRAM };

struct word_run {
    uint32_t first, last;
    enum word_kind kind;
};

static const struct word_run runs[] = {
#define WORD(first, last, kind) { (first), (last), (kind) },
#include "search/word_table.def"
#undef WORD
};

static enum word_kind kind_of(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || (cp >= '0' && cp <= '9')
                   ? LETTER
                   : OTHER;
    size_t low = 0, high = sizeof runs / sizeof *runs;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (cp > runs[mid].last)
            low = mid + 1;
        else if (cp < runs[mid].first)
            high = mid;
        else
            return runs[mid].kind;
    }
    return OTHER;
}

static bool is_digit(uint32_t cp)
{
    return cp >= '0' && cp <= '9';
}

/* A code point of the text as the index sees it. */
static uint32_t cp_at(struct str text, size_t *pos)
{
    uint32_t cp = utf8_next(text, pos);
    return cp >= 0xff01 && cp <= 0xff5e ? cp - 0xfee0 : cp;
}

static enum word_kind kind_at(struct str text, size_t pos)
{
    return pos < text.len ? kind_of(cp_at(text, &pos)) : OTHER;
}

static bool is_apostrophe(uint32_t cp)
{
    return cp == '\'' || cp == 0x2019;
}

static bool is_joiner(uint32_t cp)
{
    return cp == '-' || cp == '_' || cp == '/' || cp == '.' || cp == ',' || cp == ':' ||
           cp == '@' || cp == '+';
}

void tokeniser_init(struct tokeniser *t, struct str text)
{
    *t = (struct tokeniser){ .text = text };
}

/* Adds the folded code point unless the term is full. */
static void term_put(struct tokeniser *t, size_t *len, uint32_t cp)
{
    char bytes[4];
    size_t n = utf8_put(bytes, fold_code_point(cp));
    if (*len + n > TERM_BYTES_MAX) {
        *len = TERM_BYTES_MAX + 1; /* full: nothing more, not even a shorter character */
        return;
    }
    memcpy(t->term + *len, bytes, n);
    *len += n;
}

/* Folds text[from, to) into the term. `ret_cut`: it was longer than a term. */
static struct str term_of(struct tokeniser *t, size_t from, size_t to, bool *ret_cut)
{
    size_t len = 0, whole = 0;
    for (size_t pos = from; pos < to && len <= TERM_BYTES_MAX;) {
        uint32_t cp = cp_at(t->text, &pos);
        whole = len;
        term_put(t, &len, is_apostrophe(cp) ? '\'' : cp);
    }
    *ret_cut = len > TERM_BYTES_MAX;
    return (struct str){ t->term, *ret_cut ? whole : len };
}

/* End of the word that begins at `from`. */
static size_t word_end(struct str text, size_t from, bool *ret_digit)
{
    size_t pos = from;
    *ret_digit = false;
    while (pos < text.len) {
        size_t next = pos;
        uint32_t cp = cp_at(text, &next);
        enum word_kind kind = kind_of(cp);
        if (kind != LETTER && !(is_apostrophe(cp) && pos > from && kind_at(text, next) == LETTER))
            break;
        *ret_digit |= is_digit(cp);
        pos = next;
    }
    return pos;
}

static bool word_next(struct tokeniser *t, struct token *ret)
{
    bool digit, cut;
    size_t from = t->pos, to = word_end(t->text, from, &digit);
    t->pos = to;
    if (!t->join_parts)
        t->join_from = from;
    t->join_parts++;
    t->join_to = to;
    t->join_digit |= digit;
    struct str term = term_of(t, from, to, &cut);
    if (str_ends(term, STR("'s")))
        term.len -= 2;
    *ret = (struct token){ term, from, to, false, is_stop_word(term) };
    if (!cut && !digit)
        ret->term.len = stem_english(t->term, term.len);
    return true;
}

/* Does another word follow at once behind one joining character? Then moves to it. */
static bool join_goes_on(struct tokeniser *t)
{
    size_t next = t->pos;
    if (t->pos != t->join_to || t->pos >= t->text.len || !is_joiner(cp_at(t->text, &next)) ||
        kind_at(t->text, next) != LETTER)
        return false;
    t->pos = next;
    return true;
}

/* The joined words as a whole, when that is a token. */
static bool join_end(struct tokeniser *t, struct token *ret)
{
    bool whole = t->join_parts > 1 && t->join_digit, cut;
    size_t from = t->join_from, to = t->join_to;
    t->join_parts = 0;
    t->join_digit = false;
    if (!whole || to - from > 4 * TERM_BYTES_MAX)
        return false;
    struct str term = term_of(t, from, to, &cut);
    *ret = (struct token){ term, from, to, .extra = true };
    return !cut;
}

/* At a character of a script without spaces. False: it was part of the pair before. */
static bool pair_next(struct tokeniser *t, struct token *ret)
{
    size_t from = t->pos, middle = from;
    bool cut, again = t->pairs;
    cp_at(t->text, &middle);
    t->pos = middle;
    t->pairs = kind_at(t->text, middle) == BIGRAM;
    if (!t->pairs && again)
        return false;
    size_t to = middle;
    if (t->pairs)
        cp_at(t->text, &to);
    *ret = (struct token){ .term = term_of(t, from, to, &cut), .from = from, .to = to };
    return true;
}

bool tokeniser_next(struct tokeniser *t, struct token *ret)
{
    for (;;) {
        if (t->join_parts && !join_goes_on(t) && join_end(t, ret))
            return true;
        if (t->pos >= t->text.len)
            return false;
        size_t next = t->pos;
        enum word_kind kind = kind_of(cp_at(t->text, &next));
        if (kind == LETTER)
            return word_next(t, ret);
        if (kind == BIGRAM) {
            if (pair_next(t, ret))
                return true;
        } else {
            t->pos = next;
        }
    }
}
