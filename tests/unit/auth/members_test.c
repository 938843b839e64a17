/* Who may do what to whom, at both levels and on both engines: roles, removal, the last OWNER, also
 * when all OWNERs are lowered at the same moment; the organisation of a path; sessions that end. */
#include "unit/auth/browser.h"

#include <pthread.h>
#include <stdio.h>

#include "db/db.h"
#include "tenancy/members.h"

#define AT(name) name "@example.test"
#define ID_ROLE "{\"id\":\"%.*s\",\"role\":\"%s\"}"
#define ORG_ROLE "{\"orgId\":\"org\",\"memberId\":\"%.*s\",\"role\":\"%s\"}"
#define ORG_ID "{\"orgId\":\"org\",\"memberId\":\"%.*s\"}"

struct staff {
    struct str owner, admin, member, viewer;
};

/* ann OWNER, ada ADMIN, mia MEMBER, vic VIEWER, at both levels. */
static struct staff staff_hired(struct rooms *r)
{
    struct staff s;
    browser_begin(r);
    s.owner = person_added(r, "ann", "OWNER");
    s.admin = person_added(r, "ada", "ADMIN");
    s.member = person_added(r, "mia", "MEMBER");
    s.viewer = person_added(r, "vic", "VIEWER");
    return s;
}

static struct call *answered(struct rooms *r, const char *as, const char *op, const char *arguments)
{
    return operate_in(r->arena, r, as, op, arguments);
}

static void body_of(struct rooms *r, const char *as, const char *op, const char *arguments,
                    const char *part)
{
    struct str body = answered(r, as, op, arguments)->reply.body;
    if (str_find(body, str_of(part)) == SIZE_MAX)
        fail_msg("no %s in %.*s", part, STR_ARG(body));
}

/* ---- roles ---- */

static void nobody_raises_above_themself(void **state)
{
    ROOMS(state);
    struct staff s = staff_hired(r);
    /* In the workspace ada is only what the organisation makes of her: ADMIN. */
    assert_int_equal(operate_as(r, AT("ada"), "update_member", ID_ROLE, STR_ARG(s.member), "OWNER"),
                     403);
    assert_int_equal(operate_as(r, AT("ada"), "update_member", ID_ROLE, STR_ARG(s.admin), "OWNER"),
                     403);
    assert_int_equal(operate_as(r, AT("ada"), "update_member", ID_ROLE, STR_ARG(s.owner), "MEMBER"),
                     403);
    assert_int_equal(
        operate_as(r, AT("ada"), "remove_member", "{\"id\":\"%.*s\"}", STR_ARG(s.owner)), 403);
    assert_int_equal(operate_as(r, AT("mia"), "update_member", ID_ROLE, STR_ARG(s.member), "ADMIN"),
                     403);
    assert_int_equal(operate_as(r, AT("ada"), "update_member", ID_ROLE, STR_ARG(s.member), "ADMIN"),
                     200);
    assert_int_equal(
        operate_as(r, AT("ada"), "update_member", ID_ROLE, STR_ARG(s.member), "NOBODY"), 400);
    assert_int_equal(operate_as(r, AT("ada"), "update_member", ID_ROLE, 2, "no", "ADMIN"), 404);
    /* mia is ADMIN here, and still only a MEMBER of the organisation. */
    assert_int_equal(
        operate_as(r, AT("mia"), "update_member", ID_ROLE, STR_ARG(s.viewer), "MEMBER"), 200);
    assert_int_equal(operate_as(r, AT("mia"), "update_organization_member", ORG_ROLE,
                                STR_ARG(s.viewer), "MEMBER"),
                     403);
    assert_int_equal(operate_as(r, AT("ada"), "update_organization_member", ORG_ROLE,
                                STR_ARG(s.viewer), "OWNER"),
                     403);
    assert_int_equal(
        operate_as(r, AT("ada"), "update_organization_member", ORG_ROLE, STR_ARG(s.owner), "ADMIN"),
        403);
    assert_int_equal(operate_as(r, AT("ada"), "update_organization_member", ORG_ROLE,
                                STR_ARG(s.viewer), "ADMIN"),
                     200);
    body_of(r, AT("vic"), "get_current_context", "{}", "\"role\":\"ADMIN\"");
    browser_end(r);
}

