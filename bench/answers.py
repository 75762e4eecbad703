"""What a pixel's answer must be: status 200, one body of the 43 bytes of a GIF, nothing after it.

Pure bytes in, verdict out; every answer of a run is checked, since a server that errs is fast.
"""

GIF_BYTES = 43
_STATUS = b"HTTP/1.1 200 "
_MAGIC = b"GIF89a"
_HEAD_BYTES_MAX = 8_192


class BadAnswerError(Exception):
    """The server answered something that is not the pixel; the message is its first bytes."""


def is_whole(answer: bytes) -> bool:
    """Tell whether the answer is complete; raises BadAnswerError as soon as it can't become one."""
    head = answer.find(b"\r\n\r\n")
    if not answer.startswith(_STATUS[: len(answer)]) or (
        head < 0 and len(answer) > _HEAD_BYTES_MAX
    ):
        raise BadAnswerError(_shown(answer))
    if head < 0:
        return False
    body = answer[head + 4 :]
    if _declared_bytes(answer[:head]) != GIF_BYTES or len(body) > GIF_BYTES:
        raise BadAnswerError(_shown(answer))
    if not body.startswith(_MAGIC[: len(body)]):
        raise BadAnswerError(_shown(answer))
    return len(body) == GIF_BYTES


def looks_like(answer: bytes, answer_bytes: int) -> bool:
    """Tell, cheaply, whether this is a whole answer of a length that `is_whole` has seen."""
    return (
        len(answer) == answer_bytes
        and answer.startswith(_STATUS)
        and answer.startswith(_MAGIC, answer_bytes - GIF_BYTES)
    )


def _declared_bytes(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value) if value.strip().isdigit() else -1
    return -1


def _shown(answer: bytes) -> str:
    return answer[:80].decode("latin-1")
