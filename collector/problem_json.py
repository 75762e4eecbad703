"""Refusals of the API as machines read them: `application/problem+json` (RFC 9457).

Their type is `about:blank`: the status says what kind of problem it is, `detail` which one. Raise
`Problem` in a handler that `answering_problems` wraps.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias

import orjson
from aiohttp import web

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
PROBLEM_TYPE = "application/problem+json"


class Problem(Exception):
    """A request is refused; `detail` is for a person who writes the client."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}

    def response(self) -> web.Response:
        """Return the answer."""
        content = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return web.Response(
            status=self.status,
            body=orjson.dumps(content),
            content_type=PROBLEM_TYPE,
            headers=self.headers,
        )


def answering_problems(handler: Handler) -> Handler:
    """Return the handler with a Problem raised in it as its answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as problem:
            return problem.response()

    return answer
