/* Chunks: their sizes, their overlap, their headings, and when their hash changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "search/chunk.h"
#include "search/snippet.h"

static int64_t words_of(struct str s)
{
    struct tokeniser t;
    struct token token;
    int64_t n = 0;
    tokeniser_init(&t, s);
    while (tokeniser_next(&t, &token))
        n += !token.extra;
    return n;
}

static struct str words(struct arena *a, int count)
{
    struct buf b;
    buf_init(&b, a, 16 * 1024 * 1024);
    for (int i = 0; i < count; i++)
        buf_printf(&b, "w%d%c", i, i % 10 == 9 ? '\n' : ' ');
    return buf_str(&b);
}

static void sizes_and_overlap(void **state)
{
    static const struct {
        int words, chunks;
    } cases[] = {
        { 0, 1 }, { 1, 1 }, { 512, 1 }, { 513, 2 }, { 960, 2 }, { 961, 3 }, { 5000, 12 }
    };
    struct arena *a = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chunk *c;
        size_t count;
        char first[32];
        chunks_make(a, STR("t"), words(a, cases[i].words), &c, &count);
        assert_int_equal(count, cases[i].chunks);
        int64_t covered = 0;
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(words_of(c[k].body), c[k].tokens);
            assert_true(c[k].tokens <= CHUNK_TOKENS);
            covered += c[k].tokens - (k ? CHUNK_OVERLAP : 0);
            snprintf(first, sizeof first, "w%d ", (int)k * (CHUNK_TOKENS - CHUNK_OVERLAP));
            assert_true(cases[i].words < 2 || str_starts(c[k].body, str_of(first)));
        }
        assert_int_equal(covered, cases[i].words);
    }
}

static void of_a_huge_text_the_beginning_counts(void **state)
{
    struct arena *a = *state;
    struct chunk *c;
    size_t count;
    chunks_make(a, STR("t"), words(a, 460000), &c, &count);
    assert_int_equal(count, CHUNKS_MAX);
    assert_int_equal(words_of(c[count - 1].body), CHUNK_TOKENS);
}

static void chunks_know_the_heading_above(void **state)
{
    struct arena *a = *state;
    struct buf b;
    struct chunk *c;
    size_t count;
    buf_init(&b, a, 1024 * 1024);
    buf_put_cstr(&b, "intro\n# First part\n");
    buf_put_str(&b, words(a, 600));
    buf_put_cstr(&b, "\n## Second part\n#hashtag\n####### seven\n");
    buf_put_str(&b, words(a, 600));
    chunks_make(a, STR("t"), buf_str(&b), &c, &count);
    assert_int_equal(count, 3);
    assert_true(str_is(c[0].heading, ""));
    assert_true(str_is(c[1].heading, "First part"));
    assert_true(str_is(c[2].heading, "Second part"));
}

static void the_hash_is_of_title_heading_and_body(void **state)
{
    struct arena *a = *state;
    struct chunk *one, *two, *three;
    size_t count;
    chunks_make(a, STR("t"), STR("same words"), &one, &count);
    chunks_make(a, STR("t"), STR("same words"), &two, &count);
    chunks_make(a, STR("other"), STR("same words"), &three, &count);
    assert_memory_equal(one->sha256, two->sha256, SHA256_BYTES);
    assert_memory_not_equal(one->sha256, three->sha256, SHA256_BYTES);
}

static void snippets_show_the_words(void **state)
{
    struct arena *a = *state;
    struct query_term *terms;
    struct buf b;
    size_t count;
    struct str heading = STR("above");
    query_terms(a, STR("what is the renewal of visas, the renewal"), &terms, &count);
    assert_int_equal(count, 2);
    assert_int_equal(terms[0].times, 2);
    for (size_t i = 0; i < count; i++)
        terms[i].weight = 1;
    buf_init(&b, a, 1024 * 1024);
    buf_put_cstr(&b, "One renewal here.\n");
    buf_put_str(&b, words(a, 100));
    buf_put_cstr(&b, "## Deadlines\nThe renewal of a visa\ntakes ten days. ");
    buf_put_str(&b, words(a, 100));
    struct str s = snippet_make(a, buf_str(&b), terms, count, &heading);
    assert_true(str_find(s, STR("The renewal of a visa takes ten days.")) != SIZE_MAX);
    assert_true(str_starts(s, STR("… ")));
    assert_true(str_ends(s, STR(" …")));
    assert_true(s.len < SNIPPET_BYTES + 20);
    assert_true(str_is(heading, "Deadlines"));
    /* Words that say nothing count when there are no others. */
    struct query_term *none;
    size_t none_count;
    query_terms(a, STR("to be or not to be"), &none, &none_count);
    assert_int_equal(none_count, 4);
    /* Nothing fits: the beginning. */
    s = snippet_make(a, STR("# Top\nplain"), terms, 0, &heading);
    assert_true(str_is(s, "Top plain"));
    s = snippet_make(a, STR(""), terms, count, &heading);
    assert_true(str_is(s, ""));
    assert_true(title_has_all(STR("Visa renewals"), terms, count));
    assert_false(title_has_all(STR("Visa"), terms, count));
}

static int with_arena(void **state)
{
    crypto_init();
    *state = arena_new(0);
    return 0;
}

static int without_arena(void **state)
{
    arena_free(*state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, with_arena, without_arena)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sizes_and_overlap),
        TEST(of_a_huge_text_the_beginning_counts),
        TEST(chunks_know_the_heading_above),
        TEST(the_hash_is_of_title_heading_and_body),
        TEST(snippets_show_the_words),
    };
    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
