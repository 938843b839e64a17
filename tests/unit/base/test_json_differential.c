/* Random documents and damaged ones through the properties of the fuzz target, which compares each
 * with jansson. In an executable of its own, because jansson's names are wide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* tests/fuzz/fuzz_json.c */

static uint64_t random_state = 88172645463325252u;

static unsigned below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 20) % limit;
}

static void string_make(struct buf *b)
{
    static const char *const parts[] = { "a",
                                         "key",
                                         " ",
                                         "\\n",
                                         "\\u00e9",
                                         "\\\"",
                                         "\xc3\xbc",
                                         "\\/",
                                         "\x7f",
                                         "{",
                                         "\\\\",
                                         "\\u0001",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\\ud83d\\ude00",
                                         "0123456789abcdef" };
    buf_put_byte(b, '"');
    for (unsigned n = below(5); n; n--)
        buf_put_cstr(b, parts[below(16)]);
    buf_put_byte(b, '"');
}

static void number_make(struct buf *b)
{
    if (below(2))
        buf_put_byte(b, '-');
    buf_printf(b, "%u", below(3) ? below(1000) : 0);
    if (below(3) == 0)
        buf_printf(b, ".%u", below(100000));
    if (below(3) == 0)
        buf_printf(b, "%c%s%u", below(2) ? 'e' : 'E',
                   below(2)   ? "-"
                   : below(2) ? "+"
                              : "",
                   below(400));
}

static void value_make(struct buf *b, unsigned depth)
{
    static const char *const spaces[] = { "", "", "", " ", "\n", "\t\r " };
    buf_put_cstr(b, spaces[below(6)]);
    unsigned kind = below(depth < 6 ? 8 : 5);
    bool object = kind == 7;
    if (kind < 2)
        string_make(b);
    else if (kind < 4)
        number_make(b);
    else if (kind == 4)
        buf_put_cstr(b, below(3) == 0 ? "null" : below(2) ? "true" : "false");
    else {
        buf_put_byte(b, object ? '{' : '[');
        for (unsigned i = 0, n = below(object ? 12 : 5); i < n; i++) {
            if (i)
                buf_put_byte(b, ',');
            if (object) {
                string_make(b);
                buf_put_byte(b, ':');
            }
            value_make(b, depth + 1);
        }
        buf_put_byte(b, object ? '}' : ']');
    }
    buf_put_cstr(b, spaces[below(6)]);
}

static void documents(void **state)
{
    (void)state;
    struct buf b;
    unsigned accepted = 0;
    buf_init(&b, NULL, 1 << 20);
    for (int i = 0; i < 4000; i++) {
        buf_clear(&b);
        value_make(&b, 0);
        LLVMFuzzerTestOneInput((const uint8_t *)b.ptr, b.len);
        struct arena *a = arena_new(0);
        struct json j;
        struct json_fault fault;
        enum err e = json_parse(a, buf_str(&b), NULL, &j, &fault);
        accepted += e == OK;
        /* The generator makes valid JSON, but for keys that come twice. */
        assert_true(e == OK || strcmp(fault.message, "duplicate key") == 0);
        arena_free(a);
        for (int k = 0; k < 4 && b.len; k++) {
            static const char bytes[] = "{}[]\",:\\u0019.-+eE tfn\x80\xc3\x1f\xff";
            b.ptr[below((unsigned)b.len)] = bytes[below(sizeof bytes - 1)];
            LLVMFuzzerTestOneInput((const uint8_t *)b.ptr, b.len);
        }
    }
    assert_true(accepted > 2000);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(documents) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
