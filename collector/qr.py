"""A link as a QR code: one SVG element that may stand in a page, in a file or in print.

Drawing takes milliseconds of a core, so nobody may ask a worker for it who may not sign links too.
"""

from typing import Final

import segno

# Half of the code's error levels: a scratch of 15 % is mended (ISO/IEC 18004, level M).
ERROR_LEVEL: Final = "m"
# Each module is four pixels wide in a page; SVG scales.
MODULE_PIXELS: Final = 4
# What the largest code of level M takes (version 40, bytes).
QR_BYTES_MAX: Final = 2331


def qr_svg(text: str) -> str | None:
    """Return a text as SVG, black on white with the quiet zone; None for one that is too long."""
    if len(text.encode()) > QR_BYTES_MAX:
        return None
    code = segno.make_qr(text, error=ERROR_LEVEL, boost_error=False)
    return code.svg_inline(
        scale=MODULE_PIXELS, dark="#000", light="#fff", svgclass=None, lineclass=None, omitsize=True
    )
