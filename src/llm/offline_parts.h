/* Inside llm/: the parts of the offline assistant. offline_question.c reads what was asked,
 * offline_result.c what tools answered, offline.c decides and speaks. */
#ifndef LLM_OFFLINE_PARTS_H
#define LLM_OFFLINE_PARTS_H

#include "base/json.h"
#include "llm/offline.h"

/* ---- a question ---- */

enum intent {
    INTENT_SEARCH = 1,
    INTENT_NOTHING, /* no word to look for */
    INTENT_GREET,
    INTENT_THANKS,
    INTENT_ABOUT, /* who are you, what can you do */
    INTENT_LIST,  /* `list_tool` says of what */
    INTENT_PROGRAM,
    INTENT_HOW, /* may be about the program, or about the workspace */
    INTENT_MATTER,
    INTENT_CREATE
};

enum { QUESTION_WORDS_MAX = 64, QUERY_WORDS_MAX = 12 };

struct question {
    enum intent intent;
    const char *list_tool;
    struct str title;                  /* INTENT_CREATE; INTENT_MATTER: its number */
    struct str query;                  /* what to look for, in the words of the question */
    struct str words[QUERY_WORDS_MAX]; /* those of the query, folded */
    size_t word_count;
};
void offline_question_read(struct arena *a, struct str text, struct question *ret);

/* ---- what a tool answered ---- */

enum { HITS_MAX = 20, PASSAGE_CHARS_MAX = 320 };

struct hit {
    struct str kind, id, title, url, text; /* absent when not given */
};
/* Reads a list of anything, under whatever name, or one record: the number of hits, 0 also for what
 * is no JSON. Texts are one line, without markup that a page could have meant for its reader. */
size_t offline_hits_read(struct arena *a, struct str result, struct hit *ret, size_t max);
/* The paragraphs of a document with most words of the question, in their order. */
size_t offline_passages_read(struct arena *a, struct str result, const struct question *q,
                             struct hit *ret, size_t max);
/* One line of at most `chars` characters. */
struct str offline_line(struct arena *a, struct str text, size_t chars);

#endif
