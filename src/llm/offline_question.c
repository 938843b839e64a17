/* Goals: from the words of a question, what kind of question it is and which of its words are worth
 * looking for. Two small tables; no grammar, no guessing. Words of other languages than English are
 * looked for as they are.
 *
 * A question is a list request when nothing but words of lists and of one kind of thing is left of
 * it ("which pages do we have?"); with another word in it ("pages about Smith") it is a search. */
#include "llm/offline_parts.h"

#include "base/fold.h"

enum { QUERY_BYTES_MAX = 200, TITLE_CHARS_MAX = 120 };

/* ---- words ---- */

struct word {
    struct str text;   /* as it was written */
    struct str folded; /* for comparing; apostrophes are left out */
};

static bool is_separator(uint32_t cp)
{
    if (cp < 0x80)
        return !((cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
                 strchr("'-_.@/", (int)cp));
    return cp == 0xa0 || cp == 0xa1 || cp == 0xab || cp == 0xb7 || cp == 0xbb || cp == 0xbf ||
           cp == 0x60c || cp == 0x61b || cp == 0x61f || cp == 0x6d4 || cp == 0x964 ||
           cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x206f && cp != 0x2019 && cp != 0x200c && cp != 0x200d) ||
           (cp >= 0x2e00 && cp <= 0x2e7f) || (cp >= 0x3000 && cp <= 0x3003) ||
           (cp >= 0x3008 && cp <= 0x3011) || cp == 0xfeff || (cp >= 0xff01 && cp <= 0xff0f) ||
           cp == 0xff1a || cp == 0xff1b || cp == 0xff1f;
}

static struct str apostrophes_drop(struct arena *a, struct str s)
{
    struct buf out;
    buf_init(&out, a, s.len + 1);
    for (size_t at = 0; at < s.len;) {
        char bytes[4];
        uint32_t cp = utf8_next(s, &at);
        if (cp != '\'' && cp != 0x2019)
            buf_put(&out, bytes, utf8_put(bytes, cp));
    }
    return buf_str(&out);
}

/* "MAT-0042." and "o'clock" keep what stands inside, not what stands at their ends. */
static struct str ends_strip(struct str s)
{
    while (s.len && strchr("'-_.@/", s.ptr[0]))
        s = str_sub(s, 1, s.len);
    while (s.len && strchr("'-_.@/", s.ptr[s.len - 1]))
        s = str_sub(s, 0, s.len - 1);
    return s;
}

static size_t words_split(struct arena *a, struct str text, struct word *ret)
{
    size_t count = 0, start = 0, at = 0;
    while (at <= text.len && count < QUESTION_WORDS_MAX) {
        size_t before = at;
        bool end = at == text.len;
        if (!end && !is_separator(utf8_next(text, &at)))
            continue;
        struct str word = ends_strip(str_sub(text, start, before));
        if (word.len) {
            ret[count].text = word;
            ret[count++].folded = apostrophes_drop(a, fold_key(a, word));
        }
        if (end)
            break;
        start = at;
    }
    return count;
}

/* `list`: words with blanks between. */
static bool is_one_of(struct str word, const char *list)
{
    struct str rest = str_of(list);
    while (str_given(rest))
        if (str_eq(str_split(&rest, ' '), word))
            return true;
    return false;
}

/* Words that no page is found by. */
static const char stop_words[] =
    "a about all am an and any are as at be been but by can could did do does doing for from get "
    "give got had has have hello her here hey hi him his how i if im in into is it its ive just "
    "know "
    "let like look lookup looking make may me mention mentions more much my need no not of on one "
    "or "
    "our out over please say says search see she should show so some something tell than thanks "
    "that the their them then there these they thing things this those to too under up us very "
    "want "
    "was we were what whats when where which who whom whose why will with would you your yours "
    "find "
    "anything everything information info details related regarding concerning contain contains "
    "containing exist exists current currently open latest recent new list count many number";

static const char list_words[] = "list show which what all any every display overview browse see";

