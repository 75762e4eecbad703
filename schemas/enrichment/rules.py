"""The columns of `hits` that rules derive: SQL expressions rendered from the tables beside it.

The rules are constants in the columns' expressions, not a dictionary: an insert can't fail for a
table that does not load, and every node of a cluster has the same. Functions of one LowCardinality
column run once for each distinct value of a block, so most of this costs next to nothing.

Invariant: no expression raises for any text, since `hits_check` (consumer/refused_rows.py) does not
have these columns. Knows nothing of who applies them.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

# Said in the comment of each column, so that a store can tell which rules it has.
MARK = "rules "
NOT_SET = "(not set)"
_PLAIN = re.compile(r"[-a-z0-9 /:_]+")


@cache
def rows(table: str) -> Sequence[Sequence[str]]:
    """Return the rows of a rule table (`sources`, `click_ids`, `channels`, `agents`)."""
    text = resources.files("schemas.enrichment").joinpath(f"{table}.tsv").read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def columns() -> Mapping[str, str]:
    """Return name → type, kind and expression of the derived columns, in an order they build on."""
    text, flag = "LowCardinality(String) MATERIALIZED", "UInt8 MATERIALIZED"
    return {
        "click_id_kind": f"{text} {_click_id_kind()}",
        "click_id": f"String ALIAS {_click_id()}",
        "source_entry": f"{text} {_source_entry()}",
        "source": f"{text} {_source()}",
        "medium": f"{text} {_medium()}",
        "channel": f"{text} {_channel()}",
        "device_type": f"{text} {_device_type()}",
        "is_person_hit": f"{flag} {_is_person_hit()}",
    }


def version() -> str:
    """Return a name of these rules: another one for any other expression."""
    return hashlib.sha256(repr(sorted(columns().items())).encode()).hexdigest()[:12]


def channel_case(campaign: str) -> str:
    """Return the channel of `source`, `source_entry`, `medium` and a campaign, by GA4's rules."""
    cases = ", ".join(f"{condition}, {literal(name)}" for name, condition in rows("channels"))
    cases = re.sub(r"\bcategory = '(\w+)'", r"startsWith(source_entry, '\1 ')", cases)
    cases = re.sub(r"\bcampaign\b", lambda _: campaign, cases)
    return f"multiIf({cases}, 'Unassigned')"


def literal(text: str) -> str:
    """Return text as a string literal of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _array(texts: Sequence[str]) -> str:
    """Return a constant array; one text, since each literal costs time at each insert."""
    assert not any("|" in text for text in texts)
    return f"splitByChar('|', {literal('|'.join(texts))})"


def _click_id_kind() -> str:
    names = [row[0] for row in rows("click_ids")]
    # Looking for a few letters first is a tenth of the price of the pattern.
    gates = sorted({"id=" if name.endswith("id") else f"{name}=" for name in names})
    gate = " OR ".join(f"position(url, {literal(letters)}) > 0" for letters in gates)
    return f"if({gate}, extract(url, {literal(f'[?&]({_any(names)})=[^&#]')}), '')"


def _click_id() -> str:
    names = [row[0] for row in rows("click_ids")]
    return f"decodeURLFormComponent(extract(url, {literal(f'[?&](?:{_any(names)})=([^&#]+)')}))"


def _any(names: Sequence[str]) -> str:
    return "|".join(names)


_HAS_TAGS = "(utm_source != '' OR utm_medium != '' OR utm_campaign != '' OR click_id_kind != '')"
_IS_INTERNAL = (
    "(referrer_host = host OR "
    "cutToFirstSignificantSubdomain(referrer_host) = cutToFirstSignificantSubdomain(host))"
)


def _source_entry() -> str:
    """Find the source's row: `search google`; `internal ` for a click within the site."""
    of_tags = f"if(utm_source != '', lower(utm_source), {_of_click_id(1)})"
    return (
        f"multiIf(referrer_host = '' AND NOT {_HAS_TAGS}, '', "
        f"NOT {_HAS_TAGS} AND {_IS_INTERNAL}, 'internal ', "
        + _entry(
            f"if({_HAS_TAGS}, {of_tags}, referrer_host)",
            _entry(f"if({_HAS_TAGS}, '', firstSignificantSubdomain(referrer_host))", "''"),
        )
        + ")"
    )


