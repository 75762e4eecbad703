"""The `heliograph` command: sub-commands, their flags, and what they print.

Every setting is a flag ``--section.name`` of the commands that use its section. What a command does
is in `deploy.commands`.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.fields import FieldInfo

from deploy import commands, dead_letters, enrich, keys, links_command, site_check
from deploy.audiences import command as audiences
from deploy.capacity_command import add_capacity_arguments, capacity
from deploy.demo.command import add_arguments as add_demo_arguments
from deploy.demo.command import demo
from deploy.import_logs.command import add_arguments as add_import_arguments
from deploy.import_logs.command import import_logs
from deploy.person import command as person
from deploy.settings import BadSettings, Settings, environment_variable, load, rows

EXIT_BAD_SETTINGS = 2


@dataclass(frozen=True, slots=True)
class Command:
    """One sub-command: the sections of settings it uses, its function, arguments of its own.

    A name of two words is a command of a group.
    """

    name: str
    about: str
    sections: tuple[str, ...]
    run: Callable[[Settings, argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


GROUPS = {
    "audiences": "People to speak to again, by what they did; only who consented.",
    "dead-letters": "Lines that ClickHouse refused: list, show, replay them.",
    "keys": "Keys of those who send events from a server.",
    "person": "What is stored of a person: show it, hand it over, erase it.",
    "sites": "The sites that this collector serves.",
}
ALL_SECTIONS = tuple(Settings.model_fields)
COMMANDS = (
    Command("run", "Run everything on this machine: store, consumer and collector.",
            ALL_SECTIONS, commands.run),
    Command("collect", "Run the collector: answer requests, write the journal.",
            ("collector", "journal"), commands.collect),
    Command("consume", "Run the consumer: move hits from journals or from Kafka to ClickHouse.",
            ("consumer", "clickhouse", "journal", "kafka"), commands.consume),
    Command("ship", "Run the shipper: move hits from the journal to Kafka.",
            ("kafka", "journal"), commands.ship),
    Command("store", "Run the embedded store: ClickHouse on this machine, in one process.",
            ("store",), commands.store),
    Command("migrate", "Bring ClickHouse's tables to this version; safe to repeat.",
            ("clickhouse",), commands.migrate, commands.add_migrate_arguments),
    Command("enrich", "Parse new user agents, load countries and networks, apply rules to history.",
            ("clickhouse",), enrich.enrich, enrich.add_arguments),
    Command("demo", "Make a synthetic month: visits, campaigns, conversions, email, bots, consent.",
            ("clickhouse", "collector"), demo, add_demo_arguments),
    Command("import", "Make hits of an old pixel's access logs, each line once.",
            ("clickhouse", "collector"), import_logs, add_import_arguments),
    Command("dead-letters list", "List lines that ClickHouse refused, the newest first.",
            ("clickhouse",), dead_letters.list_letters, dead_letters.add_list_arguments),
    Command("dead-letters show", "Show one refused line: why, and its bytes.",
            ("clickhouse",), dead_letters.show_letter, dead_letters.add_show_arguments),
    Command("dead-letters replay", "Put refused lines through again; each becomes one hit at most, "
            "however often it is replayed.",
            ("clickhouse",), dead_letters.replay_letters, dead_letters.add_replay_arguments),
    Command("audiences list", "List the audiences of the file, and how large each is.",
            ("clickhouse",), audiences.list_audiences, audiences.add_file_argument),
    Command("audiences run", "Find who is in each audience now, once or every so often.",
            ("clickhouse",), audiences.run_audiences, audiences.add_run_arguments),
    Command("audiences export", "Write who is in an audience, for a tool or an ad network.",
            ("clickhouse",), audiences.export_audience, audiences.add_export_arguments),
    Command("audiences serve", "Hand audiences out over HTTP, to those who have a key.",
            ("clickhouse", "collector"), audiences.serve_audiences,
            audiences.add_serve_arguments),
    Command("person show", "Say how much is stored of a person.",
            ("clickhouse",), person.show, person.add_arguments),
    Command("person export", "Print all that is stored of a person.",
            ("clickhouse",), person.export, person.add_export_arguments),
    Command("person erase", "Erase all that is stored of a person, and print a receipt.",
            ("clickhouse",), person.erase_person, person.add_erase_arguments),
    Command("capacity", "Plan: what machines and disks a number of hits a second needs.",
            (), capacity, add_capacity_arguments),
    Command("snippet", "Print what a page, a mail or a server needs to send hits, ready to copy.",
            ("collector",), links_command.print_snippet, links_command.add_snippet_arguments),
    Command("link", "Print a signed link that counts its clicks, and write its QR code.",
            ("collector", "journal"), links_command.print_link, links_command.add_link_arguments),
    Command("recipients", "Sign recipients of mails, so that nobody opens mails in another's name.",
            ("collector", "journal"), links_command.print_recipients,
            links_command.add_recipients_arguments),
    Command("keys new", "Make a key for a site's server, and print it.",
            ("collector",), keys.make_key, keys.add_new_arguments),
    Command("keys list", "List the keys of API callers.", ("collector",), keys.list_keys),
    Command("keys revoke", "Take a key back.",
            ("collector",), keys.revoke_key, keys.add_revoke_arguments),
    Command("sites check", "Check the file of sites, and print what holds for each.",
            ("collector",), site_check.check_sites),
    Command("config", "Print the effective settings, secrets hidden.",
            ALL_SECTIONS, commands.print_config),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code (2: settings that can't be used)."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    flags: dict[str, dict[str, str]] = {}
    for key, value in vars(options).items():
        section, dot, name = key.partition(".")
        if dot:
            flags.setdefault(section, {})[name] = value
    try:
        return command.run(load(flags, options.config), options)
    except BadSettings as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_SETTINGS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heliograph",
        description="A tracking-pixel collector: answers at once, keeps what it answered, counts "
        "it once.",
        epilog="Each setting is a flag, an environment variable (HELIOGRAPH_SECTION_NAME) or a "
        "line of heliograph.toml; `heliograph COMMAND --help` lists those a command uses.",
    )
    parsers = {"": parser.add_subparsers(required=True, metavar="COMMAND")}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group not in parsers:
            about = GROUPS[group]
            grouped = parsers[""].add_parser(group, help=about, description=about)
            parsers[group] = grouped.add_subparsers(required=True, metavar="COMMAND")
        sub = parsers[group].add_parser(
            name,
            help=command.about,
            description=command.about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=command)
        configured = os.environ.get("HELIOGRAPH_CONFIG")
        sub.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            default=Path(configured) if configured else None,
            help="TOML file of settings (HELIOGRAPH_CONFIG; heliograph.toml is read if it exists)",
        )
        command.add_arguments(sub)
        _add_settings(sub, command.sections)
    return parser


def _add_settings(parser: argparse.ArgumentParser, sections: Sequence[str]) -> None:
    groups = {section: parser.add_argument_group(section) for section in sections}
    for section, name, row in rows():
        if section in groups:
            groups[section].add_argument(
                f"--{section}.{name}",
                metavar="VALUE",
                default=argparse.SUPPRESS,
                help=_help(section, name, row).replace("%", "%%"),
            )


def _help(section: str, name: str, row: FieldInfo) -> str:
    default = row.default
    if isinstance(default, tuple):
        default = ", ".join(map(str, default))
    shown = f" [{default}]" if default is not None and str(default) else ""
    return f"{row.description}{shown} ({environment_variable(section, name)})"
