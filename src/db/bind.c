/* Goal: rows of a statement in the call's arena, with few copies. See bind.h. */
#include "db/bind.h"

#include <string.h>

enum { ROWS_FIRST = 16 };

struct str db_copy(struct cx *cx, struct str s)
{
    return s.len ? str_copy(cx->arena, s) : STR("");
}

void *db_rows_next(struct cx *cx, struct db_rows *rows)
{
    if (rows->count == DB_ROWS_MAX)
        return NULL;
    if (rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : ROWS_FIRST;
        char *grown = arena_array(cx->arena, room, rows->row_size);
        if (rows->count)
            memcpy(grown, rows->rows, rows->count * rows->row_size);
        rows->rows = grown;
        rows->room = room;
    }
    return (char *)rows->rows + rows->count++ * rows->row_size;
}
