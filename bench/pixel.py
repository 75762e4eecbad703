"""Asks for the pixel once and leaves the connection open: a probe, and an idle connection."""

import socket

from bench import traffic
from bench.answers import BadAnswerError, is_whole

ANSWER_SECONDS_MAX = 10.0


def ask(port: int, browser: int = 1) -> socket.socket:
    """Return a connection on which the pixel was answered; raises OSError if it was not."""
    sock = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS_MAX)
    try:
        request = traffic.request_lines(count=1)[0] + traffic.header_block(browser, keep_alive=True)
        sock.sendall(request)
        _await_answer(sock)
    except (OSError, BadAnswerError):
        sock.close()
        raise
    return sock


def answers(port: int) -> bool:
    """Tell whether the pixel is answered on a port."""
    try:
        ask(port).close()
    except OSError:
        return False
    return True


def _await_answer(sock: socket.socket) -> None:
    answer = b""
    while not is_whole(answer):
        data = sock.recv(4_096)
        if not data:
            raise ConnectionError("the connection was closed before the answer")
        answer += data
