/* The console and the manual: files that were built, compressed and linked into the program.
 *
 * Owns which file answers which path, and the page's nonce. Built without the console (meson
 * -Dconsole=false) the table is empty and the front page says where the API is. */
#ifndef HTTP_CONSOLE_H
#define HTTP_CONSOLE_H

#include "op/op.h"

/* One file. The generated table (tools/embed.py) is sorted by name, so that a look-up is a
 * bisection. */
struct console_file {
    const char *name;         /* "assets/index-4f2a.js", "docs/operations" */
    const char *content_type; /* what is served */
    const unsigned char *bytes;
    size_t len;
    bool gzip; /* `bytes` are compressed */
};
extern const struct console_file console_files[];
extern const size_t console_files_count;

/* The page with the nonce put in, for any route of the console. */
enum err console_page(struct cx *cx, struct download *ret);
/* `folder` is "assets" or "docs", `name` the rest of the path; NOT_FOUND. */
enum err console_file(struct cx *cx, const char *folder, struct str name, struct download *ret);

#endif
