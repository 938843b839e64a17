/* Goal: a thread that its user has not named can be told from others: the first line of the first
 * question, cut at a word. */
#include "chat/state.h"

enum { TITLE_CHARS = 60 };

struct str chat_title_of(struct arena *a, struct str text)
{
    struct buf out;
    size_t at = 0, chars = 0, word_end = 0;
    bool space = true, cut = false;
    buf_init(&out, a, 4 * TITLE_CHARS + 8);
    while (at < text.len) {
        uint32_t cp = utf8_next(text, &at);
        bool blank = cp <= 0x20 || cp == 0x7f || cp == 0xa0;
        if (cp == '\n' && out.len)
            break;
        if (blank) {
            word_end = space ? word_end : out.len;
            space = true;
            continue;
        }
        if (chars + (space && out.len) >= TITLE_CHARS) {
            cut = true;
            break;
        }
        if (space && out.len) {
            buf_put_byte(&out, ' ');
            chars++;
        }
        char bytes[4];
        buf_put(&out, bytes, utf8_put(bytes, cp));
        chars++;
        space = false;
    }
    if (cut) {
        if (!space && word_end > out.len / 2)
            out.len = word_end;
        buf_put_cstr(&out, "…");
    }
    return buf_str(&out);
}
