/* Full text: any text is cut into words and chunks, indexed and found again; any bytes are read as
 * a page of postings. */
#include <assert.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "search/build.h"
#include "search/snippet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void words(struct arena *a, struct str text)
{
    struct tokeniser t;
    struct token token;
    size_t last = 0, bytes = 0;
    tokeniser_init(&t, text);
    while (tokeniser_next(&t, &token)) {
        assert(token.term.len > 0 && token.term.len <= TERM_BYTES_MAX);
        assert(token.from < token.to && token.to <= text.len);
        assert(utf8_valid(token.term));
        assert(token.extra || token.from >= last);
        last = token.extra ? last : token.from;
        bytes += token.term.len;
    }
    assert(bytes <= 8 * text.len + 8);
    (void)a;
}

static void found_again(struct arena *a, struct str text)
{
    struct chunk *chunks;
    struct page *pages;
    struct query_term *terms;
    size_t count, pages_count, terms_count;
    struct str heading = STR("");
    chunks_make(a, STR("title"), text, &chunks, &count);
    struct build *b = build_new(a, count);
    for (size_t i = 0; i < count; i++)
        build_add(b, STR("title"), chunks[i].body);
    build_pages(b, &pages, &pages_count);
    query_terms(a, str_sub(text, 0, 0), &terms, &terms_count);
    query_terms(a, chunks[0].body, &terms, &terms_count);
    for (size_t i = 0; i < terms_count; i++) {
        struct list l;
        bool any = false, damaged = false;
        for (size_t p = 0; p < pages_count && !any; p++)
            any =
                pages[p].first_window == 0 && page_find(pages[p].body, terms[i].term, &l, &damaged);
        assert(any && !damaged);
        terms[i].weight = 1;
    }
    struct str s = snippet_make(a, chunks[0].body, terms, terms_count, &heading);
    assert(utf8_valid(s) && s.len < 2 * SNIPPET_BYTES + 32);
}

static void any_bytes(struct str body)
{
    size_t pos = 0;
    struct list l;
    bool damaged;
    struct postings *p = malloc(sizeof *p);
    while (p && page_entry(body, &pos, &l, &damaged)) {
        struct block_reader r = { .rest = l.blocks };
        struct block block;
        while (block_next(&r, &block))
            block_decode(&block, p);
    }
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct arena *a = arena_new(0);
    crypto_init();
    any_bytes(text);
    if (utf8_valid(text)) {
        words(a, text);
        found_again(a, text);
    }
    arena_free(a);
    return 0;
}
