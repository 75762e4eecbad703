"""Hits of email: who opened is worked out before consent cuts anything, recipients are signed."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from collector.mail import recipient_bytes
from collector.parameters import Members, take_json
from collector.responses import PIXEL_HEADERS
from tests.support.built_hits import NOW_MS, Bench, checked
from tests.support.visitors import SECRETS, cookie

MACHINE = (b"User-Agent", b"Mozilla/5.0")
PERSON = (b"User-Agent", b"Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko)")
NOT_SIGNED = "recipient_id: not signed"
FORGED = "recipient_id: the signature is another's"


def signed(site: str, recipient: str) -> str:
    return SECRETS.signer("recipient").signature(recipient_bytes(site, recipient))


@pytest.mark.parametrize("ids", ["cid=spring", "rid=r-1", "mid=m-1", "cid=a&mid=b&rid=c"])
def test_hit_with_an_id_of_a_mail_says_who_opened_it(ids: str) -> None:
    hit = Bench().pixel(f"e=Open&{ids}", MACHINE)
    assert (hit["opened_by"], hit["opened_by_reason"]) == ("machine", "apple-mpp")
    assert Bench().pixel(f"e=Open&{ids}", PERSON)["opened_by"] == "human"


def test_other_hits_do_not() -> None:
    bench = Bench()
    for query in ("e=PageView&u=https://a.example/", "e=PageView&consent=denied", "st=1"):
        assert "opened_by" not in bench.pixel(query, MACHINE)


def test_known_visitor_on_a_known_connection_is_judged_too() -> None:
    bench = Bench()
    facts = bench.facts([MACHINE, (b"Cookie", cookie())])
    queries: list[dict[str, str]] = [{"e": "PageView"}, {"e": "Open", "cid": "spring"}]
    for _ in range(2):
        page, mail = (
            checked(line) for line, _ in bench.builder.from_plain_queries([facts] * 2, queries)
        )
        assert "opened_by" not in page
        assert (mail["campaign_id"], mail["opened_by"]) == ("spring", "machine")
    assert facts.plain_tail


def test_answer_forbids_caches_as_the_page_says() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs/email.md").read_text().split())
    assert f"`Cache-Control: {PIXEL_HEADERS['Cache-Control']}`" in page
    assert {"Expires", "Pragma"} <= PIXEL_HEADERS.keys()
    assert not {"ETag", "Last-Modified"} & PIXEL_HEADERS.keys()


def test_address_and_agent_are_looked_at_before_they_are_cut() -> None:
    hit = Bench().pixel("cid=a&consent=denied", PERSON, peer="67.231.150.9")
    assert (hit["opened_by"], hit["opened_by_reason"]) == ("machine", "proofpoint-network")
    assert hit["ip"] == "67.231.150.0"


def test_program_and_prefetch_are_no_person() -> None:
    program = Bench().pixel("cid=a", (b"User-Agent", b"python-requests/2.31.0"))
    assert (program["opened_by"], program["opened_by_reason"]) == ("machine", "program")
    for header in ((b"Sec-Purpose", b"prefetch;prerender"), (b"Purpose", b"prefetch")):
        assert Bench().pixel("cid=a", PERSON, header)["opened_by_reason"] == "prefetch"


def test_program_that_checks_a_link_keeps_its_own_kind() -> None:
    bench = Bench()
    facts = bench.facts([(b"User-Agent", b"curl/8.1.0")])
    line, _ = bench.builder.from_click(facts, "", "https://shop.example/", "HEAD")
    assert line.count(b'"bot"') == 1
    assert checked(line)["bot"] != "link-checker"


def test_time_of_sending_counts() -> None:
    hit = Bench().pixel(f"cid=a&st={NOW_MS - 2000}", PERSON)
    assert hit["opened_by_reason"] == "too-soon"
    assert Bench().pixel(f"cid=a&st={NOW_MS - 60_000}", PERSON)["opened_by"] == "human"
    assert Bench().pixel("cid=a&st=nonsense", PERSON)["problems"] == [
        "sent_at: not milliseconds since 1970"
    ]


def test_page_that_sends_an_id_of_a_mail_opens_none() -> None:
    bench = Bench()
    line, _ = bench.builder.from_json(bench.facts([PERSON]), {"cid": "spring"}, "")
    hit = checked(line)
    assert hit["campaign_id"] == "spring"
    assert "opened_by" not in hit


def test_click_with_an_id_of_a_mail_says_who_clicked() -> None:
    bench = Bench()
    line, _ = bench.builder.from_click(
        bench.facts([MACHINE]), "cid=spring&site=shop&u=x", "https://shop.example/", "HEAD"
    )
    hit = checked(line)
    assert (hit["event"], hit["endpoint"], hit["method"]) == ("Click", "click", "HEAD")
    assert hit["link_url"] == "https://shop.example/"
    assert hit["opened_by"] == "machine"


@pytest.mark.parametrize(
    ("query", "signed_only", "kept", "problem"),
    [
        ("rid=r-1", False, "r-1", None),
        ("rid=r-1", True, None, NOT_SIGNED),
        ("site=shop&rid=r-1&rs=" + signed("shop", "r-1"), True, "r-1", None),
        ("site=shop&rid=r-1&rs=" + signed("shop", "r-1"), False, "r-1", None),
        ("site=shop&rid=r-2&rs=" + signed("shop", "r-1"), False, None, FORGED),
        ("site=other&rid=r-1&rs=" + signed("shop", "r-1"), False, None, FORGED),
        ("rid=r-1&rs=" + signed("shop", "r-1"), False, None, FORGED),
        ("rid=r-1&rs=x", True, None, FORGED),
        (f"site=s&rid={quote('ü@a.example')}&rs=" + signed("s", "ü@a.example"), True,
         "ü@a.example", None),
        ("rs=x", True, None, None),
    ],
)  # fmt: skip
def test_recipient_is_kept_if_its_signature_allows(
    query: str, signed_only: bool, kept: str | None, problem: str | None
) -> None:
    hit: dict[str, Any] = Bench(recipients_signed=signed_only).pixel(query, PERSON)
    assert hit.get("recipient_id") == kept
    assert hit.get("problems", []) == ([problem] if problem else [])
    assert "recipient_signature" not in hit
    assert hit["opened_by"] == "human"


def test_server_with_a_key_signs_no_recipient() -> None:
    bench = Bench(recipients_signed=True)
    members: Members = {"event": "Open"}
    take_json(members, {"rid": "r-1", "cid": "spring"})
    hit = checked(bench.builder.from_api(bench.facts([PERSON]), members))
    assert hit["recipient_id"] == "r-1"
    assert "opened_by" not in hit


def test_recipient_needs_consent_however_it_is_signed() -> None:
    query = "site=shop&consent=denied&rid=r-1&rs=" + signed("shop", "r-1")
    assert "recipient_id" not in Bench().pixel(query, PERSON)
