"""What the documentation states is true: commands, settings, metrics, links, generated pages.

Commands of `sh` blocks are parsed by the real command line, or run against a real Heliograph;
a command of a kind that this file does not know fails, so that none goes unchecked.
"""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import cli, reference
from deploy.settings import Settings, environment_variable, load, rows
from deploy.toml_text import toml_value
from schemas.metric_table import PREFIX
from tests.support.all_in_one import AllInOneProcess

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])
# Their commands are run, against a Heliograph in an empty folder.
RUN_PAGES = (ROOT / "README.md", ROOT / "docs/start.md")
RUN_PROGRAMS = frozenset(("curl", "sleep", "tail"))
# Programs of others that a page shows beside a broker of Kafka; tests/support/kafka.py runs them.
SHOWN_PROGRAMS = frozenset(("kcat",))
KAFKA_PORT = "9092"
SECTIONS = "|".join(Settings.model_fields)
SETTINGS = {f"{section}.{name}" for section, name, _ in rows()}
METRICS = {f"{PREFIX}{row.name}" for _, table in reference.METRIC_TABLES for row in table}
MINIMAL = ROOT / "deploy/settings.minimal.toml"
EXTENDED = ROOT / "deploy/settings.extended.toml"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def commands(page: Path) -> Iterator[str]:
    """Yield each command in a page's `sh` blocks."""
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield from (command for command in line.split(" & ") if words_of(command))


def words_of(command: str) -> list[str]:
    """Return a command's words, without the variables it sets and exports."""
    words = shlex.split(command, comments=True)
    if words[:1] == ["export"]:
        words = words[1:]
    while words and (variable := re.match(r"(HELIOGRAPH_\w+)=", words[0])):
        assert variable[1] in variables()
        words.pop(0)
    return words


@each_page
def test_commands_exist(page: Path) -> None:
    for command in commands(page):
        check_command(words_of(command))
    for span in re.findall(r"`((?:make|heliograph) [^`]+)`", page.read_text()):
        check_command(shlex.split(span))


def check_command(words: list[str]) -> None:
    """Fail unless a command can be given as it stands."""
    program = Path(words[0]).name
    if program == "make":
        for word in words[1:]:
            assert "=" in word or word in targets(), f"no target: {shlex.join(words)}"
            flag = word.removeprefix("ARGS=--").partition("=")[0]
            assert not re.fullmatch(rf"({SECTIONS})\..*", flag) or flag in SETTINGS
    elif program == "heliograph":
        if words[1:2] != ["COMMAND"]:
            cli._parser().parse_args(words[1:])  # exits, and so fails, for what does not exist
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extra = re.fullmatch(r"\.\[(\w+)\]", words[2])
        assert extra
        assert extra[1] in extras["optional-dependencies"]
    else:
        assert program in RUN_PROGRAMS | SHOWN_PROGRAMS, (
            f"nothing checks this command: {shlex.join(words)}"
        )


def targets() -> set[str]:
    """The targets that `make help` lists."""
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def variables() -> set[str]:
    """The environment variables that exist."""
    names = {environment_variable(section, name) for section, name, _ in rows()}
    return {*names, "HELIOGRAPH_CONFIG"}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("page", RUN_PAGES, ids=name_of)
def test_commands_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    with AllInOneProcess(tmp_path) as heliograph:
        ports = {
            ":8080": f":{heliograph.port}",
            ":8081": f":{heliograph.admin_port}",
            ":8082": f":{heliograph.consumer_admin_port}",
            ":8123": f":{heliograph.store_port}",
        }
        outputs = []
        for command in commands(page):
            program = command.split()[0]
            if program not in RUN_PROGRAMS:
                continue
            if "--data-binary" in command:
                heliograph.wait_for_rows("SELECT event FROM hits", 1)
            for default, port in ports.items():
                command = command.replace(default, port)
            if program == "curl":
                command = command.replace("curl", "curl -sS --fail", 1)
            done = subprocess.run(
                ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, timeout=30
            )
            assert done.returncode == 0, f"{command}\n{done.stderr.decode()}"
            outputs.append(done.stdout.decode(errors="replace"))
        assert any("Signup" in output for output in outputs)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(found), f"{target}: no such heading"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_settings_exist(page: Path) -> None:
    text = page.read_text()
    # A name in code, alone or as a flag; files (`clickhouse.checkpoint`) are no settings.
    named = re.findall(rf"`(?:--)?((?:{SECTIONS})\.[a-z_]+)(?:=[^`]*)?`", text)
    unknown = {name for name in named if name not in SETTINGS and not name.endswith(".checkpoint")}
    assert not unknown
    named = re.findall(r"HELIOGRAPH_[A-Z_]+", text)
    assert {name for name in named if name != "HELIOGRAPH_SECTION_NAME"} <= variables()


@each_page
def test_metrics_exist(page: Path) -> None:
    named = set(re.findall(rf"`({PREFIX}[a-z_]+)`", page.read_text()))
    assert named <= METRICS


@each_page
def test_ports_are_the_defaults(page: Path) -> None:
    """A loopback address in a page is that of a default port."""
    defaults = {str(row.default) for _, name, row in rows() if name.endswith("port")}
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", page.read_text())) <= defaults | {KAFKA_PORT}


@pytest.mark.parametrize("path", reference.generated(), ids=str)
def test_generated_files_are_up_to_date(path: Path) -> None:
    assert (ROOT / path).read_text() == reference.generated()[path], "run `make docs`"


def test_extended_settings_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tomllib.loads(EXTENDED.read_text())
    names = {f"{section}.{name}" for section in listed for name in listed[section]}
    unset = {f"{section}.{name}" for section, name, row in rows() if row.default is None}
    assert names == SETTINGS - unset
    assert all(f"# {name.partition('.')[2]} is not set" in EXTENDED.read_text() for name in unset)
    assert loaded(EXTENDED, monkeypatch).model_dump() == Settings().model_dump()


def test_minimal_settings_change_what_their_comments_say(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, defaults = loaded(MINIMAL, monkeypatch), Settings()
    text = MINIMAL.read_text()
    stated = re.findall(r"\(default: ([^)]+?)(?:, [^)]*)?\)\.\n(\w+) = ", text)
    listed = tomllib.loads(text)
    assert [name for _, name in stated] == [name for values in listed.values() for name in values]
    texts = {name: default for default, name in stated}
    for section, values in listed.items():
        for name in values:
            default = getattr(getattr(defaults, section), name)
            assert getattr(getattr(settings, section), name) != default, f"{name}: is the default"
            assert toml_value(default) == texts[name], f"{name}: another default is stated"


def loaded(file: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Load a file as the command does, whatever the environment holds."""
    for variable in variables():
        monkeypatch.delenv(variable, raising=False)
    return load({}, file)


@pytest.mark.parametrize("unit", sorted((ROOT / "deploy/systemd").glob("*.service")), ids=name_of)
def test_units_start_commands_that_exist(unit: Path) -> None:
    (command,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
    check_command(shlex.split(command))
