/* Pages of lists by keyset: what every list does alike, said once.
 *
 * A list names what it is sorted by, as members of the struct of its rows. A place in the list is
 * such a struct with these members set; a cursor is a place, opaque to clients.
 *
 *     static const struct page_list things = PAGE_LIST("things", struct thing_list_row,
 *                                                      PAGE_KEY(struct thing_list_row, created_at),
 *                                                      PAGE_KEY(struct thing_list_row, id));
 *     struct thing_list_row *rows, from = { .created_at = INT64_MAX, .id = PAGE_LAST_ID };
 *     TRY(page_begin(cx, &things, &in->page, &from));
 *     … rows behind `from`, in->page.limit + 1 of them at the most …
 *     count = page_end(cx, &things, &in->page, rows, count, &out->pagination);
 */
#ifndef OP_PAGE_H
#define OP_PAGE_H

#include "op/field.h"

#define PAGE_LIMIT_DEFAULT 50
#define PAGE_LIMIT_MAX 100
#define PAGE_LAST_ID STR("~") /* behind every id */

/* ---- what a list takes and gives ---- */

struct page_in {
    int64_t limit;
    struct str cursor; /* from an earlier answer; absent: the first page */
};
struct page_out {
    int64_t limit;
    bool has_more;
    struct str next_cursor; /* absent on the last page */
};
/* Rows of the input table: .limit and .cursor of a `struct page_in page` member. */
#define FIELD_PAGE_LIMIT(in_struct, most, usual)                                                   \
    {                                                                                              \
        .name = "limit", .type = FIELD_INT, .from = FROM_QUERY,                                    \
        .offset = offsetof(in_struct, page.limit), .min = 1, .max = (most), .def = (usual),        \
        .doc = "Most rows to answer"                                                               \
    }
#define FIELD_PAGE_CURSOR(in_struct)                                                               \
    {                                                                                              \
        .name = "cursor", .type = FIELD_STR, .from = FROM_QUERY,                                   \
        .offset = offsetof(in_struct, page.cursor), .max = 512,                                    \
        .doc = "nextCursor of the page before"                                                     \
    }
#define FIELD_PAGE_IN(in_struct)                                                                   \
    FIELD_PAGE_LIMIT(in_struct, PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT), FIELD_PAGE_CURSOR(in_struct)
extern const struct field page_out_fields[];
#define FIELD_PAGE_OUT(out_struct)                                                                 \
    {                                                                                              \
        .name = "pagination", .type = FIELD_OBJECT, .flags = FIELD_REQUIRED,                       \
        .offset = offsetof(out_struct, pagination), .fields = page_out_fields,                     \
        .doc = "Where the list goes on"                                                            \
    }

/* ---- what it is sorted by ---- */

enum page_key_type { PAGE_KEY_INT = 1, PAGE_KEY_STR };
struct page_key {
    enum page_key_type type;
    size_t offset;
};
#define PAGE_KEYS_MAX 3
struct page_list {
    const char *name; /* stands in its cursors: that of another list is refused */
    size_t row_size;
    struct page_key keys[PAGE_KEYS_MAX]; /* in the order of its ORDER BY; type 0 ends them */
    const char *field;                   /* that takes the cursor; NULL: "cursor" */
};
/* A member that is neither int64_t nor struct str does not compile. */
#define PAGE_KEY(row, member)                                                                      \
    {                                                                                              \
        _Generic((row){}.member, int64_t                                                           \
                 : PAGE_KEY_INT, struct str                                                        \
                 : PAGE_KEY_STR),                                                                  \
            offsetof(row, member)                                                                  \
    }
#define PAGE_LIST(name_, row, ...)                                                                 \
    {                                                                                              \
        .name = (name_), .row_size = sizeof(row), .keys = { __VA_ARGS__ }                          \
    }

/* ---- a page ---- */

/* `from` holds what stands before the first row; a cursor puts its place there. VALIDATION for one
 * that is not of this list, or cut, or made up. */
enum err page_begin(struct cx *cx, const struct page_list *list, const struct page_in *page,
                    void *from);
/* Of `found` rows, the limit and one more where there are so many: how many the page shows. Fills
 * in *ret where the list goes on. */
size_t page_end(struct cx *cx, const struct page_list *list, const struct page_in *page,
                const void *rows, size_t found, struct page_out *ret);
/* The same for a list that knows itself where it goes on: behind `last`; NULL: nowhere. */
void page_go_on(struct cx *cx, const struct page_list *list, const struct page_in *page,
                const void *last, struct page_out *ret);

#endif
