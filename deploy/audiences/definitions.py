"""The file of audiences: what a person must have done, and not done, to be in one. Pure."""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.errors import Explained
from schemas.site_file import is_site_key
from schemas.table_file import parse_tables

AUDIENCES_MAX: Final = 200
DAYS_MAX: Final = 540
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class BadAudienceFile(Explained):
    """A file of audiences that can't be used; one line for each fault."""


def _is_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("an audience's name has a-z, 0-9 and -, 64 at most")
    return text


class Deed(BaseModel):
    """Something that was done so many times in so many days: an event, a page, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    event: str = ""
    # As a step of a funnel: `/pricing`, or `/docs/*` for all that begin so.
    path: str = ""
    times: int = Field(1, ge=1, le=1_000_000)
    # Unset: the audience's.
    days: int | None = Field(None, ge=1, le=DAYS_MAX)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.event and not self.path:
            raise ValueError("an event or a path is needed")
        if self.path and not self.path.startswith("/"):
            raise ValueError("a path begins with /")
        return self


class Audience(BaseModel):
    """One audience."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, AfterValidator(_is_name)]
    site: Annotated[str, AfterValidator(is_site_key)]
    about: str = ""
    days: int = Field(30, ge=1, le=DAYS_MAX)
    did: list[Deed] = []
    did_not: list[Deed] = []
    # Instead of deeds: a query with a column `person`. `{at}` stands for the time of the snapshot.
    sql: str = ""

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        if bool(self.sql) == bool(self.did):
            raise ValueError("it has did (and did_not), or sql")
        if self.sql and self.did_not:
            raise ValueError("sql has no did_not beside it")
        return self

    @property
    def definition(self) -> str:
        """A short hash of what decides who is in; it says which snapshots can be compared."""
        return sha256(self.model_dump_json(exclude={"about"}).encode()).hexdigest()[:16]


def parse_audiences(text: str, file: str) -> Sequence[Audience]:
    """Return the audiences of a file's text; raises BadAudienceFile with all that is wrong."""
    audiences, problems = parse_tables(text, file, "audience", Audience, "name", AUDIENCES_MAX)
    if problems:
        raise BadAudienceFile("\n".join(problems))
    return audiences
