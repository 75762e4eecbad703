"""The broker's jars: copied once from Maven Central into a cache folder that git ignores.

`pom.xml` beside this file pins their versions; a changed `pom.xml` gets a folder of its own. Must
not know how a broker is configured or started.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
CACHE_DEFAULT = Path(__file__).parents[2] / ".cache" / "kafka"
MAVEN_SECONDS_MAX = 300.0
INSTALL = "install a JDK (17 or newer) and Maven: apt-get install openjdk-17-jdk-headless maven"


class KafkaUnavailable(Exception):
    """A broker can't be run on this machine; the message says what to install or look at."""


def cache_folder() -> Path:
    """Return where jars are kept: `KAFKA_CACHE`, else `.cache/kafka` of the checkout."""
    return Path(os.environ.get("KAFKA_CACHE", CACHE_DEFAULT))


def java() -> str:
    """Return the path of the java command; raises KafkaUnavailable if there is none."""
    path = shutil.which("java")
    if path is None:
        raise KafkaUnavailable(f"Apache Kafka needs java, which is not in PATH: {INSTALL}")
    return path


def classpath(cache: Path | None = None) -> str:
    """Return the class path of a broker, getting the jars first if they are not in the cache.

    Blocks on the network the first time. Raises KafkaUnavailable.
    """
    java()
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = (cache or cache_folder()) / f"jars-{digest}"
    if not folder.exists():
        _copy_jars(folder)
    return str(folder / "*")


def _copy_jars(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable(f"Apache Kafka's jars need mvn, which is not in PATH: {INSTALL}")
    beside = folder.with_name(f"{folder.name}.{os.getpid()}")
    command = [
        maven, "--quiet", "--batch-mode", f"--file={POM}", "dependency:copy-dependencies",
        "-DincludeScope=runtime", f"-DoutputDirectory={beside.absolute()}",
    ]  # fmt: skip
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=MAVEN_SECONDS_MAX
        )
    except subprocess.SubprocessError as error:
        output = getattr(error, "stdout", None) or ""
        raise KafkaUnavailable(f"Maven could not get Apache Kafka: {error}\n{output}") from error
    if folder.exists():  # another process was quicker
        shutil.rmtree(beside)
    else:
        beside.rename(folder)
