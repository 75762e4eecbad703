"""Rules of the house that no single file shows: who imports whom, sizes, clocks, names."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("schemas", "collector", "consumer", "deploy", "bench", "tests")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "collector": {"collector", "schemas"},
    "consumer": {"consumer", "schemas"},
    "deploy": {"deploy", "collector", "consumer", "schemas"},
    # The load generator judges from outside; only the hit's format and the benched loop are known.
    "bench": {"bench", "schemas", "collector", "consumer", "deploy"},
    "tests": set(PARTS),
}
NETWORK = {"aiohttp", "aiokafka", "clickhouse_connect", "httptools", "socket", "urllib", "http"}
# Clients of a broker need one to say what its settings mean.
MAY_USE_NETWORK = {"schemas/kafka_client.py", "schemas/kafka_settings.py"}
CLOCKS = {("time", "time"), ("time", "sleep"), ("time", "time_ns"), ("datetime", "now")}
# Where parts are wired to the real clock.
WIRING = {
    "collector/worker.py", "collector/shipper.py", "deploy/audiences/serve.py", "deploy/keys.py",
    "deploy/links_command.py", "deploy/terminal.py",
}  # fmt: skip
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

FILES = [
    Path(name)
    for name in subprocess.run(
        ["git", "ls-files", *(f"{part}/*.py" for part in PARTS)],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()
    if (ROOT / name).exists()
]  # fmt: skip


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imports(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


every_file = pytest.mark.parametrize("path", FILES, ids=str)


@every_file
def test_imports_go_one_way(path: Path) -> None:
    part = path.parts[0]
    for name in imports(tree(path)):
        top = name.partition(".")[0]
        assert top not in PARTS or top in MAY_IMPORT[part], f"{path} imports {name}"
        if part == "schemas" and str(path) not in MAY_USE_NETWORK:
            assert top not in NETWORK, f"{path} imports {name}"


@every_file
def test_a_file_says_what_it_is_and_has_one_idea(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module), f"{path} has no docstring"
    lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
    assert lines <= FILE_LINES_MAX, f"{path} has {lines} lines"
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or 0) - node.lineno + 1
            assert size <= FUNCTION_LINES_MAX, f"{path}: {node.name} has {size} lines"


@every_file
def test_time_is_passed_in(path: Path) -> None:
    if path.parts[0] in ("bench", "tests") or path.name == "__main__.py" or str(path) in WIRING:
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used = (node.value.id, node.attr)
            assert used not in CLOCKS, f"{path}:{node.lineno} uses {'.'.join(used)}"


def test_metric_names_are_unique_and_of_their_kind() -> None:
    from collector.metrics import METRICS as COLLECTOR
    from collector.shipper_metrics import METRICS as SHIPPER
    from consumer.metrics import METRICS as CONSUMER
    from deploy.admin import SUPERVISOR_METRICS
    from deploy.embedded_store.metrics import METRICS as STORE
    from schemas.metric_table import PREFIX

    rows = [*COLLECTOR, *SHIPPER, *CONSUMER, *STORE, *SUPERVISOR_METRICS]
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    for row in rows:
        assert not row.name.startswith(PREFIX), f"{row.name}: the prefix is added for it"
        assert row.name.endswith("_total") == (row.kind == "counter"), row.name
        assert row.when_it_rises, row.name


def test_every_limit_has_its_reason() -> None:
    lines = (ROOT / "schemas/limits.py").read_text(encoding="utf-8").splitlines()
    above = dict(zip(lines[1:], lines, strict=False))
    for line in lines:
        if line[:1].isupper() and " = " in line:
            assert above[line].startswith(("#", "PROPERT")), f"{line}: no reason above it"
