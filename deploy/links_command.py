"""`heliograph snippet`, `link` and `recipients`: what people put into pages, mails and print.

`link` and `recipients` sign with the collector's keys, so they run where its secret file is.
"""

import argparse
import re
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from collector.links import UTM, BadLink, signed_query, tagged
from collector.mail import recipient_bytes
from collector.qr import qr_svg
from collector.secrets import BadSecret, Secrets, load_secrets, secret_path
from collector.snippet_kinds import KINDS, Event, Place, snippet
from deploy.all_in_one import collector_url
from deploy.settings import BadSettings, Settings

EXIT_DONE = 0
EXIT_FAILED = 1
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_snippet_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `snippet`."""
    parser.add_argument("--kind", choices=KINDS, default="tag", help="what it is for [tag]")
    parser.add_argument("--site", default="", metavar="KEY", help="the site's key")
    parser.add_argument(
        "--consent-required", action="store_true", help="nothing is sent before the visitor agrees"
    )
    parser.add_argument("--event", default="", metavar="NAME", help="the event's name")
    parser.add_argument("--value", default="49.99", metavar="NUMBER", help="what it is worth")
    parser.add_argument("--currency", default="EUR", metavar="CODE", help="of the value")


def print_snippet(settings: Settings, options: argparse.Namespace) -> int:
    """Print one snippet."""
    place = Place(
        public_origin(settings),
        options.site,
        settings.collector.pixel_path,
        settings.collector.beacon_path,
        settings.collector.tag_path,
        "required" if options.consent_required else "",
    )
    print(snippet(options.kind, place, Event(options.event, options.value, options.currency)).text)
    return EXIT_DONE


def add_link_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `link`."""
    parser.add_argument("--to", required=True, metavar="URL", help="where it leads")
    parser.add_argument("--site", default="", metavar="KEY", help="the site's key")
    parser.add_argument(
        "--expires", type=_duration_or_time, metavar="TIME",
        help="when it ends: 30d, 12h, or 2026-12-31T18:00 (UTC); never without",
    )  # fmt: skip
    for name in UTM:
        parser.add_argument(
            f"--{name.replace('_', '-')}", metavar="TEXT", help=f"{name}, added on the way"
        )
    parser.add_argument("--cid", metavar="ID", help="email: the campaign")
    parser.add_argument("--mid", metavar="ID", help="email: the message")
    parser.add_argument("--rid", metavar="ID", help="email: the recipient; is signed too")
    parser.add_argument("--qr", type=Path, metavar="FILE", help="also write a QR code, an SVG file")
    parser.add_argument(
        "--direct", action="store_true",
        help="print the destination with its UTM parameters instead: no click is counted",
    )  # fmt: skip


def print_link(settings: Settings, options: argparse.Namespace) -> int:
    """Print a signed link, and write its QR code."""
    utm = {name: value for name in UTM if (value := getattr(options, name))}
    try:
        link = tagged(options.to, utm) if options.direct else _signed_link(settings, options, utm)
    except BadLink as error:
        print(f"{options.to}: {error}", file=sys.stderr)
        return EXIT_FAILED
    if options.qr is not None:
        picture = qr_svg(link)
        if picture is None:
            print(f"a link of {len(link)} bytes is too long for a QR code", file=sys.stderr)
            return EXIT_FAILED
        try:
            options.qr.write_bytes(picture)
        except OSError as error:
            print(f"{options.qr}: {error.strerror}", file=sys.stderr)
            return EXIT_FAILED
    print(link)
    return EXIT_DONE


def add_recipients_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `recipients`."""
    parser.add_argument("--site", default="", metavar="KEY", help="the site's key")
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="one recipient a line [standard input]"
    )


def print_recipients(settings: Settings, options: argparse.Namespace) -> int:
    """Print each recipient with its signature, a tab between."""
    signer = _secrets(settings).signer("recipient")
    try:
        text = options.file.read_text(encoding="utf-8") if options.file else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        print(f"{options.file or 'standard input'}: {error}", file=sys.stderr)
        return EXIT_FAILED
    for recipient in filter(None, text.splitlines()):
        print(f"{recipient}\t{signer.signature(recipient_bytes(options.site, recipient))}")
    return EXIT_DONE


def public_origin(settings: Settings) -> str:
    """Return where browsers find the collector, without a slash at the end."""
    return settings.collector.public_url or collector_url(settings)


def _signed_link(settings: Settings, options: argparse.Namespace, utm: dict[str, str]) -> str:
    secrets = _secrets(settings)
    described = {name: value for name in ("cid", "mid", "rid") if (value := getattr(options, name))}
    if options.rid:
        signed = recipient_bytes(options.site, options.rid)
        described["rs"] = secrets.signer("recipient").signature(signed)
    query = signed_query(
        options.to,
        secrets.signer("link"),
        site=options.site,
        expiry_s=options.expires,
        described=described | utm,
    )
    return f"{public_origin(settings)}{settings.collector.click_path}?{query}"


def _secrets(settings: Settings) -> Secrets:
    try:
        return load_secrets(
            secret_path(settings.collector.secret_file, settings.journal.path), None
        )
    except BadSecret as error:
        raise BadSettings(str(error)) from error


def _duration_or_time(text: str) -> int:
    """Return seconds since 1970."""
    duration = re.fullmatch(r"(\d{1,4})([mhdw])", text)
    if duration:
        ahead = timedelta(**{_UNITS[duration[2]]: int(duration[1])})
        return int(time.time() + ahead.total_seconds())
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text}: not a time, such as 30d, 12h or 2026-12-31T18:00"
        ) from None
    if given.tzinfo is None:
        given = datetime.fromisoformat(f"{given.isoformat()}+00:00")
    return int(given.timestamp())
