"""The names of intents are text that training learns from."""

import pytest

from training.corpus.reading import title_of
from training.model.titles import titles_of


def test_a_name_is_read_as_words_and_one_without_a_word_is_left_out() -> None:
    assert titles_of(["Refund_not-showing up?", "42", "q1", "отмена.заказа", "WhoMadeYou"]) == {
        "WhoMadeYou": "who made you",
        "Refund_not-showing up?": "refund not showing up",
        "отмена.заказа": "отмена заказа",
    }
    assert titles_of([]) == {}


@pytest.mark.parametrize(
    ("intent", "title"),
    [
        ("cancel_order", "Cancel order"),
        ("WhoMadeYou", "Who made you"),
        ("Do-i-need-an-umbrella", "Do i need an umbrella"),
        ("Refund_not-showing up?", "Refund not showing up?"),
        ("VPN access", "VPN access"),
        ("opening hours", "Opening hours"),
        ("Wi-Fi", "Wi-Fi"),
        ("VPN", "VPN"),
        ("COMPLAINTS", "Complaints"),
    ],
)
def test_a_name_that_was_written_for_people_stays_as_it_is(intent: str, title: str) -> None:
    assert title_of(intent) == title