static void versions_are_kept(void **state)
{
    ROOMS(state);
    struct staff s = staff_hired(r);
    static const char change[] = "{\"id\":\"%.*s\",\"role\":\"%s\",\"version\":%d}";
    assert_int_equal(
        operate_as(r, AT("ann"), "update_member", change, STR_ARG(s.member), "VIEWER", 1), 200);
    assert_int_equal(
        operate_as(r, AT("ann"), "update_member", change, STR_ARG(s.member), "ADMIN", 1), 409);
    assert_int_equal(
        operate_as(r, AT("ann"), "update_member", change, STR_ARG(s.member), "ADMIN", 2), 200);
    assert_int_equal(operate_as(r, AT("ann"), "update_organization",
                                "{\"orgId\":\"org\",\"name\":\"New\",\"version\":7}"),
                     409);
    body_of(r, AT("ann"), "update_organization", "{\"orgId\":\"org\",\"name\":\"New\"}",
            "\"name\":\"New\",\"role\":\"OWNER\",\"version\":2");
    browser_end(r);
}

/* ---- the last OWNER ---- */

static void an_owner_remains(void **state)
{
    ROOMS(state);
    struct staff s = staff_hired(r);
    assert_int_equal(operate_as(r, AT("ann"), "update_member", ID_ROLE, STR_ARG(s.owner), "ADMIN"),
                     409);
    assert_int_equal(
        operate_as(r, AT("ann"), "update_organization_member", ORG_ROLE, STR_ARG(s.owner), "ADMIN"),
        409);
    assert_int_equal(
        operate_as(r, AT("ann"), "remove_organization_member", ORG_ID, STR_ARG(s.owner)), 409);
    assert_int_equal(operate_as(r, NULL, "update_member", ID_ROLE, STR_ARG(s.owner), "VIEWER"),
                     409);
    /* Another OWNER of the organisation is none of the workspace. */
    assert_int_equal(
        operate_as(r, AT("ann"), "update_organization_member", ORG_ROLE, STR_ARG(s.admin), "OWNER"),
        200);
    assert_int_equal(operate_as(r, AT("ann"), "update_member", ID_ROLE, STR_ARG(s.owner), "ADMIN"),
                     409);
    assert_int_equal(
        operate_as(r, AT("ada"), "remove_organization_member", ORG_ID, STR_ARG(s.owner)), 409);
    assert_int_equal(operate_as(r, AT("ada"), "update_member", ID_ROLE, STR_ARG(s.admin), "OWNER"),
                     200);
    assert_int_equal(
        operate_as(r, AT("ada"), "remove_organization_member", ORG_ID, STR_ARG(s.owner)), 200);
    assert_int_equal(
        operate_as(r, AT("ada"), "remove_organization_member", ORG_ID, STR_ARG(s.admin)), 409);
    browser_end(r);
}

enum { RACERS = 4, ROUNDS = 12 };

struct racer {
    pthread_barrier_t *start;
    struct rooms *r;
    char email[32], operation[32], arguments[256];
    int status;
};

static void *race(void *arg)
{
    struct racer *me = arg;
    struct arena *a = arena_new(0);
    pthread_barrier_wait(me->start);
    me->status = operate_in(a, me->r, me->email, me->operation, me->arguments)->reply.status;
    arena_free(a);
    return NULL;
}

struct owners {
    struct str ids[RACERS];
    size_t in_workspace, in_organization;
};

static enum err owners_count(struct cx *cx, void *arg)
{
    struct owners *o = arg;
    struct tenancy_member m;
    o->in_workspace = o->in_organization = 0;
    for (size_t i = 0; i < RACERS; i++) {
        if (tenancy_org_member_get(cx, o->ids[i], &m) == OK && m.role == ROLE_OWNER)
            o->in_organization++;
        if (tenancy_member_get(cx, o->ids[i], &m) == OK && m.role == ROLE_OWNER)
            o->in_workspace++;
    }
    cx_clear_failure(cx);
    return OK;
}

