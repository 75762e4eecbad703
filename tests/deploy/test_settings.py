"""Where settings come from, what is refused and how it is said, and what `config` prints."""

import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.settings import BadSettings, Settings, environment_variable, load, rows
from deploy.toml_text import toml_line
from tests.support.ports import free_ports


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("HELIOGRAPH_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def heliograph(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "heliograph.toml"

    def port(**flags: str) -> int:
        return load({"collector": flags} if flags else {}, None).collector.port

    assert port() == 8080
    file.write_text("[collector]\nport = 1001\n")
    assert port() == 1001
    monkeypatch.setenv("HELIOGRAPH_COLLECTOR_PORT", "1002")
    assert port() == 1002
    assert port(port="1003") == 1003


def test_a_file_can_be_named_and_must_then_exist(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    with pytest.raises(BadSettings, match="no such file"):
        load({}, other)
    other.write_text('[collector]\ntrusted_proxies = ["10.0.0.0/8"]\n')
    assert load({}, other).collector.trusted_proxies == ("10.0.0.0/8",)


def test_a_list_is_text_with_commas() -> None:
    settings = load({"collector": {"trusted_proxies": "10.0.0.0/8, ::1/128"}}, None)
    assert settings.collector.trusted_proxies == ("10.0.0.0/8", "::1/128")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("port", "70000", ("collector.port", "HELIOGRAPH_COLLECTOR_PORT", "'70000'", "65535")),
        ("port", "x", ("collector.port", "'x'")),
        ("workers", "-1", ("collector.workers", "0")),
        ("pixel_path", "p.gif", ("collector.pixel_path", "begins with /")),
        ("trusted_proxies", "10.0.0.1/8", ("collector.trusted_proxies", "host bits")),
        ("consent_default", "maybe", ("collector.consent_default", "'limited' or 'denied'")),
        ("cookie_secure", "false", ("cookie_same_site=None needs cookie_secure=true",)),
        ("tcf_purposes", "0", ("collector.tcf_purposes", "greater than or equal to 1")),
        ("visit_minutes", "3", ("cookie_renew_minutes (5) must not be more than visit_minutes",)),
        ("cookie_name", "a;b", ("collector.cookie_name", "ASCII letters")),
        ("header_bytes_max", "1024", ("request_line_bytes_max",)),
        ("beacon_path", "/p.gif", ("pixel_path and beacon_path",)),
        ("nonsense", "1", ("collector.nonsense", "no such setting")),
    ],
)
def test_a_refusal_names_setting_value_and_what_is_allowed(
    name: str, value: str, said: tuple[str, ...]
) -> None:
    with pytest.raises(BadSettings) as refused:
        load({"collector": {name: value}}, None)
    for text in said:
        assert text in str(refused.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        load({"collector": {"port": "0"}, "journal": {"fsync_ms": "x"}}, None)
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["HELIOGRAPH_COLECTOR_PORT", "HELIOGRAPH_COLLECTOR_PROT"])
def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(BadSettings, match=f"{name}: no such setting"):
        load({}, None)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "heliograph.toml").write_text("[collector\n")
    with pytest.raises(BadSettings, match=r"heliograph\.toml"):
        load({}, None)
    (tmp_path / "heliograph.toml").write_text("[colector]\nport = 1\n")
    with pytest.raises(BadSettings, match="colector: no such setting"):
        load({}, None)


def test_bad_settings_are_exit_code_2_on_stderr() -> None:
    done = heliograph("collect", "--collector.port=0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "collector.port" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_prints_toml_that_reads_back_as_the_same_settings(tmp_path: Path) -> None:
    flags = ("--journal.path=odd \"name\" \\ ä", "--collector.trusted_proxies=10.0.0.0/8,::1/128",
             "--collector.idle_seconds_max=12.5", "--collector.start_page=false")  # fmt: skip
    printed = heliograph("config", *flags)
    assert printed.returncode == 0, printed.stderr
    file = tmp_path / "again.toml"
    file.write_text(printed.stdout)
    again = heliograph("config", "--config", str(file))
    values = tomllib.loads(printed.stdout)
    assert tomllib.loads(again.stdout) == values
    assert values["journal"]["path"] == 'odd "name" \\ ä'
    assert values["collector"]["idle_seconds_max"] == 12.5


@pytest.mark.parametrize("text", ["a\nb", "tab\t", "nul\0", "quote\"'", "back\\slash", "\x7f", "ü"])
def test_any_text_is_toml(text: str) -> None:
    assert tomllib.loads(toml_line("name", text)) == {"name": text}


def secrets() -> list[tuple[str, str]]:
    return [(s, n) for s, n, row in rows() if "SecretStr" in str(row.annotation)]


def test_config_hides_secrets() -> None:
    assert secrets()
    flags = [f"--{section}.{name}=hunter-{name}-2" for section, name in secrets()]
    printed = heliograph("config", *flags)
    assert "hunter-" not in printed.stdout + printed.stderr
    assert "********" in printed.stdout


def test_a_refusal_hides_secrets() -> None:
    for section, name in secrets():
        kind: Any = SecretStr
        assert "hunter" not in repr(kind("hunter")), (section, name)


def test_every_setting_is_described_and_has_a_variable_of_its_own() -> None:
    variables = [environment_variable(section, name) for section, name, _ in rows()]
    assert len(set(variables)) == len(variables)
    for section, name, row in rows():
        assert row.description, (section, name)
        assert row.description.strip()[-1] in ".!?)", (section, name)


def test_help_lists_every_setting_of_a_command() -> None:
    shown = heliograph("collect", "--help", COLUMNS="200").stdout
    for section, name, _ in rows():
        if section in ("collector", "journal"):
            assert f"--{section}.{name} " in shown
            assert environment_variable(section, name) in shown


@pytest.mark.parametrize("setting", ["collector.port", "collector.admin_port"])
def test_a_taken_port_is_named_with_the_way_out(setting: str) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = dict(zip(("collector.port", "collector.admin_port"), free_ports(2), strict=True))
        ports[setting] = taken
        flags = [f"--{name}={port}" for name, port in ports.items()]
        done = heliograph("collect", "--collector.host=127.0.0.1", *flags)
    assert done.returncode == 2
    variable = environment_variable(*setting.split("."))
    assert f"port {taken} is taken" in done.stderr
    assert f"--{setting}" in done.stderr
    assert variable in done.stderr


def test_the_defaults_hold_together() -> None:
    assert load({}, None).model_dump() == Settings().model_dump()
