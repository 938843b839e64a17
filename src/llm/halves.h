/* Inside llm/: characters that a server cut in half.
 *
 * Servers written in JavaScript slice strings by UTF-16 units: a character beyond U+FFFF may come
 * as
 * "\ud83d" at the end of one delta and "\udc4b" at the start of the next. Both are JSON (RFC 8259,
 * section 8.2), but no text, and our reader refuses them. */
#ifndef LLM_HALVES_H
#define LLM_HALVES_H

#include "base/buf.h"

/* JSON text with every lone half in it written as a mark that the JSON reader takes: U+10FFFE, a
 * noncharacter, and one of U+E000-U+E7FF. *ret is `json` itself when there is none. False: there
 * is, and the text holds U+10FFFE of its own. */
bool halves_mark(struct arena *a, struct str json, struct str *ret);

/* Takes the marks out of the next piece of a text: `*half` is the high half that the piece before
 * ended with (0: none), and becomes that of this one. False: a half has no other half. */
bool halves_join(struct arena *a, struct str piece, uint32_t *half, struct str *ret);

#endif