static const struct {
    const char *words, *tool;
} lists[] = {
    { "page pages document documents doc docs article articles knowledge base kb wiki library",
      "list_documents" },
    { "matter matters case cases file-cases", "list_matters" },
    { "table tables database databases register registers", "list_tables" },
    { "skill skills prompt prompts saved", "list_skills" },
    { "transcript transcripts recording recordings meeting meetings", "list_my_transcripts" },
    { "notification notifications unread", "get_notifications" },
    { "task tasks todo todos work due", "list_my_work" },
    { "template templates pack packs", "list_document_packs" },
};

/* ---- intents ---- */

static const struct {
    const char *phrases; /* '|' between; each stands between word borders */
    enum intent intent;
    size_t words_max; /* of the whole question; 0: any */
} rules[] = {
    { "what can you do|what can you help|who are you|what are you|how can you help|what do you do|"
      "how do you work|are you an ai|are you a model|are you a real|are you real|are you human|"
      "which model|what model|introduce yourself|your capabilities",
      INTENT_ABOUT, 10 },
    { "help", INTENT_ABOUT, 2 },
    { "thanks|thank you|thx|merci|danke|gracias|grazie", INTENT_THANKS, 4 },
    { "opboxd|this program|this system|this app|this application|this software|this server|"
      "this tool|provider key|provider keys|api key|api keys|agent key|agent keys|settings|"
      "autonomy level|autonomy levels|backup|backups|back up|restore a backup|webhook|webhooks|"
      "environment variable|command line|security log|documentation|user guide|two factor|totp|"
      "change my password|reset my password",
      INTENT_PROGRAM, 0 },
    { "how do i|how can i|how to|how do we|how can we|where do i|where can i|is it possible",
      INTENT_HOW, 0 },
};
static const char greetings[] = "hello hi hey hiya greetings morning afternoon evening hallo hola "
                                "bonjour salut ciao moin servus salam namaste";
static const char greeting_words[] = "good guten tag there you all everyone assistant to and again";

static struct str phrase_text(struct arena *a, const struct word *words, size_t count)
{
    struct buf out;
    buf_init(&out, a, 1 << 20);
    buf_put_byte(&out, ' ');
    for (size_t i = 0; i < count; i++) {
        buf_put_str(&out, words[i].folded);
        buf_put_byte(&out, ' ');
    }
    return buf_str(&out);
}

static bool has_phrase(struct arena *a, struct str text, const char *phrases)
{
    struct str rest = str_of(phrases);
    while (str_given(rest)) {
        struct str phrase = str_split(&rest, '|');
        if (str_find(text, str_fmt(a, " %.*s ", STR_ARG(phrase))) != SIZE_MAX)
            return true;
    }
    return false;
}

static bool is_greeting(const struct word *words, size_t count)
{
    bool greets = false;
    for (size_t i = 0; i < count; i++) {
        bool greeting = is_one_of(words[i].folded, greetings);
        if (!greeting && !is_one_of(words[i].folded, greeting_words))
            return false;
        greets |= greeting;
    }
    return greets;
}

static const char *list_tool_of(const struct word *words, size_t count)
{
    const char *tool = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < sizeof lists / sizeof *lists && !is_one_of(words[i].folded, lists[k].words))
            k++;
        bool thing = k < sizeof lists / sizeof *lists;
        if (thing && tool && tool != lists[k].tool)
            return NULL;
        if (thing)
            tool = lists[k].tool;
        else if (!is_one_of(words[i].folded, stop_words) &&
                 !is_one_of(words[i].folded, list_words) &&
                 !is_one_of(words[i].folded, "workspace here available everything"))
            return NULL;
    }
    return tool;
}

/* "MAT-0042", in any case. */
static struct str matter_number(struct arena *a, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str w = words[i].text;
        bool good = w.len > 4 && w.len <= 20 && str_eq_nocase(str_sub(w, 0, 4), STR("mat-"));
        for (size_t k = 4; good && k < w.len; k++)
            good = w.ptr[k] >= '0' && w.ptr[k] <= '9';
        if (good)
            return str_fmt(a, "MAT-%.*s", STR_ARG(str_sub(w, 4, w.len)));
    }
    return STR_NULL;
}

