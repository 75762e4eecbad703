"""What an answer must be: a pixel's is status 200 and the 43 bytes of a GIF, a beacon's is 204.

Nothing may come after it. Pure bytes in, verdict out; every answer of a run is checked, since a
server that errs is fast.
"""

from dataclasses import dataclass

GIF_BYTES = 43
_HEAD_BYTES_MAX = 8_192


@dataclass(frozen=True, slots=True)
class Expected:
    """How the answer to a kind of request begins, and what its body is."""

    status: bytes
    body_bytes: int
    magic: bytes


PIXEL = Expected(b"HTTP/1.1 200 ", GIF_BYTES, b"GIF89a")
ACCEPTED = Expected(b"HTTP/1.1 204 ", 0, b"")


class BadAnswerError(Exception):
    """The server answered something else than it should; the message is its first bytes."""


def is_whole(answer: bytes, expected: Expected = PIXEL) -> bool:
    """Tell whether the answer is complete; raises BadAnswerError as soon as it can't become one."""
    head = answer.find(b"\r\n\r\n")
    if not answer.startswith(expected.status[: len(answer)]) or (
        head < 0 and len(answer) > _HEAD_BYTES_MAX
    ):
        raise BadAnswerError(_shown(answer))
    if head < 0:
        return False
    body = answer[head + 4 :]
    declared = _declared_bytes(answer[:head])
    # A 204 has no body and need not say so.
    if max(declared, 0) != expected.body_bytes or len(body) > expected.body_bytes:
        raise BadAnswerError(_shown(answer))
    if not body.startswith(expected.magic[: len(body)]):
        raise BadAnswerError(_shown(answer))
    return len(body) == expected.body_bytes


def looks_like(answer: bytes, answer_bytes: int, expected: Expected = PIXEL) -> bool:
    """Tell, cheaply, whether this is a whole answer of a length that `is_whole` has seen."""
    return (
        len(answer) == answer_bytes
        and answer.startswith(expected.status)
        and answer.startswith(expected.magic, answer_bytes - expected.body_bytes)
    )


def _declared_bytes(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value) if value.strip().isdigit() else -1
    return -1


def _shown(answer: bytes) -> str:
    return answer[:80].decode("latin-1")
