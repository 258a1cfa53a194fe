"""The published corpora are loaded for tests and benchmarks, or it is said what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import CorpusError
from tools.bench.quality import corpora
from tools.bench.quality.corpora import MissingDataError, load_banking77, load_bitext, load_clinc150


def test_each_published_corpus_is_loaded_whole(shared_data: Path) -> None:
    assert len(load_bitext()) == 26_872
    for corpus, rows in ((load_banking77("train"), 10_003), (load_banking77("test"), 3_080)):
        assert (len(corpus), corpus["intent"].nunique(), set(corpus["category"])) == (rows, 77, {""})
    parts = (load_clinc150("train"), load_clinc150("val"), load_clinc150("test"))
    for corpus, rows, beyond in zip(parts, (15_000, 3_000, 4_500), (100, 100, 1_000), strict=True):
        counts = corpus["intent"].value_counts()
        assert (len(corpus), len(counts), counts["out_of_scope"]) == (rows + beyond, 151, beyond)


def test_a_corpus_that_is_not_here_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "_ROOT", tmp_path)
    monkeypatch.setenv("CHATBOT_SHARED_DATA", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"banking77/train\.csv is not at .*CHATBOT_SHARED_DATA"):
        load_banking77("train")
    with pytest.raises(MissingDataError, match=r"fetch it with `python -m data\.fetch bitext`"):
        load_bitext()
    monkeypatch.setenv("CHATBOT_SHARED_DATA", str(tmp_path / "none"))
    with pytest.raises(MissingDataError, match="set CHATBOT_SHARED_DATA"):
        load_clinc150("test")


def test_bitext_that_was_fetched_is_used_where_nothing_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "_ROOT", tmp_path)
    monkeypatch.setenv("CHATBOT_SHARED_DATA", str(tmp_path / "none"))
    fetched = tmp_path / "data" / "raw" / "bitext_customer_support.csv"
    fetched.parent.mkdir(parents=True)
    fetched.write_text("flags,instruction,category,intent,response\nB,hello,TALK,greet,Hi\n")
    assert load_bitext()["message"].tolist() == ["hello"]


def test_a_file_that_is_not_clinc150_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_SHARED_DATA", str(tmp_path))
    file = tmp_path / "clinc150" / "data_full.json"
    file.parent.mkdir()
    for content in ("{", "[]", json.dumps({"test": [["a"]], "oos_test": []})):
        file.write_text(content)
        with pytest.raises(CorpusError, match=r"data_full\.json: not CLINC150"):
            load_clinc150("test")
