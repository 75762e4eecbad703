"""The files of sites and of API keys, as they were last found whole, for workers that start.

A worker reads a file again on SIGHUP and keeps the old one if it is broken. One that starts while a
file is broken is given what the others have: this.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from collector.api_keys import BadKeyFile, parse_key_file
from collector.settings import CollectorSettings
from deploy.settings import BadSettings
from schemas.errors import Explained
from schemas.reread_file import read_text
from schemas.site_file import BadSiteFile, parse_site_file

log = logging.getLogger("supervisor")


class OperatorFiles:
    """`texts` has the files' texts by what they are of, and changes in place."""

    def __init__(self, settings: CollectorSettings) -> None:
        """Read the files; raises BadSettings for one that is broken."""
        self._files: list[tuple[str, Path | None, Callable[[str, str], object], type[Explained]]]
        self._files = [
            ("sites", settings.sites_file, parse_site_file, BadSiteFile),
            ("keys", settings.keys_file, parse_key_file, BadKeyFile),
        ]
        self.texts: dict[str, str] = {}
        problems = self._read()
        if problems:
            raise BadSettings("\n".join(problems))

    def reload(self) -> None:
        """Read the files again; a broken one stays as it was."""
        for problem in self._read():
            log.error("not read again, the one before holds: %s", problem)

    def _read(self) -> list[str]:
        problems = []
        for name, path, parse, bad in self._files:
            if path is None:
                continue
            try:
                text = read_text(path, bad)
                parse(text, str(path))
            except Explained as error:
                problems.append(str(error))
            else:
                self.texts[name] = text
        return problems
