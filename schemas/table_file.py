"""TOML files that an operator writes as tables of one kind, `[[site]]` or `[[key]]`.

Checked as a whole: an error names the file, the table and the member, and all faults are told at
once. Pure; knows nothing of what a table is for.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


def parse_tables(
    text: str, file: str, kind: str, model: type[M], named_by: str, tables_max: int
) -> tuple[Sequence[M], list[str]]:
    """Return the tables of a file's text that are right, and what is wrong with the others.

    `named_by` is the member that tells a table from the others; no two have the same.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return [], [f"{file}: {error}"]
    problems = [f"{file}: {key}: no such table, only [[{kind}]]" for key in content if key != kind]
    tables = content.get(kind, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{file}: {kind}: each is a table of its own: [[{kind}]]")
        tables = []
    if len(tables) > tables_max:
        problems.append(f"{file}: {len(tables)} of [[{kind}]], at most {tables_max}")
        tables = []
    entries: list[M] = []
    names: set[object] = set()
    for number, table in enumerate(tables, 1):
        place = f"{file}: {_title(kind, number, table.get(named_by))}"
        try:
            entry = model.model_validate(table)
        except ValidationError as error:
            problems += _explain(place, error)
            continue
        if table[named_by] in names:
            problems.append(f"{place}: {named_by}: there are two of it")
        names.add(table[named_by])
        entries.append(entry)
    return entries, problems


def _title(kind: str, number: int, name: object) -> str:
    return f"{kind} {name!r}" if isinstance(name, str) and name else f"{kind} number {number}"


def _explain(place: str, error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        member = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            yield f"{place}: {member}: no such member"
        elif problem["type"] == "missing":
            yield f"{place}: {member}: missing"
        else:
            yield f"{place}: {member}: got {_shown(problem['input'])}: {message}"


def _shown(value: Any) -> str:
    return f"{value!r:.80}" if not isinstance(value, Mapping) else "a table"
