"""What an error of the Kafka client means to a person who runs the consumer: one sentence."""

from aiokafka import errors

from schemas.delivery import SourceAway, SourceLost
from schemas.errors import Explained
from schemas.kafka_client import LastWords, explain_refusal
from schemas.kafka_settings import KafkaSettings

NOT_ALLOWED = (errors.TopicAuthorizationFailedError, errors.GroupAuthorizationFailedError)


def explain(error: Exception, settings: KafkaSettings, last_words: LastWords) -> str:
    """Return the sentence."""
    said = last_words.take()
    if isinstance(error, SourceAway | SourceLost | Explained):
        return str(error)
    refused = explain_refusal(error, settings, said)
    if refused:
        return refused
    if isinstance(error, NOT_ALLOWED):
        return (
            f"Kafka does not allow what the consumer needs ({type(error).__name__}): Read and "
            f"Describe on topic {settings.topic}, Read on group {settings.consumer_group}"
        )
    if isinstance(error, errors.InvalidSessionTimeoutError):
        return (
            f"the brokers do not take kafka.session_timeout_ms {settings.session_timeout_ms}: see "
            "their group.min.session.timeout.ms and group.max.session.timeout.ms"
        )
    if isinstance(error, TimeoutError | errors.KafkaConnectionError | OSError):
        return f"Kafka at {settings.bootstrap} does not answer (kafka.bootstrap): {said or error}"
    return f"the consumer is out of its group: {error!r}{f' ({said})' if said else ''}"
