"""What counts as contact data: only what a colleague can use to reach the customer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatbot.errors import InvalidMessage
from chatbot.records.contact import contact_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("jane@example.com", "email"),
        ("+49 (0)30 123-4567", "phone"),
        ("call Jane, 0151 12345678, after five", "text"),
        ("tel: 030/123456", "text"),
        ("jane@example.com, not before noon", "text"),
        ("Jane <jane@example.com>", "text"),
        ("jane at example dot com", "text"),
        ("jane at example.com", "text"),
        ("jane(at)example.com", "text"),
        ("jane [at] example [dot] com", "text"),
        ("٠١٥١٢٣٤٥٦٧٨ بعد الخامسة", "text"),
    ],
)
def test_an_address_or_a_number_is_contact_data_also_in_a_sentence(text: str, kind: str) -> None:
    assert contact_of(text, datetime.now(UTC)).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "yes please",
        "asap!",
        "Jane",
        "jane.example.com",
        "jane @example.com",
        "at home",
        "call me at 9",
        "look at my order. thanks",
        "@jane",
        "room 12345, please",
    ],
)
def test_what_nobody_can_be_reached_by_is_refused_with_what_is_needed(text: str) -> None:
    with pytest.raises(InvalidMessage, match=r"name@example\.com|phone number") as refused:
        contact_of(text, datetime.now(UTC))
    assert text not in str(refused.value)
