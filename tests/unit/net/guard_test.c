/* The guard at every edge of every range, in every form an address is written in. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

#include <cmocka.h>

#include "net/guard.h"

static bool admits_with(const struct guard_list *list, const char *text)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return guard_admits(list, (struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return guard_admits(list, (struct sockaddr *)&in6);
}

static bool admits(const char *text)
{
    static const struct guard_list none = { .count = 0 };
    return admits_with(&none, text);
}

/* First and last address of a refused range, and what stands right before and behind it (NULL: that
 * is refused too, or there is none). */
struct range {
    const char *before, *first, *last, *behind;
};
static const struct range v4_ranges[] = {
    { NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0" },
    { "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0" },
    { "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0" },
    { "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0" },
    { "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0" },
    { "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0" },
    { "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0" },
    { "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0" },
    { "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0" },
    { "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0" },
    { "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0" },
    { "198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0" },
    { "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0" },
    { "223.255.255.255", "224.0.0.0", "239.255.255.255", NULL },
    { NULL, "240.0.0.0", "255.255.255.255", NULL },
};
static const struct range v6_ranges[] = {
    { NULL, "::", "::fffe:ffff:ffff", NULL }, /* unspecified, loopback, compatible */
    { NULL, "::1:0:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
    { NULL, "64:ff9b::1:0:0", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", NULL }, /* local NAT64 */
    { NULL, "100::", "100::ffff:ffff:ffff:ffff", NULL },                    /* discard */
    { NULL, "100:0:0:1::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::" },
    { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
      "2001:200::" }, /* Teredo, ORCHID, benchmarking */
    { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
      "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
    { "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::" }, /* 6to4 */
    { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
      "3fff:1000::" },
    { "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "5f00:ffff::", NULL }, /* SRv6 SIDs */
    { NULL, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },          /* unique local */
    { NULL, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },          /* link-local */
    { NULL, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },          /* site-local */
    { NULL, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },          /* multicast */
};

static void check_range(const struct range *r, const char *prefix)
{
    char text[64];
    const char *inside[] = { r->first, r->last }, *outside[] = { r->before, r->behind };
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%s%s", prefix, inside[i]);
        if (admits(text))
            fail_msg("%s is admitted", text);
        snprintf(text, sizeof text, "%s%s", prefix, outside[i] ? outside[i] : "");
        if (outside[i] && !admits(text))
            fail_msg("%s is refused", text);
    }
}

static void every_edge_is_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof v4_ranges / sizeof *v4_ranges; i++)
        check_range(&v4_ranges[i], "");
    for (size_t i = 0; i < sizeof v6_ranges / sizeof *v6_ranges; i++)
        check_range(&v6_ranges[i], "");
}

static void ipv4_inside_ipv6_is_looked_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof v4_ranges / sizeof *v4_ranges; i++) {
        check_range(&v4_ranges[i], "::ffff:");
        check_range(&v4_ranges[i], "64:ff9b::");
    }
    assert_false(admits("::8.8.8.8"));                 /* compatible */
    assert_false(admits("2002:0808:0808::1"));         /* 6to4 of a public address */
    assert_false(admits("2001:0:808:808::f7f7:f7f7")); /* Teredo */
    assert_false(admits("64:ff9b:1::8.8.8.8"));
}

static void public_addresses_are_admitted(void **state)
{
    static const char *const good[] = {
        "1.1.1.1",         "8.8.8.8",         "93.184.216.34",
        "192.31.196.1",    "192.175.48.1",    "2606:4700::1111",
        "2a00:1450::200e", "2620:4f:8000::1", "2001:4860:4860::8888"
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!admits(good[i]))
            fail_msg("%s is refused", good[i]);
}

static void other_families_are_refused(void **state)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/docker.sock" };
    struct guard_list all;
    struct str bad;
    (void)state;
    assert_true(guard_list_parse(STR("0.0.0.0/0, ::/0"), &all, &bad));
    assert_false(guard_admits(&all, (struct sockaddr *)&un));
}

