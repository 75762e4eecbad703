"""`heliograph snippet`, `link`, `recipients`: what they print is what the collector takes."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from collector.links import parse_link
from collector.mail import recipient_bytes
from collector.secrets import Secrets, load_secrets
from tests.support.collector import CollectorProcess
from tests.support.raw_http import get
from tests.support.worker_thread import WorkerThread

KEY = "5c" * 32
SECRETS = Secrets([bytes.fromhex(KEY)])
PUBLIC = "--collector.public_url=https://pixel.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that a collector has run in."""
    keys = tmp_path / "data/secret.keys"
    keys.parent.mkdir()
    keys.write_text(KEY)
    keys.chmod(0o600)
    return tmp_path


def heliograph(folder: Path, *arguments: str, given: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout.rstrip("\n"), done.stderr


def test_link_is_one_that_the_collector_follows(tmp_path: Path) -> None:
    with WorkerThread(tmp_path) as worker:
        code, url, _ = heliograph(
            tmp_path, "link", "--to", "https://bücher.example/ä?a=b", "--site", "shop",
            "--utm-source", "news letter", "--cid", "spring", "--rid", "r-1", "--expires", "1h",
            f"--collector.secret_file={worker.settings.secret_file}",
            f"--collector.port={worker.port}",
        )  # fmt: skip
        assert code == 0
        assert url.startswith(f"http://127.0.0.1:{worker.port}/r?")
        answer, hit = worker.get(url.partition(str(worker.port))[2])
    assert answer.header("location") == (
        "https://xn--bcher-kva.example/%C3%A4?a=b&utm_source=news%20letter"
    )
    assert (hit["site"], hit["campaign_id"], hit["recipient_id"]) == ("shop", "spring", "r-1")
    assert "problems" not in hit


def test_all_workers_follow_a_link_also_after_a_restart(tmp_path: Path) -> None:
    """They make the file of keys together, at the first start, and the command finds it."""
    collector = CollectorProcess(tmp_path, settings={"collector.workers": 3})
    with collector:
        _, url, _ = heliograph(
            tmp_path, "link", "--to", "https://a.example/", f"--journal.path={collector.journal}"
        )
        target = "/" + url.partition("://")[2].partition("/")[2]
        assert {get(collector.port, target).status for _ in range(30)} == {302}
    with collector:
        assert {get(collector.port, target).status for _ in range(30)} == {302}
    assert len(collector.lines()) == 60


def test_link_ends_when_it_is_said(folder: Path) -> None:
    for given, expected in (
        ("2030-01-01", "1893456000"),
        ("2030-01-01T01:00", "1893459600"),
        ("2030-01-01T01:00+01:00", "1893456000"),
    ):
        _, url, _ = heliograph(folder, "link", "--to", "https://a.example", "--expires", given)
        assert parse_link(url.partition("?")[2]).expiry == expected
    _, url, _ = heliograph(folder, "link", "--to", "https://a.example")
    assert parse_link(url.partition("?")[2]).expiry == ""


def test_address_of_links_is_the_public_one(folder: Path) -> None:
    _, url, _ = heliograph(
        folder, "link", "--to", "https://a.example", PUBLIC, "--collector.click_path=/go"
    )
    assert url.startswith("https://pixel.example/go?u=https%3A%2F%2Fa.example&s=")


def test_qr_code_is_a_picture_of_the_link(folder: Path) -> None:
    code, url, _ = heliograph(folder, "link", "--to", "https://a.example", "--qr", "code.svg")
    assert code == 0
    picture = ET.parse(folder / "code.svg").getroot()
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.get("viewBox")
    assert url.startswith("http://127.0.0.1:8080/r?")


def test_direct_link_only_has_its_parameters(folder: Path) -> None:
    _, url, _ = heliograph(
        folder, "link", "--direct", "--to", "https://a.example/?x=1#y", "--utm-campaign", "spring"
    )
    assert url == "https://a.example/?x=1&utm_campaign=spring#y"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--to", "javascript:alert(1)"], 1, "not a whole address"),
        (["--to", "https://a.example", "--expires", "soon"], 2, "not a time"),
        (["--to", "https://a.example/" + "x" * 3000, "--qr", "x.svg"], 1, "too long for a QR"),
        (["--to", "https://a.example", "--qr", "no/such.svg"], 1, "no/such.svg: No such file"),
        (["--to", "https://a.example", "--collector.secret_file=no"], 2, "no keys at no"),
    ],
)
def test_what_can_not_be_is_said(folder: Path, arguments: list[str], code: int, said: str) -> None:
    returned, printed, error = heliograph(folder, "link", *arguments)
    assert (returned, printed) == (code, "")
    assert said in error
    assert "Traceback" not in error


def test_recipients_are_signed_line_by_line(folder: Path) -> None:
    signer = SECRETS.signer("recipient")
    expected = [
        f"{name}\t{signer.signature(recipient_bytes('shop', name))}"
        for name in ("r-1", "ü@a.example")
    ]
    (folder / "list.txt").write_text("r-1\n\nü@a.example\n")
    _, printed, _ = heliograph(folder, "recipients", "--site", "shop", "list.txt")
    assert printed.splitlines() == expected
    _, printed, _ = heliograph(folder, "recipients", "--site", "shop", given="r-1\nü@a.example")
    assert printed.splitlines() == expected
    code, _, error = heliograph(folder, "recipients", "none.txt")
    assert code == 1
    assert "none.txt" in error


def test_signature_is_made_elsewhere_as_the_page_says() -> None:
    page = (Path(__file__).parents[2] / "docs/email.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    signature = names["signature"]
    assert callable(signature)
    assert signature(KEY, "shop", "ü") == SECRETS.signer("recipient").signature(
        recipient_bytes("shop", "ü")
    )


def test_snippet_is_for_the_kind_site_and_collector(folder: Path) -> None:
    _, tag, _ = heliograph(folder, "snippet", "--site", "shop", PUBLIC)
    assert 'hg("init", "shop");' in tag
    assert 'src="https://pixel.example/px.js"' in tag
    _, conversion, _ = heliograph(
        folder, "snippet", "--kind", "conversion", "--event", "Signup", "--value", "5",
        "--consent-required", PUBLIC,
    )  # fmt: skip
    assert 'hg("track", "Signup", {value: 5.0' in conversion
    assert "<img" not in conversion


def test_keys_that_the_collector_made_are_found_beside_its_journal(tmp_path: Path) -> None:
    """No setting names them: the command looks where a collector in the same folder puts them."""
    made = load_secrets(tmp_path / "data/secret.keys", lambda size: b"k" * size)
    _, url, _ = heliograph(tmp_path, "link", "--to", "https://a.example")
    assert parse_link(url.partition("?")[2]).is_signed(made.signer("link"))
