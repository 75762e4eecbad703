"""The programs of other environments import nothing of ours, and do the job they say."""

import ast
from pathlib import Path

import orjson

from bench import apps
from bench.apps import job


def test_they_import_nothing_of_ours() -> None:
    for file in Path(apps.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                module = node.module or ""
                ours = ("bench", "collector", "consumer", "deploy", "schemas")
                assert not module.startswith(ours) or module.startswith("bench.apps"), file


def test_a_request_becomes_a_line() -> None:
    headers = {"user-agent": "Mozilla/5.0", "referer": "https://a.example/"}
    line, visitor = job.line({"e": "Search", "v": "1"}, "known", headers, "192.0.2.1")
    hit = orjson.loads(line)
    assert line.endswith(b"}\n")
    assert visitor == "known" == hit["visitor_id"]
    assert (hit["event"], hit["url"], hit["ip"]) == ("Search", "https://a.example/", "192.0.2.1")
    _, stranger = job.line({}, None, {}, None)
    assert len(stranger) == 36
    assert stranger in job.set_cookie(stranger)
