"""The committed dashboards are what the code makes, of Grafana's schema, and lead to each other."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import TAG, UIDS
from deploy.grafana.generated import generated
from deploy.grafana.metric_names import promql
from tests.deploy.grafana.board import DASHBOARDS, ROOT, variables

COLUMNS = 24
PROVISIONING = ROOT / "deploy/grafana/provisioning"

each_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


@pytest.mark.parametrize("path", generated(), ids=str)
def test_committed_files_are_up_to_date(path: Path) -> None:
    assert (ROOT / path).read_text() == generated()[path], "run `make dashboards`"


def test_no_file_is_left_over() -> None:
    assert {f"deploy/grafana/dashboards/{name}.json" for name in DASHBOARDS} < {
        str(path) for path in generated()
    }


@each_dashboard
def test_it_is_of_grafanas_schema(name: str) -> None:
    """The SDK's model, generated from Grafana's schema, loses nothing of it and adds nothing."""
    parsed = Dashboard.from_json(DASHBOARDS[name])
    assert orjson.loads(JSONEncoder().encode(parsed)) == DASHBOARDS[name]


@each_dashboard
def test_panels_have_their_place_and_say_what_they_are(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["description"].endswith("."), panel["title"]
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= COLUMNS, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


@each_dashboard
def test_links_lead_to_dashboards_and_set_their_variables(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["uid"] == UIDS[name]
    assert TAG in dashboard["tags"]
    assert [link["tags"] for link in dashboard["links"]] == [[TAG]]
    for url in re.findall(r'"url":"([^"]+)"', orjson.dumps(dashboard).decode()):
        target = next(other for other, uid in UIDS.items() if url.startswith(f"/d/{uid}?"))
        assert target in DASHBOARDS
        assert set(re.findall(r"&var-(\w+)=", url)) <= set(variables(target)), url
        for kept in re.findall(r"&\$\{(\w+):queryparam\}", url):
            assert kept in variables(target), url
            assert kept in variables(name), url
        for field in re.findall(r"__data\.fields\.(\w+)", url):
            assert any(columns_have(panel, field) for panel in dashboard["panels"]), url


def columns_have(panel: dict[str, Any], field: str) -> bool:
    """Tell whether a panel's SQL selects a column of a name."""
    return any(re.search(rf"\b{field}\b", one.get("rawSql", "")) for one in panel["targets"])


@each_dashboard
def test_deploys_are_marked(name: str) -> None:
    deploys = DASHBOARDS[name]["annotations"]["list"][0]
    assert (deploys["target"]["type"], deploys["target"]["tags"]) == ("tags", ["deploy"])


def test_data_sources_are_provisioned() -> None:
    file = PROVISIONING / "datasources/heliograph.yml"
    known = {(one["type"], one["uid"]) for one in yaml.safe_load(file.read_text())["datasources"]}
    for dashboard in DASHBOARDS.values():
        for panel in dashboard["panels"]:
            for one in (panel, *panel["targets"]):
                assert (one["datasource"]["type"], one["datasource"]["uid"]) in known


def test_the_folder_is_provisioned() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/heliograph.yml").read_text())[
        "providers"
    ]
    assert provider["type"] == "file"
    assert Path(provider["options"]["path"]).is_absolute()


def test_a_metric_without_a_row_is_an_error() -> None:
    assert promql("rate(<collector_hits_total>[5m])") == "rate(heliograph_collector_hits_total[5m])"
    for wrong in ("<collector_hits>", "<collector_journal_write_seconds>", "<process_up_bucket>"):
        with pytest.raises(KeyError):
            promql(wrong)
