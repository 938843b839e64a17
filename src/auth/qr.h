/* A text as a QR code (ISO/IEC 18004), drawn as SVG. By libqrencode; nobody else includes it. */
#ifndef AUTH_QR_H
#define AUTH_QR_H

#include "base/cx.h"

/* Error correction M, four modules of quiet zone, black on white, one unit a module, no size of its
 * own. `text` has at most 1,000 bytes. */
enum err qr_svg(struct cx *cx, struct str text, struct str *ret);

#endif
