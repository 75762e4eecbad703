"""The collector's metrics: what each counts, what a rise means, what to do.

Workers add to plain integers (`Counters`); the names here are the only ones.
"""

from schemas.metric_table import Histogram, Metric, Snapshot

# From 10 µs (a write to the page cache) to 1 s (a disk in trouble).
SECONDS_BOUNDS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1.0)

METRICS = (
    Metric("collector_hits_total", "counter",
           "Hits kept in the journal, by endpoint.", "Traffic.", label="endpoint"),
    Metric("collector_hits_lost_total", "counter",
           "Hits that the journal refused: disk full, quota reached.",
           "Data is missing: free the disk, raise journal.quota_bytes_max or mend the reader."),
    Metric("collector_hits_at_risk_total", "counter",
           "Hits answered before the disk took them, past journal.write_ms_max; most are kept.",
           "The disk stalls: move the journal, or find what else writes to it."),
    Metric("collector_hits_with_problems_total", "counter",
           "Hits kept with a member that could not be used.",
           "A snippet is wrong: the column `problems` says which member and why."),
    Metric("collector_hits_denied_total", "counter",
           "Hits kept without anything personal, since consent did not allow it.",
           "More visitors refuse, or a consent banner broke."),
    Metric("collector_hits_unlisted_total", "counter",
           "Hits of a `site` that collector.sites_file does not have, or of a `page` that the site "
           "does not list; collector.unknown_sites says whether they are kept.",
           "A snippet has a wrong key, a site moved, or somebody sends hits that are not yours.",
           label="reason"),
    Metric("collector_links_refused_total", "counter",
           "Clicks of links that lead nowhere, by reason: `signature`, `expired`, `destination` "
           "(of a form that browsers may misread), `parameters`.",
           "A mailer breaks links, a domain is missing in collector.link_domains, or somebody "
           "looks for an open redirect.", label="reason"),
    Metric("collector_files_stale", "gauge",
           "Files of sites and keys that could not be read again; the ones before hold.",
           "The log and /readyz name the fault: mend the file and send SIGHUP."),
    Metric("collector_connections", "gauge", "Open connections.",
           "More clients, or clients that do not close: see collector.connections_max."),
    Metric("collector_connections_refused_total", "counter",
           "Connections answered 503, over collector.connections_max.",
           "Add workers or machines, or raise the limit."),
    Metric("collector_connections_timed_out_total", "counter",
           "Connections closed by reason: `idle`, `read` (slowloris).",
           "`read`: slow or hostile clients.", label="reason"),
    Metric("collector_requests_handed_over_total", "counter",
           "Connections that the pixel lane gave to the application.",
           "Not a pixel GET, or one of unusual form: more CPU per request."),
    Metric("collector_requests_refused_total", "counter",
           "Requests answered with an error, by status.",
           "Broken clients or attacks.", label="status"),
    Metric("collector_journal_write_seconds", "histogram",
           "Time of one write to the journal: what an answer waits for.",
           "The disk is slow; the pixel's latency is at least this."),
    Metric("collector_journal_writes_total", "counter",
           "Writes to the journal; hits divided by it is the mean batch.", "Traffic."),
    Metric("collector_journal_bytes", "gauge",
           "Bytes in the worker's journal.",
           "A reader is behind or down; at journal.quota_bytes_max hits are lost."),
)  # fmt: skip


class Counters:
    """What one worker counts, as plain integers; no call into a metrics library per hit."""

    def __init__(self) -> None:
        self.hits = {"pixel": 0, "beacon": 0, "api": 0, "click": 0}
        self.lost = 0
        self.at_risk = 0
        self.problems = 0
        self.denied = 0
        self.unlisted = {"site": 0, "page": 0}
        self.links_refused = {"signature": 0, "expired": 0, "destination": 0, "parameters": 0}
        self.files_stale = 0
        self.connections_refused = 0
        self.timed_out = {"idle": 0, "read": 0}
        self.handed_over = 0
        self.refused: dict[str, int] = {}
        self.batches = 0
        self.write_seconds = Histogram(SECONDS_BOUNDS)

    def refuse(self, status: int) -> None:
        """Count a request answered with an error status."""
        key = str(status)
        self.refused[key] = self.refused.get(key, 0) + 1

    def snapshot(self, connections: int, journal_bytes: int) -> Snapshot:
        """Return all numbers by metric name."""
        return {
            "collector_hits_total": self.hits,
            "collector_hits_lost_total": self.lost,
            "collector_hits_at_risk_total": self.at_risk,
            "collector_hits_with_problems_total": self.problems,
            "collector_hits_denied_total": self.denied,
            "collector_hits_unlisted_total": self.unlisted,
            "collector_links_refused_total": self.links_refused,
            "collector_files_stale": self.files_stale,
            "collector_connections": connections,
            "collector_connections_refused_total": self.connections_refused,
            "collector_connections_timed_out_total": self.timed_out,
            "collector_requests_handed_over_total": self.handed_over,
            "collector_requests_refused_total": self.refused,
            "collector_journal_write_seconds": self.write_seconds.snapshot(),
            "collector_journal_writes_total": self.batches,
            "collector_journal_bytes": journal_bytes,
        }
