"""`GET /v1/openapi.json`: the API as OpenAPI 3.1, built once from the tables that the code uses.

An event's members are the parameters of `schemas.hit` and those of `collector.routes.events`.
"""

from typing import Any, Final

import orjson
from aiohttp import web

from collector.problem_json import PROBLEM_TYPE
from collector.routes import events
from collector.settings import CollectorSettings
from schemas import hit
from schemas.limits import API_EVENTS_MAX

PATH: Final = "/v1/openapi.json"
_SCALAR: Final = {"type": ["string", "number", "null"]}
_REFUSALS: Final = {
    400: "The body is not JSON, not gzip though it says so, or broke off.",
    401: "No key, or one that is not known, revoked or expired.",
    403: "The key has not this scope, or its site is not served here.",
    408: "The body did not arrive in time.",
    413: "The body is too large, inflated.",
    415: "Not `application/json`, or another encoding than gzip.",
    422: f"Not a list of 1 to {API_EVENTS_MAX} objects.",
    429: "The key's rate is used up: `Retry-After` says for how many seconds.",
    503: "Nothing is kept: send all of it again after `Retry-After` seconds.",
}
_CONSENT: Final = {
    "consent": "`granted` or `denied`.",
    "gdpr": "`1` if the TCF string applies.",
    "gdpr_consent": "A TCF string.",
    "gpp": "A GPP string.",
    "gpp_sid": "The sections of the GPP string that apply.",
    "us_privacy": "A US Privacy string.",
}


def add(app: web.Application, settings: CollectorSettings) -> None:
    """Add the route."""
    body = orjson.dumps(document())

    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app.router.add_get(PATH, serve)


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Heliograph",
            "version": "1",
            "description": "Events from a site's server. See docs/server-to-server.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {events.PATH: {"post": _post_events()}, PATH: {"get": _get_document()}},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Event": _event(), "Result": _result(), "Problem": _problem()},
        },
    }


def _post_events() -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    events_list = {"type": "array", "items": event, "minItems": 1, "maxItems": API_EVENTS_MAX}
    wait = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
    responses: dict[str, Any] = {
        "200": {
            "description": "What is accepted is kept; what is rejected has its reason.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Result"}}},
        }
    }
    for status, about in _REFUSALS.items():
        responses[str(status)] = {
            "description": about,
            "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    for status in (429, 503):
        responses[str(status)]["headers"] = {"Retry-After": wait}
    return {
        "operationId": "sendEvents",
        "summary": "Send events; the body may be gzipped (`Content-Encoding: gzip`).",
        "security": [{"key": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [events_list, event]}}},
        },
        "responses": responses,
    }


def _get_document() -> dict[str, Any]:
    return {
        "operationId": "readDocument",
        "summary": "This document.",
        "responses": {
            "200": {
                "description": "OpenAPI 3.1.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    }


def _event() -> dict[str, Any]:
    """Return the schema of an event: any member may be there, these mean something."""
    members: dict[str, Any] = {
        field.parameter: {**_SCALAR, "description": field.about}
        for field in hit.BY_PARAMETER.values()
    }
    for name, about in (*_CONSENT.items(), *events.MEMBERS.items()):
        members[name] = {**_SCALAR, "description": about}
    members["p"] = {"type": "object", "description": hit.BY_NAME["properties"].about}
    return {"type": "object", "properties": members}


def _result() -> dict[str, Any]:
    rejected = {
        "type": "object",
        "required": ["index", "reason"],
        "properties": {
            "index": {"type": "integer", "minimum": 0, "description": "Its place in the list."},
            "reason": {"type": "string", "description": "The member, and what is wrong with it."},
        },
    }
    return {
        "type": "object",
        "required": ["accepted", "rejected"],
        "properties": {
            "accepted": {"type": "integer", "minimum": 0},
            "rejected": {"type": "array", "items": rejected},
        },
    }


def _problem() -> dict[str, Any]:
    """Return the schema of RFC 9457 as `collector.problem_json` fills it."""
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
