"""Audiences over HTTP, for those who hold a key with scope `audiences`, each for its own site.

A process of its own, beside the store and off the collector: who only hands audiences out needs
nothing of the pixel, and the pixel needs no way to the store. Keys are of the collector's file.
"""

import asyncio
import signal
import time
from typing import Final

import orjson
from aiohttp import web

from collector.api_door import ApiDoor
from collector.api_keys import ApiKeys
from collector.problem_json import Problem, answering_problems
from collector.settings import CollectorSettings
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from consumer.store_errors import StoreError
from deploy.audiences.snapshots import FORMATS, handed_out, newest
from schemas.delivery import SinkAway

PATH: Final = "/v1/audiences"
SCOPE: Final = "audiences"


class _Desk:
    def __init__(self, client: StoreClient, door: ApiDoor) -> None:
        self._client = client
        self._door = door

    async def list_all(self, request: web.Request) -> web.Response:
        """Answer the key's audiences and their sizes."""
        key = self._door.admit(request, SCOPE)
        try:
            found = [one for one in await newest(self._client) if one["site"] == key.site]
        except (StoreError, SinkAway) as error:
            raise Problem(503, "the store does not answer") from error
        return web.Response(
            body=orjson.dumps({"audiences": found}), content_type="application/json"
        )

    async def hand_out(self, request: web.Request) -> web.Response:
        """Answer the newest snapshot of one audience."""
        key = self._door.admit(request, SCOPE)
        format_name = request.query.get("format", "json")
        if format_name not in FORMATS:
            raise Problem(400, f"format is one of {', '.join(FORMATS)}")
        name = request.match_info["name"]
        try:
            body = await handed_out(self._client, name, key.site, format_name)
        except (StoreError, SinkAway) as error:
            raise Problem(503, "the store does not answer") from error
        if body is None:
            raise Problem(404, f"no audience {name!r} of site {key.site} was made")
        return web.Response(
            body=body,
            content_type=FORMATS[format_name].content_type,
            headers={"Cache-Control": "no-store"},
        )


async def serve(
    collector: CollectorSettings, clickhouse: ClickHouseSettings, host: str, port: int
) -> None:
    """Answer until SIGTERM or Ctrl-C; the file of keys is read again on SIGHUP."""
    keys = ApiKeys(collector.keys_file)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, keys.reload)
    async with StoreClient(clickhouse) as client:
        door = ApiDoor(keys, 0, lambda: time.time_ns() // 1_000_000, time.monotonic)
        desk = _Desk(client, door)
        app = web.Application()
        app.router.add_get(PATH, answering_problems(desk.list_all))
        app.router.add_get(PATH + "/{name}", answering_problems(desk.hand_out))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            print(f"audiences: {site.name}{PATH}", flush=True)
            await stop.wait()
        finally:
            await runner.cleanup()
