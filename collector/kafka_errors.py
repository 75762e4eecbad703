"""What an error of the Kafka client means to a person: one sentence that names the setting.

Must not decide what is done about it; every one is tried again, and no hit is dropped for one.
"""

from aiokafka import errors

from collector.kafka_topic import TopicUnfit
from schemas.kafka_client import LastWords, SettingUnusable, explain_refusal
from schemas.kafka_settings import KafkaSettings

NOT_ALLOWED = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
)


def explain(error: Exception, settings: KafkaSettings, last_words: LastWords) -> str:
    """Return the sentence."""
    said = last_words.take()
    if isinstance(error, TopicUnfit | SettingUnusable):
        return str(error)
    refused = explain_refusal(error, settings, said)
    if refused:
        return refused
    if isinstance(error, NOT_ALLOWED):
        return (
            f"Kafka does not allow what the shipper needs ({_name(error)}): Write and Describe on "
            f"topic {settings.topic}, Write on transactional ids and Read on groups that begin "
            f"with {settings.name_prefix}"
        )
    if isinstance(error, errors.ProducerFenced):
        return (
            "Kafka gave the journal's transactional id to another producer: this process stood "
            f"still for longer than kafka.transaction_timeout_ms ({settings.transaction_timeout_ms}"
            "), or another shipper works on a copy of the journal"
        )
    if isinstance(error, errors.MessageSizeTooLargeError):
        return (
            f"topic {settings.topic} takes no record batch of kafka.record_batch_bytes_max "
            f"({settings.record_batch_bytes_max}) bytes: raise its max.message.bytes, or lower this"
        )
    if isinstance(error, TimeoutError | errors.KafkaConnectionError | OSError):
        return f"Kafka at {settings.bootstrap} does not answer (kafka.bootstrap): {said or error}"
    return f"Kafka refused a batch: {_name(error)}{f' ({said})' if said else ''}"


def _name(error: Exception) -> str:
    text = str(error)
    return text if type(error).__name__ in text else f"{type(error).__name__}: {text}"
