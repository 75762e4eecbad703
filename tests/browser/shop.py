"""A shop whose pages carry the tag, on another site than the collector, both over https.

So cookies are those of a third party: without `SameSite=None; Secure` a browser keeps none.
"""

from typing import Any

from collector.snippets import tag_snippet
from tests.support.all_in_one import AllInOneProcess
from tests.support.site import Site
from tests.support.tls import TlsFront

COLLECTOR_HOST = "127.0.0.1"


class Shop:
    """Pages with the snippet as the docs show it, and the rows that they made."""

    def __init__(
        self, site: Site, url: str, key: str, heliograph: AllInOneProcess, front: TlsFront
    ) -> None:
        self.url = url
        self.key = key
        # What a browser calls the site, without the port, and whether the collector is of another.
        self.site = url.rpartition(":")[0]
        self.is_foreign = not self.site.endswith(COLLECTOR_HOST)
        self.collector_url = front.url(COLLECTOR_HOST)
        self._pages = site.pages
        self._heliograph = heliograph

    def put(self, path: str, content: str = "", **snippet: Any) -> str:
        """Put a page up, the snippet first; return its address."""
        self._pages[path] = tag_snippet(self.collector_url, self.key, **snippet) + content
        return self.url + path

    def text(self, path: str) -> str:
        """Return a page's content."""
        return self._pages[path]

    def put_plain(self, path: str, content: str) -> str:
        """Put a page up as it is; return its address."""
        self._pages[path] = content
        return self.url + path

    def rows(self, count: int, *, once: bool = False) -> list[dict[str, Any]]:
        """Wait for the rows, in the order received; there are no more of them.

        With `once`, an event that came twice is one row, as it is in reports.
        """
        rows = self._heliograph.wait_for_rows(
            f"SELECT *, toString(ip) AS address FROM hits WHERE site = '{self.key}' "
            f"ORDER BY received_at, toString(id) {'LIMIT 1 BY event_id' if once else ''}",
            count,
        )
        assert len(rows) == count, [row["event"] for row in rows]
        return rows

    def events(self, count: int) -> list[str]:
        """Wait for the rows; return their events."""
        return [row["event"] for row in self.rows(count)]
