/* See stem.h. The steps and their conditions have the names of the paper: m counts the
 * vowel-consonant sequences of a stem, *v* asks for a vowel, *d for a double consonant, *o for
 * consonant-vowel-consonant without w, x, y at the end. */
#include "search/stem.h"

#include <assert.h>
#include <stdlib.h>

struct word {
    char *w;
    size_t len;
};

struct rule {
    const char *ending, *instead;
};

static bool consonant(const struct word *s, size_t i)
{
    switch (s->w[i]) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u':
        return false;
    case 'y':
        return i == 0 || !consonant(s, i - 1);
    default:
        return true;
    }
}

/* m of the first n letters. */
static int measure(const struct word *s, size_t n)
{
    int m = 0;
    size_t i = 0;
    while (i < n && consonant(s, i))
        i++;
    while (i < n) {
        while (i < n && !consonant(s, i))
            i++;
        if (i == n)
            return m;
        m++;
        while (i < n && consonant(s, i))
            i++;
    }
    return m;
}

static bool vowel_in(const struct word *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!consonant(s, i))
            return true;
    return false;
}

static bool double_end(const struct word *s)
{
    return s->len >= 2 && s->w[s->len - 1] == s->w[s->len - 2] && consonant(s, s->len - 1);
}

static bool cvc_end(const struct word *s, size_t n)
{
    if (n < 3 || !consonant(s, n - 1) || consonant(s, n - 2) || !consonant(s, n - 3))
        return false;
    char c = s->w[n - 1];
    return c != 'w' && c != 'x' && c != 'y';
}

/* Ends in it, with something before it? Then the length of that. */
static bool ends(const struct word *s, const char *ending, size_t *ret_stem)
{
    size_t n = strlen(ending);
    if (s->len < n || memcmp(s->w + s->len - n, ending, n) != 0)
        return false;
    *ret_stem = s->len - n;
    return true;
}

static void replace(struct word *s, size_t stem, const char *instead)
{
    size_t n = strlen(instead);
    assert(stem + n <= s->len + 1);
    memcpy(s->w + stem, instead, n);
    s->len = stem + n;
}

static void step_1a(struct word *s)
{
    size_t stem;
    if (s->w[s->len - 1] != 's')
        return;
    if (ends(s, "sses", &stem) || ends(s, "ies", &stem))
        s->len -= 2;
    else if (s->len >= 2 && s->w[s->len - 2] != 's')
        s->len--;
}

static void step_1b(struct word *s)
{
    size_t stem;
    if (ends(s, "eed", &stem)) {
        if (measure(s, stem) > 0)
            s->len--;
        return;
    }
    if (!((ends(s, "ed", &stem) || ends(s, "ing", &stem)) && vowel_in(s, stem)))
        return;
    s->len = stem;
    if (ends(s, "at", &stem) || ends(s, "bl", &stem) || ends(s, "iz", &stem)) {
        s->w[s->len++] = 'e'; /* where the ending stood */
    } else if (double_end(s)) {
        char c = s->w[s->len - 1];
        if (c != 'l' && c != 's' && c != 'z')
            s->len--;
    } else if (measure(s, s->len) == 1 && cvc_end(s, s->len)) {
        s->w[s->len++] = 'e';
    }
}

static void step_1c(struct word *s)
{
    if (s->w[s->len - 1] == 'y' && vowel_in(s, s->len - 1))
        s->w[s->len - 1] = 'i';
}

/* The first ending that fits decides, whether or not its condition (m > `more`) holds. */
static void rules_apply(struct word *s, const struct rule *rules, int more)
{
    size_t stem;
    for (const struct rule *r = rules; r->ending; r++) {
        if (!ends(s, r->ending, &stem))
            continue;
        if (measure(s, stem) > more)
            replace(s, stem, r->instead);
        return;
    }
}

static const struct rule step_2[] = {
    { "ational", "ate" }, { "tional", "tion" }, { "enci", "ence" },   { "anci", "ance" },
    { "izer", "ize" },    { "bli", "ble" },     { "alli", "al" },     { "entli", "ent" },
    { "eli", "e" },       { "ousli", "ous" },   { "ization", "ize" }, { "ation", "ate" },
    { "ator", "ate" },    { "alism", "al" },    { "iveness", "ive" }, { "fulness", "ful" },
    { "ousness", "ous" }, { "aliti", "al" },    { "iviti", "ive" },   { "biliti", "ble" },
    { "logi", "log" },    { NULL, NULL },
};
static const struct rule step_3[] = {
    { "icate", "ic" }, { "ative", "" }, { "alize", "al" }, { "iciti", "ic" },
    { "ical", "ic" },  { "ful", "" },   { "ness", "" },    { NULL, NULL },
};
static const struct rule step_4[] = {
    { "al", "" },   { "ance", "" }, { "ence", "" }, { "er", "" },    { "ic", "" },
    { "able", "" }, { "ible", "" }, { "ant", "" },  { "ement", "" }, { "ment", "" },
    { "ent", "" },  { "ou", "" },   { "ism", "" },  { "ate", "" },   { "iti", "" },
    { "ous", "" },  { "ive", "" },  { "ize", "" },  { NULL, NULL },
};

static void step_4_apply(struct word *s)
{
    size_t stem;
    if (ends(s, "ion", &stem)) {
        if (stem > 0 && (s->w[stem - 1] == 's' || s->w[stem - 1] == 't') && measure(s, stem) > 1)
            s->len = stem;
        return;
    }
    rules_apply(s, step_4, 1);
}

static void step_5(struct word *s)
{
    if (s->w[s->len - 1] == 'e') {
        int m = measure(s, s->len - 1);
        if (m > 1 || (m == 1 && !cvc_end(s, s->len - 1)))
            s->len--;
    }
    if (s->w[s->len - 1] == 'l' && double_end(s) && measure(s, s->len - 1) > 1)
        s->len--;
}

static bool ascii_word(const char *w, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (w[i] < 'a' || w[i] > 'z')
            return false;
    return true;
}

size_t stem_english(char *word, size_t len)
{
    char was[8];
    struct word s = { word, len };
    if (len < 3 || !ascii_word(word, len))
        return len;
    memcpy(was, word, len < sizeof was ? len : sizeof was);
    step_1a(&s);
    step_1b(&s);
    step_1c(&s);
    rules_apply(&s, step_2, 0);
    rules_apply(&s, step_3, 0);
    step_4_apply(&s);
    step_5(&s);
    if (s.len >= 2)
        return s.len;
    memcpy(word, was, len < sizeof was ? len : sizeof was);
    return len;
}

/* Lucene's English set, and what questions are asked with. In order. */
static const char *const stop_words[] = {
    "a",     "about", "am",     "an",   "and",    "any",  "are",  "as",    "at",    "be",
    "been",  "but",   "by",     "can",  "could",  "did",  "do",   "does",  "for",   "from",
    "had",   "has",   "have",   "he",   "her",    "his",  "how",  "i",     "if",    "in",
    "into",  "is",    "it",     "its",  "me",     "my",   "no",   "not",   "of",    "on",
    "or",    "our",   "please", "she",  "should", "such", "that", "the",   "their", "then",
    "there", "these", "they",   "this", "to",     "was",  "we",   "were",  "what",  "when",
    "where", "which", "who",    "whom", "why",    "will", "with", "would", "you",   "your",
};

bool is_stop_word(struct str word)
{
    size_t low = 0, high = sizeof stop_words / sizeof *stop_words;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = str_cmp(word, str_of(stop_words[mid]));
        if (order == 0)
            return true;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}
