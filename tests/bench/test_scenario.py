"""What scenarios have in common: how they are found, and that a result survives JSON."""

import json

import pytest

from bench import scenario
from bench.scenario import ScenarioResult


def test_a_result_survives_json() -> None:
    result = ScenarioResult(
        "storm",
        {"p99_ms": [1.0, 2.0], "nginx.p99_ms": 3.0},
        {"p99 (ms) over time (s)": [(0.0, 1.0), (1.0, 2.0)]},
        ["nginx is not here"],
    )
    assert ScenarioResult.decode(json.loads(json.dumps(result.encode()))) == result


def test_every_scenario_says_what_it_is() -> None:
    for name in scenario.names():
        found = scenario.by_name(name)
        assert name == found.NAME
        assert found.ABOUT.endswith(".")
        assert callable(found.run)


def test_an_unknown_name_is_answered_with_the_known() -> None:
    with pytest.raises(KeyError, match="no scenario 'nothing'"):
        scenario.by_name("nothing")