/* What stands in quotation marks, of any make. */
static struct str quoted(struct str text)
{
    static const struct {
        struct str open, close;
    } marks[] = { { STR("\""), STR("\"") },
                  { STR("“"), STR("”") },
                  { STR("«"), STR("»") },
                  { STR("„"), STR("“") } };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t open = str_find(text, marks[i].open);
        if (open == SIZE_MAX)
            continue;
        struct str rest = str_sub(text, open + marks[i].open.len, text.len);
        size_t close = str_find(rest, marks[i].close);
        struct str found = close == SIZE_MAX ? STR_NULL : str_trim(str_sub(rest, 0, close));
        if (found.len)
            return found;
    }
    return STR_NULL;
}

/* "Create a page called Visa checklist": the only thing that it can be told to change, in so many
 * words; a person approves it as any write. */
static struct str title_to_create(struct arena *a, struct str text, const struct word *words,
                                  size_t count)
{
    size_t i = 0;
    if (i < count && is_one_of(words[i].folded, "please"))
        i++;
    if (i >= count || !is_one_of(words[i].folded, "create make add write"))
        return STR_NULL;
    for (i++; i < count && is_one_of(words[i].folded, "a an the new me us"); i++)
        ;
    if (i >= count || !is_one_of(words[i].folded, "page document"))
        return STR_NULL;
    for (i++; i < count && is_one_of(words[i].folded, "called titled named with the title"); i++)
        ;
    struct str title = quoted(text);
    if (!title.len && i < count)
        title = str_sub(text, (size_t)(words[i].text.ptr - text.ptr),
                        (size_t)(words[count - 1].text.ptr - text.ptr) + words[count - 1].text.len);
    return title.len ? offline_line(a, title, TITLE_CHARS_MAX) : STR_NULL;
}

/* ---- the query ---- */

static void query_make(struct arena *a, const struct word *words, size_t count, struct question *q)
{
    struct buf out;
    buf_init(&out, a, QUERY_BYTES_MAX);
    for (size_t i = 0; i < count && q->word_count < QUERY_WORDS_MAX; i++) {
        if (is_one_of(words[i].folded, stop_words) || !words[i].folded.len)
            continue;
        if (out.len + words[i].text.len + 1 > QUERY_BYTES_MAX)
            continue;
        if (out.len)
            buf_put_byte(&out, ' ');
        buf_put_str(&out, words[i].text);
        q->words[q->word_count++] = words[i].folded;
    }
    q->query = buf_str(&out);
}

static enum intent intent_of(struct arena *a, struct str text, const struct word *words,
                             size_t count, struct question *q)
{
    struct str phrase = phrase_text(a, words, count);
    if (!count)
        return INTENT_NOTHING;
    if (is_greeting(words, count))
        return INTENT_GREET;
    q->title = title_to_create(a, text, words, count);
    if (q->title.len)
        return INTENT_CREATE;
    q->title = matter_number(a, words, count);
    if (q->title.len)
        return INTENT_MATTER;
    q->list_tool = list_tool_of(words, count);
    if (q->list_tool)
        return INTENT_LIST;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if ((!rules[i].words_max || count <= rules[i].words_max) &&
            has_phrase(a, phrase, rules[i].phrases))
            return rules[i].intent;
    return q->word_count ? INTENT_SEARCH : INTENT_NOTHING;
}

void offline_question_read(struct arena *a, struct str text, struct question *ret)
{
    struct word *words = arena_array(a, QUESTION_WORDS_MAX, sizeof *words);
    *ret = (struct question){ .intent = INTENT_NOTHING };
    if (!utf8_valid(text))
        return;
    size_t count = words_split(a, text, words);
    struct str phrase = quoted(text);
    if (phrase.len) {
        struct word *inside = arena_array(a, QUESTION_WORDS_MAX, sizeof *inside);
        query_make(a, inside, words_split(a, phrase, inside), ret);
    }
    if (!ret->word_count)
        query_make(a, words, count, ret);
    ret->intent = intent_of(a, text, words, count, ret);
}
