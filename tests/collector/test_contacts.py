"""Emails and phones: the platforms' own examples, and that the plain form leaves nothing behind."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.contacts import email_hash, phone_hash


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_the_example_of_metas_page() -> None:
    expected = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert email_hash("John_Smith@gmail.com") == expected


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" A@Shop.Example\n", "a@shop.example"),
        ("first.last+tag@gmail.com", "first.last+tag@gmail.com"),
        ("ÜNI@bücher.example", "üni@bücher.example"),
    ],
)
def test_emails(text: str, normal: str) -> None:
    assert email_hash(text) == sha(normal)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+1 (650) 555-1212", "+16505551212"),
        ("0044 20 7031 3000", "+442070313000"),
        ("+44 (0)20 7031 3000", "+442070313000"),
        ("+49.30/901820", "+4930901820"),
    ],
)
def test_phones(text: str, normal: str) -> None:
    assert phone_hash(text) == sha(normal)


@pytest.mark.parametrize("text", ["", "a", "a@b", "a b@c.example", "a@b@c.example", "a@" * 400])
def test_what_is_no_email(text: str) -> None:
    assert email_hash(text) is None


@pytest.mark.parametrize(
    "text", ["", "650 555 1212", "+0123456789", "+123456", "+1234567890123456", "+1 650 CALL-ME"]
)
def test_what_is_no_phone_with_a_country_code(text: str) -> None:
    assert phone_hash(text) is None


def test_a_hash_stays() -> None:
    assert email_hash(sha("x").upper()) == phone_hash(sha("x")) == sha("x")


@given(st.text())
def test_any_text_is_a_hash_or_nothing(text: str) -> None:
    for found in (email_hash(text), phone_hash(text)):
        assert found is None or (len(found) == 64 and found.isascii())
