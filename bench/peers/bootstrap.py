"""Where peers that need a broker find it: the variable that `make kafka` and the tests use too."""

import os

BOOTSTRAP = "KAFKA_BOOTSTRAP"


def missing() -> str:
    """Say so if no broker is named."""
    return "" if os.environ.get(BOOTSTRAP) else f"a Kafka, named by {BOOTSTRAP}"
