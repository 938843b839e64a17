/* Invariant: the picture is one path of horizontal runs, so that a viewer draws no seams between
 * the modules of a row, and 50 × 50 modules stay below 20 KB. */
#include "auth/qr.h"

#include <assert.h>
#include <qrencode.h>

#include "base/buf.h"

enum { TEXT_BYTES_MAX = 1000, SVG_BYTES_MAX = 256 * 1024, QUIET = 4 };

static void put_row(struct buf *out, const unsigned char *row, int width, int y)
{
    for (int x = 0; x < width;) {
        int begin = x;
        while (x < width && row[x] & 1)
            x++;
        if (x > begin)
            buf_printf(out, "M%d %dh%dv1h-%dz", begin + QUIET, y + QUIET, x - begin, x - begin);
        else
            x++;
    }
}

enum err qr_svg(struct cx *cx, struct str text, struct str *ret)
{
    struct buf out;
    assert(text.len <= TEXT_BYTES_MAX);
    QRcode *code = QRcode_encodeString8bit(str_cstr(cx->arena, text), 0, QR_ECLEVEL_M);
    if (!code)
        return cx_fault(cx, "a text of %zu bytes does not fit into a QR code", text.len);
    int side = code->width + 2 * QUIET;
    buf_init(&out, cx->arena, SVG_BYTES_MAX);
    buf_printf(&out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">"
               "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"",
               side, side, side, side);
    for (int y = 0; y < code->width; y++)
        put_row(&out, code->data + (size_t)y * (size_t)code->width, code->width, y);
    buf_put_cstr(&out, "\"/></svg>");
    QRcode_free(code);
    assert(!out.overflow);
    *ret = buf_str(&out);
    return OK;
}
