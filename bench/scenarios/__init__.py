"""The scenarios, a module each: `NAME`, `ABOUT` and ``run(ScenarioOptions) -> ScenarioResult``.

A module's name is the scenario's, with `_` for `-`; `bench.scenario` finds them by looking here.
"""
