"""All settings: the parts' sections, and where values come from.

A flag wins over an environment variable, that over the file, that over the default. Every value is
checked at start; an error names the setting, the value and what is allowed.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from collector.settings import CollectorSettings
from consumer.settings import ClickHouseSettings, ConsumerSettings
from deploy.embedded_store.settings import StoreSettings
from schemas.journal.settings import JournalSettings
from schemas.kafka_settings import KafkaSettings

ENVIRONMENT_PREFIX = "HELIOGRAPH_"
FILE_DEFAULT = Path("heliograph.toml")


class BadSettings(Exception):
    """Settings that can't be used; the message has a line for each, for a person."""


class Settings(BaseSettings):
    """Every setting of every part."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        enable_decoding=False,
        extra="forbid",
        frozen=True,
    )

    collector: CollectorSettings = CollectorSettings()
    journal: JournalSettings = JournalSettings()
    consumer: ConsumerSettings = ConsumerSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    store: StoreSettings = StoreSettings()
    kafka: KafkaSettings = KafkaSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give the order of precedence, first wins."""
        file = TomlConfigSettingsSource(
            settings_cls, toml_file=settings_cls.model_config["toml_file"]
        )
        return init_settings, env_settings, file


def load(flags: Mapping[str, Mapping[str, str]], file: Path | None) -> Settings:
    """Read all settings; `flags` holds section → name → text.

    Raises BadSettings, also for a named file that does not exist.
    """
    path = file or FILE_DEFAULT
    if file is not None and not file.is_file():
        raise BadSettings(f"{file}: no such file (--config or HELIOGRAPH_CONFIG)")
    _refuse_unknown_variables()
    loader = type("Settings", (Settings,), {"model_config": {"toml_file": path}})
    try:
        settings: Settings = loader(**flags)
    except ValidationError as error:
        raise BadSettings("\n".join(_explain(error))) from error
    except ValueError as error:
        raise BadSettings(f"{path}: {error}") from error
    return settings


def rows() -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield every setting: its section, its name, what is known of it."""
    for section, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for name, row in model.model_fields.items():
            yield section, name, row


def environment_variable(section: str, name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{ENVIRONMENT_PREFIX}{section}_{name}".upper()


def revealed(section: BaseModel) -> dict[str, Any]:
    """Return a section as JSON for a child process, secrets included."""
    values = section.model_dump(mode="json")
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, SecretStr):
            values[name] = value.get_secret_value()
    return values


def _refuse_unknown_variables() -> None:
    known = {environment_variable(section, name) for section, name, _ in rows()}
    known.add(f"{ENVIRONMENT_PREFIX}CONFIG")
    unknown = [
        name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX) and name not in known
    ]
    if unknown:
        raise BadSettings("\n".join(f"{name}: no such setting" for name in sorted(unknown)))


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        place = [str(part) for part in problem["loc"]]
        setting = ".".join(place)
        if len(place) >= 2:
            setting += f" ({environment_variable(place[0], place[1])})"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            yield f"{setting}: no such setting"
        elif len(place) < 2:
            yield f"{setting}: {message}"
        else:
            yield f"{setting}: got {problem['input']!r}: {message}"
