"""The names of intents are text that training learns from."""

from training.model.titles import titles_of


def test_a_name_is_read_as_words_and_one_without_a_word_is_left_out() -> None:
    assert titles_of(["Refund_not-showing up?", "42", "q1", "отмена.заказа", "WhoMadeYou"]) == {
        "WhoMadeYou": "who made you",
        "Refund_not-showing up?": "refund not showing up",
        "отмена.заказа": "отмена заказа",
    }
    assert titles_of([]) == {}
