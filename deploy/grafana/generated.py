"""Every file that is written of the dashboards and alerts as code."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import acquisition, audiences, conversions, email, overview, pipeline, quality
from deploy.grafana.alerts import alerts_file

DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "overview": overview.dashboard,
    "acquisition": acquisition.dashboard,
    "conversions": conversions.dashboard,
    "email": email.dashboard,
    "audiences": audiences.dashboard,
    "pipeline": pipeline.dashboard,
    "quality": quality.dashboard,
}
_ALERTS = Path("deploy/prometheus/alerts.yml")
_FOLDER = Path("deploy/grafana/dashboards")


def generated() -> dict[Path, str]:
    """Return every generated file's path, below the root, and its content."""
    dashboards = {
        _FOLDER / f"{name}.json": json.dumps(
            make().build(), cls=JSONEncoder, indent=2, sort_keys=True
        )
        + "\n"
        for name, make in DASHBOARDS.items()
    }
    return {**dashboards, _ALERTS: alerts_file()}
