"""Writes the dashboards and the alerts: `make dashboards`."""

from deploy.grafana.generated import generated
from deploy.reference import ROOT

for path, content in generated().items():
    (ROOT / path).write_text(content)
    print(f"wrote {path}")
