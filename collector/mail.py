"""What is worked out for hits of email: whether the recipient is signed, and who opened it.

Hits that carry an id of a mail (`parameters` marks them with an empty `opened_by`) come here before
consent cuts what the rules look at. Pure; knows nothing of requests and of consent.
"""

from datetime import datetime
from typing import Final

from collector.facts import Facts
from collector.parameters import Members, note
from collector.secrets import Signer
from schemas.email_opens import classify

# The ways that a mail's image and links are asked for; a server or a page opens no mail.
_ENDPOINTS: Final = frozenset(("pixel", "click"))


class MailJudge:
    """Judges the hits of email by one collector's settings."""

    def __init__(self, recipients: Signer, *, signed_only: bool) -> None:
        self._recipients = recipients
        self._signed_only = signed_only

    def judge(self, members: Members, facts: Facts, endpoint: str, now_ms: int) -> None:
        """Say who opened it, and drop a recipient that nobody signed."""
        del members["opened_by"]
        signature = members.pop("recipient_signature", "")
        recipient = members.get("recipient_id")
        # Who has a key of the API may name whom he likes.
        if recipient is not None and endpoint != "api":
            problem = self._problem(members.get("site", ""), recipient, signature)
            if problem:
                del members["recipient_id"]
                note(members, problem)
        if endpoint in _ENDPOINTS:
            opening = facts.opening(_seconds_since(members.get("sent_at"), now_ms))
            members["opened_by"], members["opened_by_reason"] = classify(opening)

    def _problem(self, site: str, recipient: str, signature: str) -> str:
        if signature:
            if self._recipients.is_signed(recipient_bytes(site, recipient), signature):
                return ""
            return "recipient_id: the signature is another's"
        return "recipient_id: not signed" if self._signed_only else ""


def recipient_bytes(site: str, recipient: str) -> bytes:
    """Return what a recipient's signature signs."""
    return f"{site}\n{recipient}".encode()


def _seconds_since(sent_at: str | None, now_ms: int) -> float | None:
    if sent_at is None:
        return None
    return now_ms / 1000 - datetime.fromisoformat(sent_at).timestamp()
