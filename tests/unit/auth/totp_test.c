/* One-time codes against RFC 6238's and RFC 4648's own values, and the QR code against the modules
 * that were asked to be drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <qrencode.h>

#include "auth/qr.h"
#include "auth/totp.h"
#include "base/crypto.h"

static const uint8_t rfc_secret[] = "12345678901234567890";

/* RFC 6238, appendix B, SHA-1; six digits are the last six of its eight. */
static void equals_the_rfc(void **state)
{
    (void)state;
    static const struct {
        int64_t time_s;
        const char *code;
    } table[] = {
        { 59, "287082" },         { 1111111109, "081804" }, { 1111111111, "050471" },
        { 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" },
    };
    char code[TOTP_DIGITS + 1] = "";
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        totp_code(rfc_secret, totp_step(table[i].time_s * 1000), code);
        assert_string_equal(code, table[i].code);
    }
}

static void one_step_on_each_side(void **state)
{
    (void)state;
    const int64_t now_ms = 1111111111000;
    char code[TOTP_DIGITS];
    for (int64_t off = -4; off <= 4; off++) {
        int64_t step = 0;
        totp_code(rfc_secret, totp_step(now_ms) + off, code);
        bool fits = totp_verify(rfc_secret, (struct str){ code, sizeof code }, now_ms, &step);
        assert_int_equal(fits, off >= -1 && off <= 1);
        if (fits)
            assert_int_equal(step, totp_step(now_ms) + off);
    }
}

static void as_people_type_them(void **state)
{
    (void)state;
    static const char *const good[] = { "287082", "287 082", " 287082 ", "2 8 7 0 8 2" };
    static const char *const bad[] = { "",       "28708",   "2870822",  "287083",
                                       "28708a", "-287082", "287\t082", "94287082" };
    int64_t step = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(totp_verify(rfc_secret, str_of(good[i]), 59000, &step));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (totp_verify(rfc_secret, str_of(bad[i]), 59000, &step))
            fail_msg("taken: \"%s\"", bad[i]);
    assert_false(totp_verify(rfc_secret, STR_NULL, 59000, &step));
}

static void base32_of_the_rfc(void **state)
{
    (void)state;
    char out[TOTP_SECRET_CHARS + 1] = "";
    base32_encode((const uint8_t *)"fooba", 5, out);
    assert_memory_equal(out, "MZXW6YTB", 8);
    base32_encode(rfc_secret, TOTP_SECRET_BYTES, out);
    assert_string_equal(out, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

static void urls_are_encoded(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct str url = totp_url(a, rfc_secret, STR("opboxd"), STR("ann+zo\xc3\xab@example.test"));
    assert_true(str_is(url, "otpauth://totp/opboxd:ann%2Bzo%C3%AB%40example.test"
                            "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=opboxd&algorithm=SHA1"
                            "&digits=6&period=30"));
    arena_free(a);
}

/* ---- QR ---- */

enum { SIDE_MAX = 200 };
static unsigned char drawn[SIDE_MAX][SIDE_MAX];

/* Draws the runs of the second path; nothing else may stand in it. */
static void draw(struct cx *cx, struct str svg, int side)
{
    char head[128];
    size_t at = str_find(svg, STR("<path d=\""));
    snprintf(head, sizeof head, "viewBox=\"0 0 %d %d\"", side, side);
    assert_true(str_find(svg, str_of(head)) != SIZE_MAX);
    assert_true(at != SIZE_MAX && str_ends(svg, STR("\"/></svg>")));
    const char *p = str_cstr(cx->arena, str_sub(svg, at + 9, svg.len - 9));
    memset(drawn, 0, sizeof drawn);
    while (*p) {
        int x, y, run, back, used = 0;
        assert_int_equal(sscanf(p, "M%d %dh%dv1h-%dz%n", &x, &y, &run, &back, &used), 4);
        assert_true(used > 0 && run == back && x >= 0 && y >= 0 && x + run <= side && y < side);
        for (int i = 0; i < run; i++)
            drawn[y][x + i]++;
        p += used;
    }
}

static void every_module_is_drawn_once(void **state)
{
    (void)state;
    static const char *const texts[] = { "x",
                                         "otpauth://totp/opboxd:a%40b?secret=GEZDGNBVGY3TQOJQ" };
    struct cx cx = { .arena = arena_new(0) };
    for (size_t i = 0; i < 2; i++) {
        struct str svg;
        QRcode *code = QRcode_encodeString8bit(texts[i], 0, QR_ECLEVEL_M);
        assert_non_null(code);
        assert_int_equal(qr_svg(&cx, str_of(texts[i]), &svg), OK);
        draw(&cx, svg, code->width + 8);
        for (int y = 0; y < code->width + 8; y++)
            for (int x = 0; x < code->width + 8; x++) {
                bool inside = x >= 4 && y >= 4 && x < code->width + 4 && y < code->width + 4;
                int black = inside ? code->data[(y - 4) * code->width + x - 4] & 1 : 0;
                assert_int_equal(drawn[y][x], black);
            }
        assert_int_equal(drawn[4][4] && drawn[10][10] && !drawn[5][5], 1); /* a finder's corner */
        QRcode_free(code);
    }
    arena_free(cx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_rfc),      cmocka_unit_test(one_step_on_each_side),
        cmocka_unit_test(as_people_type_them), cmocka_unit_test(base32_of_the_rfc),
        cmocka_unit_test(urls_are_encoded),    cmocka_unit_test(every_module_is_drawn_once),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
