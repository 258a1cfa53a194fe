"""Numbers of four and more digits are one number to the encoder: the digits of an order number decide nothing."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from training.model.encoder.export import mask_numbers


def test_numbers_of_four_and_more_digits_are_one_and_shorter_ones_are_kept(
    bundle_folder: Path, tmp_path: Path
) -> None:
    tokenizer = Tokenizer.from_file(str(bundle_folder / "tokenizer.json"))
    mask_numbers(tokenizer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    saved = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))

    def ids(message: str) -> list[int]:
        found: list[int] = saved.encode(message).ids
        return found

    assert ids("where is order 12345") == ids("where is order 99871") == ids("Where is order 4400129")
    assert ids("order #99871-2, please") == ids("order #12345-2, please")
    assert ids("I want 2 of 30") != ids("I want 3 of 30")
    assert ids("refund") != ids("12345")