static void lists_are_read(void **state)
{
    struct guard_list l;
    struct str bad;
    (void)state;
    assert_true(guard_list_parse(STR(" 10.0.0.0/8 ,, ::1,192.168.1.7, fd00::/8,\t"), &l, &bad));
    assert_int_equal(l.count, 4);
    assert_int_equal(l.networks[0].bits, 104);
    assert_int_equal(l.networks[1].bits, 128);
    assert_int_equal(l.networks[2].bits, 128);
    assert_int_equal(l.networks[3].bits, 8);
    assert_true(guard_list_parse(STR(""), &l, &bad) && l.count == 0);
    assert_true(guard_list_parse(STR_NULL, &l, &bad) && l.count == 0);
    assert_true(admits_with(&l, "8.8.8.8"));
}

static void the_list_opens_what_it_names(void **state)
{
    struct guard_list l;
    struct str bad;
    (void)state;
    assert_true(guard_list_parse(STR("10.1.0.0/16,127.0.0.1,fd12::/20,::1"), &l, &bad));
    assert_true(admits_with(&l, "10.1.0.0") && admits_with(&l, "10.1.255.255"));
    assert_false(admits_with(&l, "10.0.255.255") || admits_with(&l, "10.2.0.0"));
    assert_true(admits_with(&l, "127.0.0.1") && admits_with(&l, "::ffff:127.0.0.1"));
    assert_false(admits_with(&l, "127.0.0.2") || admits_with(&l, "64:ff9b::127.0.0.1"));
    assert_true(admits_with(&l, "fd12:0fff::1") && admits_with(&l, "::1"));
    assert_false(admits_with(&l, "fd12:1000::1") || admits_with(&l, "::2"));
}

static void families_do_not_open_each_other(void **state)
{
    struct guard_list v4, v6;
    struct str bad;
    (void)state;
    assert_true(guard_list_parse(STR("0.0.0.0/0"), &v4, &bad));
    assert_true(guard_list_parse(STR("::/0"), &v6, &bad));
    assert_true(admits_with(&v4, "127.0.0.1") && admits_with(&v4, "::ffff:10.0.0.1"));
    assert_false(admits_with(&v4, "::1") || admits_with(&v4, "fe80::1"));
    assert_true(admits_with(&v6, "::1") && admits_with(&v6, "fe80::1"));
    assert_false(admits_with(&v6, "127.0.0.1") || admits_with(&v6, "::ffff:10.0.0.1"));
}

static void bad_lists_are_named(void **state)
{
    static const char *const items[] = { "10.0.0.0/33",
                                         "::/129",
                                         "10.0.0.0/-1",
                                         "10.0.0.0/",
                                         "10.0.0/8",
                                         "10.0.0.0/08",
                                         "x",
                                         "/8",
                                         "10.0.0.0/8/8",
                                         "010.0.0.1",
                                         "0x7f.1",
                                         "fe80::1%eth0",
                                         "1.2.3.4.5",
                                         "10.0.0.0 /8",
                                         "::ffff:1.2.3.4.5",
                                         "12345678901234567890123456789012345678901234567890" };
    struct guard_list l = { .count = 7 };
    struct str bad;
    (void)state;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        char text[256];
        snprintf(text, sizeof text, "1.2.3.4,%s,::1", items[i]);
        if (guard_list_parse(str_of(text), &l, &bad))
            fail_msg("%s is taken", items[i]);
        assert_true(str_is(bad, items[i]));
        assert_int_equal(l.count, 7); /* untouched */
    }
    assert_false(guard_list_parse((struct str){ "1.2.3.4\0x", 9 }, &l, &bad));
}

static void a_list_has_a_bound(void **state)
{
    char text[GUARD_NETWORKS_MAX * 16] = "";
    size_t n = 0;
    struct guard_list l;
    struct str bad;
    (void)state;
    for (int i = 0; i < GUARD_NETWORKS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "10.0.%d.0,", i % 10);
    assert_true(guard_list_parse(str_of(text), &l, &bad));
    assert_int_equal(l.count, GUARD_NETWORKS_MAX);
    snprintf(text + n, sizeof text - n, "9.9.9.9");
    assert_false(guard_list_parse(str_of(text), &l, &bad));
    assert_true(str_is(bad, "9.9.9.9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_edge_is_right),
        cmocka_unit_test(ipv4_inside_ipv6_is_looked_at),
        cmocka_unit_test(public_addresses_are_admitted),
        cmocka_unit_test(other_families_are_refused),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(the_list_opens_what_it_names),
        cmocka_unit_test(families_do_not_open_each_other),
        cmocka_unit_test(bad_lists_are_named),
        cmocka_unit_test(a_list_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