/* Four OWNERs, each lowering the next at the same moment: at least one is left, every time. */
static void race_once(struct rooms *r, struct owners *o, bool org)
{
    struct racer racers[RACERS] = { 0 };
    pthread_t threads[RACERS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        struct racer *me = &racers[i];
        *me = (struct racer){ .start = &start, .r = r };
        snprintf(me->email, sizeof me->email, "o%zu@example.test", i);
        struct str next = o->ids[(i + 1) % RACERS];
        snprintf(me->operation, sizeof me->operation, "%s",
                 org ? "update_organization_member" : "update_member");
        if (org)
            snprintf(me->arguments, sizeof me->arguments, ORG_ROLE, STR_ARG(next), "MEMBER");
        else
            snprintf(me->arguments, sizeof me->arguments, ID_ROLE, STR_ARG(next), "MEMBER");
        assert_int_equal(pthread_create(&threads[i], NULL, race, me), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        if (racers[i].status != 200 && racers[i].status != 403 && racers[i].status != 409)
            fail_msg("racer %zu: %d", i, racers[i].status);
    }
    pthread_barrier_destroy(&start);
}

static void owners_lower_each_other_at_once(void **state)
{
    ROOMS(state);
    struct owners o = { 0 };
    size_t lowered = 0;
    browser_begin(r);
    for (size_t i = 0; i < RACERS; i++) {
        char name[8];
        snprintf(name, sizeof name, "o%zu", i);
        o.ids[i] = person_added(r, name, "OWNER");
    }
    for (int round = 0; round < ROUNDS; round++) {
        race_once(r, &o, round % 2);
        assert_ok(&r->cx, db_read(&r->cx, owners_count, &o));
        assert_true(o.in_workspace >= 1 && o.in_organization >= 1);
        lowered += 2 * RACERS - o.in_workspace - o.in_organization;
        for (size_t i = 0; i < RACERS; i++) {
            assert_int_equal(operate_as(r, NULL, "update_organization_member", ORG_ROLE,
                                        STR_ARG(o.ids[i]), "OWNER"),
                             200);
            assert_int_equal(
                operate_as(r, NULL, "update_member", ID_ROLE, STR_ARG(o.ids[i]), "OWNER"), 200);
        }
    }
    assert_true(lowered >= ROUNDS); /* somebody got through each time */
    browser_end(r);
}

static enum err retire_run(struct cx *cx, void *arg)
{
    struct tenancy_member m;
    return tenancy_member_change(cx, *(struct str *)arg, ROLE_MEMBER, 0, &m);
}

/* The rule is the area's, not the gate's. */
static void two_owners_by_the_area_alone(void **state)
{
    ROOMS(state);
    browser_begin(r);
    struct str one = person_added(r, "one", "OWNER"), two = person_added(r, "two", "OWNER");
    r->cx.principal.user_id = one;
    assert_ok(&r->cx, db_write(&r->cx, retire_run, &two));
    assert_int_equal(db_write(&r->cx, retire_run, &one), ERR_CONFLICT);
    browser_end(r);
}

/* ---- removal ---- */

static int sign_in_as(struct browser *b, const char *name)
{
    char form[128];
    b->r->cx.now_ms += 6 * 60 * 1000;
    csrf_get(b);
    snprintf(form, sizeof form, "email=%s%%40example.test&password=correct+horse&json=true", name);
    return post_form(b, SIGN_IN, form);
}

static void removal_ends_sessions(void **state)
{
    ROOMS(state);
    struct staff s = staff_hired(r);
    struct browser mia = { .r = r }, vic = { .r = r };
    assert_int_equal(sign_in_as(&mia, "mia"), 200);
    assert_int_equal(sign_in_as(&vic, "vic"), 200);
    assert_int_equal(ask(&mia, "GET", "/api/members", NULL, NULL), 200);
    assert_int_equal(
        operate_as(r, AT("ada"), "remove_member", "{\"id\":\"%.*s\"}", STR_ARG(s.member)), 200);
    assert_int_equal(ask(&mia, "GET", "/api/me", NULL, NULL), 401);
    assert_int_equal(ask(&vic, "GET", "/api/me", NULL, NULL), 200);
    assert_int_equal(
        operate_as(r, AT("ada"), "remove_member", "{\"id\":\"%.*s\"}", STR_ARG(s.member)), 404);
    /* It was her last workspace: she may sign in, and acts nowhere. */
    assert_int_equal(sign_in_as(&mia, "mia"), 200);
    assert_int_equal(ask(&mia, "GET", "/api/me", NULL, NULL), 200);
    body_has(&mia, "\"role\":null");
    body_has(&mia, "\"workspaces\":[]");
    assert_int_equal(ask(&mia, "GET", "/api/members", NULL, NULL), 403);
    assert_int_equal(ask(&mia, "GET", "/api/members", "x-workspace-id: one", NULL), 404);
    assert_int_equal(ask(&mia, "GET", "/api/organizations", NULL, NULL), 200);
    body_has(&mia, "\"organizations\":[]");
    assert_int_equal(ask(&mia, "GET", "/api/organizations/org", NULL, NULL), 404);
    /* A role holds from the next request on. */
    assert_int_equal(ask(&vic, "GET", "/api/invites", NULL, NULL), 403);
    assert_int_equal(operate_as(r, AT("ann"), "update_member", ID_ROLE, STR_ARG(s.viewer), "ADMIN"),
                     200);
    assert_int_equal(ask(&vic, "GET", "/api/invites", NULL, NULL), 200);
    assert_int_equal(
        operate_as(r, AT("ann"), "update_member", ID_ROLE, STR_ARG(s.viewer), "VIEWER"), 200);
    assert_int_equal(ask(&vic, "GET", "/api/invites", NULL, NULL), 403);
    browser_end(r);
}

static void who_acts_by_the_organisation(void **state)
{
    ROOMS(state);
    struct staff s = staff_hired(r);
    /* Workspace two has nobody of its own; OWNER and ADMIN act there all the same. */
    struct browser ann = { .r = r };
    assert_int_equal(sign_in_as(&ann, "ann"), 200);
    assert_int_equal(ask(&ann, "GET", "/api/members", "x-workspace-id: two", NULL), 200);
    body_has(&ann, "\"email\":\"ada@example.test\"");
    body_has(&ann, "\"role\":null,\"organizationRole\":\"ADMIN\"");
    assert_true(str_find(ann.body, STR("mia@example.test")) == SIZE_MAX);
    assert_int_equal(
        operate_as(r, AT("ann"), "remove_member", "{\"id\":\"%.*s\"}", STR_ARG(s.admin)), 409);
    body_of(r, AT("ann"), "list_organization_workspaces", "{\"orgId\":\"org\"}", "\"id\":\"two\"");
    struct str seen =
        answered(r, AT("mia"), "list_organization_workspaces", "{\"orgId\":\"org\"}")->reply.body;
    assert_true(str_find(seen, STR("\"id\":\"one\"")) != SIZE_MAX);
    assert_true(str_find(seen, STR("\"id\":\"two\"")) == SIZE_MAX);
    /* Lowered in the organisation, she is what the workspace says. */
    assert_int_equal(operate_as(r, AT("ann"), "update_organization_member", ORG_ROLE,
                                STR_ARG(s.admin), "MEMBER"),
                     200);
    assert_int_equal(
        operate_as(r, AT("ann"), "remove_member", "{\"id\":\"%.*s\"}", STR_ARG(s.admin)), 200);
    browser_end(r);
}

/* ---- organisations ---- */

static void foreign_organisations_are_not_there(void **state)
{
    ROOMS(state);
    struct staff s = staff_hired(r);
    static const char *const ops[] = { "get_organization", "list_organization_workspaces",
                                       "list_organization_members" };
    for (size_t i = 0; i < 3; i++) {
        struct call *foreign = answered(r, AT("ann"), ops[i], "{\"orgId\":\"other\"}");
        assert_int_equal(foreign->reply.status, 404);
        assert_int_equal(answered(r, AT("ann"), ops[i], "{}")->reply.status, 404);
        assert_int_equal(answered(r, AT("ann"), ops[i], "{\"orgId\":7}")->reply.status, 404);
    }
    assert_int_equal(operate_as(r, AT("mia"), "list_organization_members", "{\"orgId\":\"org\"}"),
                     403);
    assert_int_equal(operate_as(r, AT("ada"), "get_organization_member", ORG_ID, 3, "eve"), 404);
    assert_int_equal(operate_as(r, AT("ada"), "get_organization_member", ORG_ID, STR_ARG(s.viewer)),
                     200);
    browser_end(r);
}

static void workspaces_are_made(void **state)
{
    ROOMS(state);
    staff_hired(r);
    static const char make[] = "{\"orgId\":\"org\",\"name\":\"%s\",\"timeZone\":\"%s\"}";
    assert_int_equal(operate_as(r, AT("mia"), "create_workspace", make, "X", "UTC"), 403);
    assert_int_equal(operate_as(r, AT("ada"), "create_workspace", make, "X", "Nowhere/Land"), 400);
    struct call *c =
        answered(r, AT("ada"), "create_workspace",
                 "{\"orgId\":\"org\",\"name\":\"Desk\",\"timeZone\":\"Europe/Madrid\"}");
    assert_int_equal(c->reply.status, 201);
    struct str id = answer_text(r, c->reply.body, "workspace", "id");
    assert_int_equal(
        operate_as(r, AT("ada"), "switch_workspace", "{\"workspaceId\":\"%.*s\"}", STR_ARG(id)),
        200);
    body_of(r, AT("ada"), "get_workspace_settings", "{}",
            "\"name\":\"Desk\",\"timeZone\":\"Europe/Madrid\"");
    body_of(r, AT("ada"), "get_current_context", "{}", "\"role\":\"OWNER\"");
    body_of(r, AT("ada"), "list_addons", "{}", "\"status\":\"ACTIVE\"");
    for (int i = 0; i < TENANCY_WORKSPACES_MAX - 3; i++)
        assert_int_equal(operate_as(r, NULL, "create_workspace", make, "Y", "UTC"), 201);
    assert_int_equal(operate_as(r, NULL, "create_workspace", make, "Y", "UTC"), 409);
    browser_end(r);
}

static void reset_of_a_second_factor(void **state)
{
    ROOMS(state);
    struct staff s = staff_hired(r);
    assert_int_equal(operate_as(r, AT("mia"), "enrol_totp", "{}"), 200);
    assert_int_equal(operate_as(r, AT("ann"), "enrol_totp", "{}"), 200);
    assert_int_equal(operate_as(r, AT("mia"), "reset_member_totp", ORG_ID, STR_ARG(s.member)), 403);
    assert_int_equal(operate_as(r, AT("ada"), "reset_member_totp", ORG_ID, STR_ARG(s.owner)), 403);
    struct browser mia = { .r = r };
    assert_int_equal(sign_in_as(&mia, "mia"), 200);
    assert_int_equal(operate_as(r, AT("ada"), "reset_member_totp", ORG_ID, STR_ARG(s.member)), 200);
    assert_int_equal(ask(&mia, "GET", "/api/me", NULL, NULL), 401);
    assert_int_equal(operate_as(r, AT("ada"), "reset_member_totp", ORG_ID, STR_ARG(s.member)), 409);
    assert_int_equal(operate_as(r, AT("ada"), "reset_member_totp", ORG_ID, 3, "eve"), 404);
    browser_end(r);
}

/* ---- settings, addons ---- */

static void settings_change_by_what_is_given(void **state)
{
    ROOMS(state);
    staff_hired(r);
    static const char op[] = "update_workspace_settings";
    assert_int_equal(operate_as(r, AT("mia"), op, "{\"workerLevel\":2}"), 403);
    assert_int_equal(operate_as(r, AT("vic"), "get_workspace_settings", "{}"), 200);
    assert_int_equal(operate_as(r, AT("ada"), op, "{\"workerLevel\":4}"), 400);
    assert_int_equal(operate_as(r, AT("ada"), op, "{\"timeZone\":\"../etc/passwd\"}"), 400);
    body_of(r, AT("ada"), op, "{\"workerLevel\":0,\"writesPerDay\":0,\"identityMatching\":true}",
            "\"writesPerDay\":0,\"identityMatching\":true,\"workerLevel\":0,");
    body_of(r, AT("ada"), op, "{\"timeZone\":\"Asia/Tokyo\",\"version\":2}",
            "\"timeZone\":\"Asia/Tokyo\",\"scannerDays\":90");
    body_of(r, AT("ada"), op, "{\"name\":\"Late\",\"version\":2}", "VERSION_CONFLICT");
    body_of(r, AT("ada"), op, "{\"identityMatching\":false,\"writesPerDay\":200}",
            "\"writesPerDay\":200,\"identityMatching\":false,\"workerLevel\":0,");
    browser_end(r);
}

static void addons_come_and_go(void **state)
{
    ROOMS(state);
    staff_hired(r);
    static const char install[] = "{\"addonKey\":\"ai-agent\"}", key[] = "{\"key\":\"ai-agent\"}";
    body_of(r, AT("vic"), "list_addons", "{}", "\"status\":\"NOT_INSTALLED\"");
    assert_int_equal(operate_as(r, AT("mia"), "install_addon", "%s", install), 403);
    assert_int_equal(operate_as(r, AT("ada"), "install_addon", "{\"addonKey\":\"nothing\"}"), 404);
    assert_int_equal(operate_as(r, AT("ada"), "install_addon", "%s", install), 201);
    assert_int_equal(operate_as(r, AT("ada"), "install_addon", "%s", install), 409);
    body_of(r, AT("ada"), "update_addon", "{\"key\":\"ai-agent\",\"status\":\"DISABLED\"}",
            "\"status\":\"DISABLED\"");
    assert_int_equal(operate_as(r, AT("ada"), "uninstall_addon", "%s", key), 200);
    assert_int_equal(operate_as(r, AT("ada"), "uninstall_addon", "%s", key), 404);
    browser_end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(nobody_raises_above_themself),
        ROOMS_TEST(versions_are_kept),
        ROOMS_TEST(an_owner_remains),
        ROOMS_TEST(owners_lower_each_other_at_once),
        ROOMS_TEST(two_owners_by_the_area_alone),
        ROOMS_TEST(removal_ends_sessions),
        ROOMS_TEST(who_acts_by_the_organisation),
        ROOMS_TEST(foreign_organisations_are_not_there),
        ROOMS_TEST(workspaces_are_made),
        ROOMS_TEST(reset_of_a_second_factor),
        ROOMS_TEST(settings_change_by_what_is_given),
        ROOMS_TEST(addons_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
