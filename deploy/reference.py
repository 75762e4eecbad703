"""Writes the pages and files that are derived from code: `make docs`.

docs/reference/settings.md, hit.md and metrics.md, schemas/hit.schema.json and
deploy/settings.extended.toml. A test compares what is committed with what this makes, so that none
of them drifts.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson

from collector.metrics import METRICS as COLLECTOR_METRICS
from collector.shipper_metrics import METRICS as SHIPPER_METRICS
from consumer.kafka_metrics import KAFKA_METRICS
from consumer.metrics import METRICS as CONSUMER_METRICS
from deploy.admin import SUPERVISOR_METRICS
from deploy.embedded_store.metrics import METRICS as STORE_METRICS
from deploy.settings import Settings, environment_variable, rows
from deploy.toml_text import extended
from schemas import hit
from schemas.metric_table import PREFIX, Metric

ROOT = Path(__file__).parent.parent
_GENERATED = "<!-- Written by `make docs`; change the code it is derived from. -->\n"
METRIC_TABLES: Sequence[tuple[str, Sequence[Metric]]] = (
    ("Collector (port 8081)", COLLECTOR_METRICS),
    ("Shipper (port 8083)", SHIPPER_METRICS),
    ("Consumer (port 8082)", CONSUMER_METRICS),
    ("Consumer that reads Kafka (port 8082)", KAFKA_METRICS),
    ("Embedded store (port 8084, or 8082 under `heliograph run`)", STORE_METRICS),
    ("Supervisor (every admin port)", SUPERVISOR_METRICS),
)


def generated() -> dict[Path, str]:
    """Return every generated file's path, below the root, and its content."""
    reference = Path("docs/reference")
    schema = orjson.dumps(hit.json_schema(), option=orjson.OPT_INDENT_2).decode() + "\n"
    return {
        reference / "settings.md": _settings_page(),
        reference / "hit.md": _hit_page(),
        reference / "metrics.md": _metrics_page(),
        Path("schemas/hit.schema.json"): schema,
        Path("deploy/settings.extended.toml"): extended(),
    }


def main() -> None:
    """Write all generated files."""
    for path, content in generated().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(content)
        print(f"wrote {path}")


def _settings_page() -> str:
    parts = [
        "# Settings\n",
        _GENERATED,
        "A flag (`--section.name`) wins over an environment variable, that over a line of "
        "`heliograph.toml` (or the file named by `--config`), that over the default. Lists are "
        "comma-separated in flags and variables. `heliograph config` prints what holds.\n",
    ]
    for section in Settings.model_fields:
        about = (Settings.model_fields[section].annotation.__doc__ or "").partition("\n")[0]
        parts.append(f"## {section}\n\n{about}\n")
        parts.append(
            _table(
                ("setting", "default", "what it is", "variable"),
                (
                    (
                        f"`{section}.{name}`",
                        f"`{_shown(row.default)}`" if _shown(row.default) else "",
                        row.description or "",
                        f"`{environment_variable(section, name)}`",
                    )
                    for of, name, row in rows()
                    if of == section
                ),
            )
        )
    return "\n".join(parts)


def _hit_page() -> str:
    table = _table(
        ("member and column", "parameter", "column type", "longest", "what it is"),
        (
            (
                f"`{field.name}`" + (" (personal)" if field.personal else ""),
                f"`{field.parameter}`" if field.parameter else "",
                f"`{field.column}`",
                f"{field.bytes_max} bytes" if field.bytes_max else "",
                field.about,
            )
            for field in hit.FIELDS
        ),
    )
    return "\n".join(
        (
            "# The hit\n",
            _GENERATED,
            "One JSON object on one line, in the journal and in the Kafka topic; one row of the "
            "table `hits`. Members without a value are left out. Personal members are written only "
            "as far as consent allows. Readers ignore members they do not know; changes only add. "
            "The JSON Schema is [schemas/hit.schema.json](../../schemas/hit.schema.json).\n",
            table,
        )
    )


def _metrics_page() -> str:
    parts = [
        "# Metrics\n",
        _GENERATED,
        "In Prometheus' text format at `/metrics` of each admin port. Every metric has the label "
        "`process`; a second one is named below.\n",
    ]
    for title, table in METRIC_TABLES:
        parts.append(f"## {title}\n")
        parts.append(
            _table(
                ("metric", "kind", "what it counts", "when it rises"),
                (
                    (
                        f"`{PREFIX}{row.name}`" + (f" by `{row.label}`" if row.label else ""),
                        row.kind,
                        row.counts,
                        row.when_it_rises,
                    )
                    for row in table
                ),
            )
        )
    return "\n".join(parts)


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in body]
    return "\n".join(lines) + "\n"


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return str(default)


if __name__ == "__main__":
    main()
