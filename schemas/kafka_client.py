"""What every client of Kafka is made with: its arguments, and what it last said went wrong.

aiokafka says why a broker can't be reached only in its log, and raises "unable to bootstrap"; so
`LastWords` keeps what it said, to be quoted in our one message. Opens no connection.
"""

import importlib
import logging
import ssl
from typing import Any

from schemas.errors import Explained
from schemas.kafka_settings import KafkaSettings

# What aiokafka raises or logs for a login that brokers refuse (error 58).
LOGIN_REFUSED = "uthentication failed"


class SettingUnusable(Explained):
    """A file or an import path that a setting names can't be used; the message names both."""


def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """Return keyword arguments that producer, consumer and admin clients of aiokafka share.

    Reads the TLS files and imports the token provider; raises SettingUnusable.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "request_timeout_ms": settings.request_timeout_ms,
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = tls_context(settings)
    if settings.security_protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        if settings.sasl_mechanism == "OAUTHBEARER":
            arguments["sasl_oauth_token_provider"] = _token_provider(settings)
        else:
            arguments["sasl_plain_username"] = settings.sasl_username
            arguments["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return arguments


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Return a context that checks the brokers' certificates and names; raises SettingUnusable."""
    ca_file = settings.tls_ca_file
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SettingUnusable(f"kafka.tls_ca_file {ca_file} can't be read: {error}") from error
    if settings.tls_certificate_file and settings.tls_key_file:
        password = settings.tls_key_password.get_secret_value()
        try:
            context.load_cert_chain(
                settings.tls_certificate_file, settings.tls_key_file, lambda: password
            )
        except OSError as error:
            raise SettingUnusable(
                f"kafka.tls_certificate_file {settings.tls_certificate_file}, tls_key_file "
                f"{settings.tls_key_file} or tls_key_password don't fit together: {error}"
            ) from error
    return context


def _token_provider(settings: KafkaSettings) -> object:
    path = settings.oauth_token_provider
    module, _, name = path.partition(":")
    try:
        provider: object = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, TypeError) as error:
        raise SettingUnusable(
            f"kafka.oauth_token_provider {path} can't be used: {error}"
        ) from error
    return provider


class LastWords(logging.Handler):
    """Keeps the client library's last warning instead of printing every one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._text = ""

    def install(self) -> "LastWords":
        """Take over the library's log of this process."""
        logger = logging.getLogger("aiokafka")
        logger.handlers[:] = [self]
        logger.propagate = False
        return self

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self._text = record.getMessage()

    def take(self) -> str:
        """Return the last message, and forget it."""
        text, self._text = self._text, ""
        return text


def explain_refusal(error: Exception, settings: KafkaSettings, said: str) -> str:
    """Return why brokers do not let us in, naming the setting; empty if that is not the trouble.

    `said` is what the client last logged: aiokafka raises less than it logs.
    """
    if LOGIN_REFUSED in f"{error} {said}":
        return (
            f"Kafka at {settings.bootstrap} refuses the login of {settings.sasl_username or 'us'} "
            f"by {settings.sasl_mechanism}: see kafka.sasl_username, kafka.sasl_password and "
            "kafka.sasl_mechanism"
        )
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return (
            f"the certificate of Kafka at {settings.bootstrap} is not trusted: see "
            f"kafka.tls_ca_file ({said})"
        )
    return ""
