/* See stem.h. */
#include "search/stem.h"

#include <stdbool.h>

static bool ascii_word(const char *w, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (w[i] < 'a' || w[i] > 'z')
            return false;
    return true;
}

size_t stem_english(char *w, size_t len)
{
    if (len < 3 || w[len - 1] != 's' || !ascii_word(w, len))
        return len;
    char before = w[len - 2];
    if (before == 'u' || before == 's')
        return len;
    if (before != 'e')
        return len - 1;
    if (len > 3 && w[len - 3] == 'i' && w[len - 4] != 'a' && w[len - 4] != 'e') {
        w[len - 3] = 'y';
        return len - 2;
    }
    /* Also -aies, -eies: as they are. */
    if (w[len - 3] == 'i' || w[len - 3] == 'a' || w[len - 3] == 'o' || w[len - 3] == 'e')
        return len;
    return len - 1;
}
