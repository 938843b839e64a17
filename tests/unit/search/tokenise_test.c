/* The words of texts: what is found by what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "search/tokenise.h"

struct vector {
    const char *text, *terms; /* extra ones in parentheses */
};

static const struct vector vectors[] = {
    { "", "" },
    { " -- \n ", "" },
    { "Visa renewal", "visa renew" },
    { "MAT-0042", "mat 0042 (mat-0042)" },
    { "see MAT-0042.", "see mat 0042 (mat-0042)" },
    { "well-known fact", "well known fact" },
    { "2024-11-05T10:30", "2024 11 05t10 30 (2024-11-05t10:30)" },
    { "12,500.00 AED", "12 500 00 (12,500.00) aed" },
    { "a_1_b", "a 1 b (a_1_b)" },
    { "ann@example.com", "ann exampl com" },
    { "ann2@example.com", "ann2 exampl com (ann2@example.com)" },
    { "10 - 20", "10 20" },
    { "the company's don\xe2\x80\x99t", "the compani don't" },
    { "O'Brien", "o'brien" },
    { "'quoted' ''", "quot" },
    /* Stems: Porter's own examples, and a word that would be lost. */
    { "caresses ponies cats feed agreed plastered motoring",
      "caress poni cat feed agre plaster motor" },
    { "conflated sized hopping falling filing happy sky", "conflat size hop fall file happi sky" },
    { "relational digitizer vietnamization sensibiliti", "relat digit vietnam sensibl" },
    { "triplicate formative hopefulness electrical", "triplic form hope electr" },
    { "revival adjustable replacement adoption effective", "reviv adjust replac adopt effect" },
    { "probate rate cease controll roll", "probat rate ceas control roll" },
    { "AED is news", "aed is new" },
    /* Folding, and what stays apart. */
    { "ÄPFEL Straße ÉTÉ", "äpfel straße été" },
    { "ΣΑΣ ПРИВЕТ", "σασ привет" },
    { "ＭＡＴ－００４２", "mat 0042 (mat-0042)" },
    { "e\xcc\x81t\xc3\xa9", "e\xcc\x81t\xc3\xa9" },
    /* Scripts without spaces: pairs, alone a single one. */
    { "東京都", "東京 京都" },
    { "京", "京" },
    { "東京 abc都", "東京 abc 都" },
    { "カタカナ", "カタ タカ カナ" },
    { "한국어", "한국 국어" },
    { "ไทย", "ไท ทย" },
    { "العربية", "العربية" },
    { "हिन्दी", "हिन्दी" },
    { "٤٢", "٤٢" },
    { "🙂 smiles", "smile" },
};

static void the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char got[512] = "";
        size_t len = 0;
        struct tokeniser t;
        struct token token;
        tokeniser_init(&t, str_of(vectors[i].text));
        while (tokeniser_next(&t, &token))
            len += (size_t)snprintf(got + len, sizeof got - len, "%s%s%.*s%s", len ? " " : "",
                                    token.extra ? "(" : "", STR_ARG(token.term),
                                    token.extra ? ")" : "");
        assert_string_equal(got, vectors[i].terms);
    }
}

static void places_are_those_of_the_text(void **state)
{
    (void)state;
    struct str text = STR("Über MAT-0042, 東京都!");
    const char *expected[] = { "Über", "MAT", "0042", "MAT-0042", "東京", "京都" };
    struct tokeniser t;
    struct token token;
    tokeniser_init(&t, text);
    for (size_t i = 0; i < 6; i++) {
        assert_true(tokeniser_next(&t, &token));
        assert_true(str_is(str_sub(text, token.from, token.to), expected[i]));
    }
    assert_false(tokeniser_next(&t, &token));
}

static void long_words_are_found_by_their_beginning(void **state)
{
    (void)state;
    char text[300];
    struct tokeniser t;
    struct token token;
    memset(text, 'x', sizeof text);
    tokeniser_init(&t, (struct str){ text, sizeof text });
    assert_true(tokeniser_next(&t, &token));
    assert_int_equal(token.term.len, TERM_BYTES_MAX);
    assert_int_equal(token.to, sizeof text);
    assert_false(tokeniser_next(&t, &token));
    /* Never within a character. */
    text[0] = 'a';
    for (size_t i = 1; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    tokeniser_init(&t, (struct str){ text, 201 });
    assert_true(tokeniser_next(&t, &token));
    assert_int_equal(token.term.len, 63);
    assert_true(utf8_valid(token.term));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors),
        cmocka_unit_test(places_are_those_of_the_text),
        cmocka_unit_test(long_words_are_found_by_their_beginning),
    };
    return cmocka_run_group_tests_name("tokenise", tests, NULL, NULL);
}
