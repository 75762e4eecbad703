"""A real browser for tests: Debian's Chromium, headless, driven by Playwright."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    # Also for what a page sends when it is gone: the driver's own way ends with the page.
    "--ignore-certificate-errors",
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
def running(path: str, *, back_forward_cache: bool = False) -> Iterator[Browser]:
    """Run the browser; it takes any certificate."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=list(FLAGS),
            ignore_default_args=["--disable-back-forward-cache"] if back_forward_cache else None,
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def alone(path: str, profile: Path, url: str) -> Iterator[None]:
    """Run the browser on one page without a driver: the page has to do all by itself."""
    command = [path, *FLAGS, f"--user-data-dir={profile}", url]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