def _entry(name: str, default: str) -> str:
    table = rows("sources")
    entries = _array([f"{category} {shown}" for _, category, shown in table])
    return f"transform({name}, {_array([row[0] for row in table])}, {entries}, {default})"


def _of_click_id(column: int) -> str:
    table = rows("click_ids")
    kinds = _array([row[0] for row in table])
    return f"transform(click_id_kind, {kinds}, {_array([row[column] for row in table])}, '')"


def _source() -> str:
    return _once(
        f"multiIf(utm_source != '', lower(utm_source), click_id_kind != '', {_of_click_id(1)}, "
        f"{_HAS_TAGS}, '{NOT_SET}', referrer_host = '', '(direct)', "
        "source_entry = 'internal ' OR startsWith(source_entry, 'payment '), '(internal)', "
        "source_entry != '', extract(source_entry, ' (.*)'), referrer_host)",
        "source_entry",
    )


def _medium() -> str:
    return _once(
        f"multiIf(utm_medium != '', lower(utm_medium), click_id_kind != '', {_of_click_id(2)}, "
        f"{_HAS_TAGS}, '{NOT_SET}', source IN ('(direct)', '(internal)'), '(none)', "
        "startsWith(source_entry, 'search '), 'organic', "
        "startsWith(source_entry, 'email '), 'email', 'referral')",
        "source_entry",
    )


def _channel() -> str:
    cases = channel_case("lower(utm_campaign)")
    return _once(
        f"if(source = '(internal)', 'Internal', {cases})", "source", "source_entry", "medium"
    )


def _once(expression: str, *columns: str) -> str:
    """Name derived columns once: each name of one stands for its whole expression at an insert,
    and what came of it for `channel`, 140 times the list of sites, took 25 ms of each.
    """
    for column in columns:
        expression = re.sub(rf"\b{column}\b", f"of_{column}", expression)
    names = ", ".join(f"of_{column}" for column in columns)
    arrays = ", ".join(f"[{column}]" for column in columns)
    return f"arrayMap(({names}) -> {expression}, {arrays})[1]"


def _device_type() -> str:
    """Weigh the patterns: so each runs once for a user agent of a block, as it would not in a
    branch.
    """
    table = rows("agents")
    score = " + ".join(
        f"{2 ** (len(table) - number)} * {_says(pattern)}"
        for number, (_, pattern) in enumerate(table, 1)
    )
    kinds = ["unknown", *(kind for kind, _ in reversed(table))]
    # A server that reports what people did is a program, and says so.
    kinds += ["server" if kind == "bot" else kind for kind in kinds]
    return (
        f"arrayElement({_array(kinds)}, toInt32(floor(log2({score} + 0.5))) + 2 "
        f"+ {len(kinds) // 2} * (endpoint = 'api'))"
    )


def _says(pattern: str) -> str:
    """Tell whether a user agent matches: plain alternatives without a pattern, since compiling
    those of `agents` took 25 ms of each insert.
    """
    plain: list[str] = []
    others: list[str] = []
    for one in re.split(r"\|(?![^(]*\))", pattern):
        (plain if _PLAIN.fullmatch(one) else others).append(one)
    tests = [f"match(lower(user_agent), {literal(_any(others))})"] if others else []
    if plain:
        tests.append(f"multiSearchAny(lower(user_agent), {_array(plain)})")
    return f"({' OR '.join(tests)})"


def _is_person_hit() -> str:
    return "bot = '' AND purpose = '' AND opened_by != 'machine' AND device_type != 'bot'"
