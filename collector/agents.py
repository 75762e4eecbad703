"""A user agent: what program it is if no person's browser, and what is kept without consent.

The patterns of programs are those of the PyPI package `crawler-user-agents` (MIT, a release each
month, the same data as its npm twin): of its 2,123 examples it names all, of 943 browsers in use
none (2026-11; crawlerdetect missed 299, is-crawler 84). One look costs 0.1 ms, so callers keep
what they were told. Pure.
"""

import re
from collections.abc import Sequence
from typing import Final

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

# Patterns in one expression: past some dozens, CPython's search gets slower by each.
_TOGETHER: Final = 25
# Nobody's name stands further behind, and the search's time grows with the length.
_SEARCHED_CHARACTERS: Final = 512
# Programs that fetch a mail's images when a person opens it, or because one will.
_FOR_PERSONS: Final = frozenset(("GoogleImageProxy", "YahooMailProxy"))

_Entry = tuple[str, str]
_ENTRIES: Final[Sequence[_Entry]] = [
    (str(entry["pattern"]), str(entry["tags"][0]))
    for entry in CRAWLER_USER_AGENTS_DATA
    if entry["pattern"] not in _FOR_PERSONS
]


def _together(entries: Sequence[_Entry]) -> re.Pattern[str]:
    return re.compile("|".join(pattern for pattern, _ in entries))


_CHUNKS: Final[Sequence[tuple[re.Pattern[str], Sequence[_Entry]]]] = [
    (_together(chunk), chunk)
    for chunk in (_ENTRIES[at : at + _TOGETHER] for at in range(0, len(_ENTRIES), _TOGETHER))
]

# What a user agent says of its system, and what is kept of it: Chrome's reduced texts
# (https://www.chromium.org/updates/ua-reduction/), with no version but iOS's and Android's first.
_SYSTEMS: Final[Sequence[tuple[re.Pattern[str], str]]] = [
    (re.compile(pattern), kept)
    for pattern, kept in (
        (r"iPhone; .*?OS (\d{1,2})[_ ]", r"iPhone; CPU iPhone OS \1_0 like Mac OS X"),
        (r"iPad; .*?OS (\d{1,2})[_ ]", r"iPad; CPU OS \1_0 like Mac OS X"),
        (r"Windows NT", "Windows NT 10.0; Win64; x64"),
        (r"Android (\d{1,2})", r"Linux; Android \1; K"),
        (r"Android", "Android; Mobile"),
        (r"Macintosh", "Macintosh; Intel Mac OS X 10_15_7"),
        (r"CrOS", "X11; CrOS x86_64 14541.0.0"),
        (r"Linux", "X11; Linux x86_64"),
    )
]
_PRODUCT: Final = re.compile(
    r"\b(Chrome|CriOS|HeadlessChrome|Firefox|FxiOS|Focus|Version|Edge|Edg|EdgA|EdgiOS|OPR|OPiOS"
    r"|OPT|SamsungBrowser|YaBrowser|Vivaldi|DuckDuckGo|Brave|UCBrowser|MiuiBrowser|HuaweiBrowser"
    r"|Whale|QQBrowser|Silk|Thunderbird|Trident|MSIE|GSA)[/ ](\d{1,4})\b"
)
_ENGINES: Final = ("AppleWebKit/537.36", "AppleWebKit/605.1.15")
# The name of another program and its first version; a digit in a name may tell who it is.
_OTHER: Final = re.compile(r"(?<![A-Za-z0-9])(?!Mozilla/)([A-Za-z][A-Za-z_-]{1,31})/v?(\d{1,4})\b")


def bot_kind(agent: str) -> str:
    """Return the kind of program (`search-engine`, `monitoring`…); empty if none is known."""
    agent = agent[:_SEARCHED_CHARACTERS]
    for together, entries in _CHUNKS:
        if together.search(agent):
            return next(kind for pattern, kind in entries if re.search(pattern, agent))
    return ""


def reduced(agent: str) -> str:
    """Return what is kept of a user agent without consent: browser and system, first versions.

    It is put together from known words, not cut down, so that nothing else of the agent is in it.
    """
    products = [f"{name}/{version}.0.0.0" for name, version in _PRODUCT.findall(agent)]
    system = next(
        (found.expand(kept) for pattern, kept in _SYSTEMS if (found := pattern.search(agent))), ""
    )
    if not products and "AppleWebKit/" not in agent:
        # No browser that is known: the program's name, alone.
        other = _OTHER.search(agent)
        return f"{other[1]}/{other[2]}" if other else ""
    engine = next((engine for engine in _ENGINES if f"{engine} " in agent), "")
    like = f"{engine} (KHTML, like Gecko)" if engine else ""
    words = ["Mozilla/5.0", f"({system})" if system else "", like, *products]
    words += [word for word in ("Mobile", "Safari/537.36") if word.partition("/")[0] in agent]
    return " ".join(word for word in words if word)
