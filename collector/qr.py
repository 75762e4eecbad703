"""A link as a QR code, as SVG for pages, files and print.

Drawing takes milliseconds of a core, so a worker draws for nobody who may not sign links too.
"""

from io import BytesIO
from typing import Final

import segno

# A sixth of the code may be scratched (ISO/IEC 18004, level M).
ERROR_LEVEL: Final = "m"
# Pixels of a module where nobody says how large the picture is.
MODULE_PIXELS: Final = 4
# What the largest code of level M takes (version 40, bytes).
QR_BYTES_MAX: Final = 2331


def qr_svg(text: str) -> bytes | None:
    """Return an SVG file, black on white with the quiet zone; None for a text that is too long."""
    if len(text.encode()) > QR_BYTES_MAX:
        return None
    file = BytesIO()
    segno.make_qr(text, error=ERROR_LEVEL, boost_error=False, encoding="utf-8").save(
        file, kind="svg", scale=MODULE_PIXELS, dark="#000", light="#fff", svgclass=None,
        lineclass=None, omitsize=True, xmldecl=False, nl=False,
    )  # fmt: skip
    return file.getvalue()
