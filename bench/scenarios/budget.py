"""What a hit costs by stage, in process and as whole processes, and what holds a worker up."""

from bench import budget
from bench.scenario import ScenarioOptions, ScenarioResult

NAME = "budget"
ABOUT = "Where the time of a hit goes: stages, instructions, kernel, pauses."


def run(options: ScenarioOptions) -> ScenarioResult:
    """Measure all of it."""
    return budget.measure(options)
