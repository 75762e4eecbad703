"""A real browser for tests: Debian's Chromium, headless, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

# Nothing that asks the network by itself; the sandbox needs rights that a container lacks.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Return the browser's path, from CHROMIUM or PATH; empty if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or ""


def require_chromium() -> str:
    """Return the browser's path; without one skip the test, or fail under CI=true."""
    path = chromium()
    if not path:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("needs Chromium: apt-get install chromium, or CHROMIUM=/path/to/it")
    return path


@contextmanager
def running(path: str) -> Iterator[Browser]:
    """Run the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
