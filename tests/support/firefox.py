"""A real Firefox for tests: Debian's, headless, driven by WebDriver BiDi (W3C) without a driver.

    with Firefox(require_firefox(), profile) as firefox:
        tab = firefox.open("https://shop.example/")
        firefox.evaluate(tab, "document.title")

The network has the certificates of tests, so any is taken. Calls wait for their answers.
"""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import orjson
import pytest

from tests.support.waiting import wait_until

START_SECONDS_MAX = 60.0
CALL_SECONDS_MAX = 30.0
MESSAGE_BYTES_MAX = 16 * 1024 * 1024

T = TypeVar("T")


def require_firefox() -> str:
    """Return the browser's path; without one skip the test, or fail under CI=true."""
    path = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if not path:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("needs Firefox: apt-get install firefox-esr, or FIREFOX=/path/to/it")
    return path


class Firefox:
    """One browser with a profile of its own. `preferences` are those of about:config."""

    def __init__(self, path: str, profile: Path, preferences: Mapping[str, bool] | None = None):
        self._path = path
        self._profile = profile
        self._preferences = preferences or {}
        self._runner = asyncio.Runner()
        self._process: subprocess.Popen[bytes]
        self._http: aiohttp.ClientSession
        self._socket: aiohttp.ClientWebSocketResponse
        self._calls = 0

    def __enter__(self) -> Self:
        self._profile.mkdir()
        lines = (
            f'user_pref("{name}", {str(value).lower()});\n'
            for name, value in self._preferences.items()
        )
        (self._profile / "user.js").write_text("".join(lines))
        command = [self._path, "--headless", "--no-remote", "--profile", str(self._profile)]
        log = self._profile / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--remote-debugging-port", "0"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        address = wait_until(
            lambda: re.search(r"BiDi listening on (ws://\S+)", log.read_text(errors="replace")),
            START_SECONDS_MAX,
            "Firefox",
        )
        assert address
        self._run(self._connect(address[1]))
        self.call("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._http.close())
        self._runner.close()
        self._process.terminate()
        self._process.wait(30)

    def open(self, url: str) -> str:
        """Open a page in a tab of its own and wait until it is loaded; return the tab."""
        tab: str = self.call("browsingContext.create", type="tab")["context"]
        self.call("browsingContext.navigate", context=tab, url=url, wait="complete")
        return tab

    def evaluate(self, tab: str, expression: str) -> Any:
        """Return the value of an expression, awaited if it is a promise."""
        answer = self.call(
            "script.evaluate", expression=expression, target={"context": tab}, awaitPromise=True
        )
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    def close(self, tab: str) -> None:
        """Close a tab."""
        self.call("browsingContext.close", context=tab)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command; return its result."""
        return self._run(self._call(method, parameters))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asyncio.wait_for(work, CALL_SECONDS_MAX))

    async def _connect(self, address: str) -> None:
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(
            f"{address}/session", max_msg_size=MESSAGE_BYTES_MAX
        )

    async def _call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self._calls += 1
        command = {"id": self._calls, "method": method, "params": parameters}
        await self._socket.send_str(orjson.dumps(command).decode())
        while True:
            message: dict[str, Any] = orjson.loads(await self._socket.receive_str())
            if message.get("id") == self._calls:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result
