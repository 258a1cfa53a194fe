"""A training's report: what each target and out-of-scope share costs, why coverage is low, and what is evidence."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from chatbot.model.classifier import Scores
from chatbot.model.encoder import Encoded
from data.similarity import near_duplicates
from tests.training.test_fit import corpus
from training.labels.advice import advice
from training.labels.examine import examine
from training.labels.findings import LabelFindings
from training.model.distinct import distinct_groups, mask, name_groups, weights
from training.model.encoder.export import DEFAULT_ENCODER
from training.model.fit import Fitted, fit, score_unknown
from training.model.generic_pool import MAX_COSINE, load_pool, uncovered
from training.model.notices import foreign_messages
from training.model.operating_points import SHARES, TARGETS, OperatingPoints, OutOfScope, learn_points
from training.model.params import ENOUGH_OWN, TrainParams
from training.model.report import default_reply_notice, print_points
from training.model.thresholds import ESTIMATED, NOT_MEASURED, judge, learn

FIRST_NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "Deniz",
    "Emil",
    "Farah",
    "Goran",
    "Hanna",
    "Ivo",
    "Jana",
    "Kofi",
    "Lena",
]
SENTENCES = ("where is my order {}", "please cancel order {}", "send the invoice for {} again")


def same(*messages: str) -> bool:
    return len(set(distinct_groups(messages).tolist())) == 1


def test_the_notice_of_default_replies_names_five_intents_and_counts_the_rest() -> None:
    names = [f"intent_{number}" for number in range(1, 1_301)]
    assert default_reply_notice(names[:5]).startswith(
        "no reply was written for intent_1, intent_2, intent_3, intent_4, intent_5:"
    )
    assert "intent_5 and 1,295 more: pass a table" in default_reply_notice(names)
    assert "intent_6" not in default_reply_notice(names)


def test_copies_are_one_message_whatever_their_case_and_intent() -> None:
    assert same("I want my money back", "i want  my money back", "I want my money back!")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_one_sentence_with_many_order_numbers_is_one_message(sentence: str) -> None:
    assert same(*(sentence.format(f"#{1000 + 37 * number}") for number in range(120)))
    assert same(*(sentence.format(f"ORD-{number}-XK") for number in range(120)))


def test_one_sentence_with_many_names_is_one_message_also_in_lower_case() -> None:
    assert same(*(f"where is the parcel for {name}" for name in FIRST_NAMES))
    assert same(*(f"where is the parcel for {name.lower()}" for name in FIRST_NAMES))
    assert same(*(f"my name is {name} {last}" for name in FIRST_NAMES for last in ("Smith", "Novak")))


def test_different_questions_that_share_words_are_different_messages() -> None:
    messages = [
        "where is my order",
        "where is my refund",
        "cancel my order",
        "track my order",
        "I lost my card",
    ]
    assert len(set(distinct_groups(messages).tolist())) == len(messages)


def test_a_word_fills_a_slot_only_where_ten_messages_share_the_rest_at_the_same_place() -> None:
    things = ["box", "lamp", "door", "cup", "sofa", "rug", "clock", "shelf", "oven", "bed"]
    assert same(*(f"does the {thing} fit into my kitchen" for thing in things))
    nine = [f"does the {thing} fit into my kitchen" for thing in things[:9]]
    assert len(set(distinct_groups(nine).tolist())) > 1
    moved = [f"the {thing} does fit into my kitchen" for thing in things[9:]]
    assert len(set(distinct_groups([*nine, *moved]).tolist())) > 1
    longer = [f"does the {thing} fit into my kitchen too" for thing in things[9:]]
    assert len(set(distinct_groups([*nine, *longer]).tolist())) > 1


def test_the_memory_for_long_messages_grows_with_their_length_and_not_with_its_square() -> None:
    draw = np.random.default_rng(0)
    messages = [" ".join(draw.choice(list("abcdefghij"), 1_000)) for _ in range(200)]
    tracemalloc.start()
    try:
        found = distinct_groups(messages)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == len(messages)
    assert peak < 100 * 2**20


def test_a_message_in_capitals_is_not_a_list_of_names() -> None:
    assert mask("WHERE IS MY REFUND") == "where is my refund"
    assert mask("Where Is My Refund") == "where is my refund"


def test_near_duplicates_are_found_across_intents_as_within_one() -> None:
    """Prefix filtering is exact: it finds the pairs that comparing all with all finds."""
    words = [
        "order",
        "refund",
        "card",
        "parcel",
        "cancel",
        "where",
        "when",
        "my",
        "late",
        "broken",
        "address",
    ]
    draw = np.random.default_rng(0)
    messages = [" ".join(draw.choice(words, 6)) for _ in range(300)]
    messages += [f"{message} now" for message in messages[:40]]
    groups = distinct_groups(messages)
    pairs = near_duplicates(messages, [""] * len(messages))
    assert len(pairs) >= 10
    assert (groups[pairs[:, 0]] == groups[pairs[:, 1]]).all()
    assert len(np.unique(groups)) > 200


def test_a_group_counts_one() -> None:
    assert weights(np.array([0, 0, 1, 0])).tolist() == pytest.approx([1 / 3, 1 / 3, 1, 1 / 3])


def test_groups_of_the_split_and_of_distinct_messages_are_joined_under_the_smallest_name() -> None:
    assert name_groups(np.array([0, 1, 1, 2]), ["c", "c", "a", "b"]).tolist() == ["a", "a", "a", "b"]


def test_a_group_across_intents_is_in_one_fold_and_counts_once() -> None:
    """The same clouds under two labels: were a twin taught, its other label would be known by heart."""
    encoded, labels, groups = corpus([30, 30, 30], spread=0.1)
    twice = encoded.part(np.repeat(np.arange(90), 2))
    flipped = [name for label in labels for name in (label, f"intent_{(int(label[-1]) + 1) % 3}")]
    held = fit(twice, flipped, np.repeat(groups, 2).tolist()).out_of_fold
    assert held.weight.sum() == pytest.approx(90)
    assert len(held.rows) == 180
    assert held.probabilities.max(axis=1).mean() < 0.7


def test_three_sentences_with_many_order_numbers_measure_nothing() -> None:
    """None can be held out, since its intent would be unknown; what the model says of taught rows proves nothing."""
    encoded, labels, _ = corpus([120, 120, 120], spread=0.05)
    messages = [SENTENCES[int(label[-1])].format(f"#{4000 + row}") for row, label in enumerate(labels)]
    one = fit(encoded, labels, distinct_groups(messages).astype(str).tolist())
    learned = learn(judge(one), np.empty(0), np.empty(0), 0.02, 0.1)
    assert not learned.proved
    assert learned.evidence == NOT_MEASURED
    assert learned.rows == 3
    assert "3 distinct messages" in learned.sentence


def test_eight_copies_of_each_row_prove_no_more_than_the_rows() -> None:
    encoded, labels, groups = corpus([25] * 4, spread=0.05)
    eight = np.repeat(np.arange(100), 8)
    copies = fit(encoded.part(eight), [labels[row] for row in eight], [groups[row] for row in eight])
    found = [
        learn(judge(one), np.empty(0), np.empty(0), 0.02, 0.1)
        for one in (fit(encoded, labels, groups), copies)
    ]
    assert [one.rows for one in found] == [100, 100]
    assert not any(one.proved for one in found)


def test_wrong_labels_spread_over_a_corpus_do_not_make_the_estimate_unsure_of_everything() -> None:
    """Four in a hundred labels are wrong; the clouds are far apart, so that the model is right about nearly all."""
    encoded, labels, groups = corpus([50] * 8, spread=0.25)
    draw = np.random.default_rng(0)
    for row in draw.choice(400, 16, replace=False):
        labels[row] = f"intent_{draw.integers(8)}"
    inside = judge(fit(encoded, labels, groups))
    told = learn(inside, np.empty(0), np.empty(0), 0.02, 0.1)
    by_confidence = learn(replace(inside, doubt=None), np.empty(0), np.empty(0), 0.02, 0.1)
    assert told.evidence == ESTIMATED
    assert told.coverage > by_confidence.coverage + 0.05


def examined(encoded: Encoded, labels: list[str], groups: list[str]) -> tuple[Fitted, LabelFindings]:
    """Fit a corpus and examine its labels."""
    one = fit(encoded, labels, groups)
    rows = [(f"message {row} of {label}", label, str(row), "my.csv") for row, label in enumerate(labels)]
    return one, examine(rows, groups, encoded.vectors, *one.judged, one.classifier.labels)


def fitted(sizes: list[int], spread: float = 0.2) -> tuple[Fitted, LabelFindings]:
    encoded, labels, groups = corpus(sizes, spread=spread)
    labels[0] = "intent_1"
    return examined(encoded, labels, groups)


def points(share: float | None = None, own: int = 0) -> OperatingPoints:
    one, findings = fitted([40, 40, 40, 4], spread=0.1)
    draw = np.random.default_rng(0)
    odds = draw.dirichlet(np.ones(4), 300).astype(np.float32)
    outside = Scores(odds, draw.uniform(0, 0.5, 300).astype(np.float32))
    params = TrainParams(out_of_scope_share=share)
    return learn_points(
        judge(one), outside, outside, params, findings, OutOfScope(own, 300 - own, 7), findings.rows
    )


def test_the_advice_names_intents_with_few_messages_and_pairs_but_no_message() -> None:
    encoded, labels, groups = corpus([40, 80, 6], spread=0.2)
    labels = [*labels[:40], *(f"intent_{1 + row % 2}" for row in range(80)), *(["intent_3"] * 6)]
    _, findings = examined(encoded, labels, groups)
    suspects, pairs, few = advice(findings)
    assert str(len(findings.suspects)) in suspects
    assert "intent_1 and intent_2" in pairs
    assert "intent_3 (6)" in few
    assert "message " not in suspects + pairs + few


def test_every_target_and_share_has_its_coverage_and_risk() -> None:
    found = points()
    assert [one.target for one in found.targets] == sorted(TARGETS)
    assert [one.share for one in found.shares] == sorted(SHARES)
    coverage = [one.coverage for one in found.targets]
    assert coverage == sorted(coverage), "a looser target answers at least as much"


def test_without_a_declared_share_half_the_traffic_may_be_foreign_unless_the_corpus_knows_some_of_it() -> (
    None
):
    assert points().in_force.share == 0.5
    assert points(own=ENOUGH_OWN - 1).in_force.share == 0.5
    assert points(own=ENOUGH_OWN).in_force.share == 0.1
    assert points(share=0.2).in_force.share == 0.2


def test_messages_of_intents_that_were_left_out_look_less_known_than_taught_ones() -> None:
    encoded, labels, groups = corpus([30] * 8)
    one = fit(encoded, labels, groups)
    unknown = score_unknown(encoded, one)
    assert len(unknown.scope) == 240
    assert np.median(unknown.scope) < np.quantile(one.out_of_fold.scope, 0.2)
    assert len(score_unknown(*(two := corpus([20] * 3))[:1], fit(*two)).scope) == 0


def test_the_risk_with_unknown_intents_is_reported_for_every_target_and_share() -> None:
    kept = points().as_dict()
    assert kept["out_of_scope"]["below"] > 0.5, "most out-of-scope messages are below the cut of scope"
    risks = [row["unknown_risk"] for row in (*kept["targets"], *kept["shares"])]
    assert len(risks) == len(TARGETS) + len(SHARES)
    assert all(0 <= risk <= 1 for risk in risks)


def test_the_promise_names_the_traffic_it_does_not_hold_for() -> None:
    found = points(share=0.1)
    warned = replace(found, in_force=replace(found.in_force, unknown_risk=0.081))
    assert "Not promised for topics of your own domain" in warned.sentence
    assert "8.1% of the answers are wrong" in warned.as_dict()["sentence"]
    held = replace(found, in_force=replace(found.in_force, unknown_risk=0.01))
    assert held.sentence == found.in_force.sentence
    in_scope_alone = replace(warned, in_force=replace(warned.in_force, share=0.0))
    assert "Not promised" not in in_scope_alone.sentence


def test_the_printed_table_shows_the_upper_bound_beside_an_estimate() -> None:
    found = points()
    assert f"{found.in_force.bound:.1%}" in printed(found)
    assert "95 % upper bound of wrong" in printed(found)


def test_the_bundle_keeps_the_table_and_the_reasons() -> None:
    kept = points().as_dict()
    assert {
        "target",
        "share",
        "coverage",
        "risk",
        "proved",
        "evidence",
        "sentence",
        "rows",
        "messages",
    } <= kept.keys()
    assert [row["target"] for row in kept["targets"]] == list(TARGETS)
    assert kept["targets"][1]["thresholds"].keys() == {"answer", "clarify", "scope"}
    assert any("intent_3 (4)" in sentence for sentence in kept["advice"])
    assert kept["out_of_scope"]["generic"] == 300
    assert 2 < len(kept["curve"]) <= 50


def test_the_tables_fit_a_terminal_of_eighty_columns() -> None:
    assert "…" not in printed(points(), width=80)


def printed(found: OperatingPoints, width: int = 200) -> str:
    out = io.StringIO()
    print_points(Console(file=out, width=width), found)
    return out.getvalue()


def test_the_printed_report_says_what_is_in_force_and_what_it_was_learned_from() -> None:
    found = points()
    text = printed(replace(found, in_force=replace(found.in_force, coverage=0.9)))
    assert "Learned on 124 distinct messages of 124. " in text
    assert "300 messages of the shipped generic pool" in text
    assert "what to do" not in text
    assert "in force" in printed(found)


def test_where_coverage_is_low_the_printed_report_says_why_and_what_to_do() -> None:
    found = points()
    text = printed(replace(found, in_force=replace(found.in_force, coverage=0.1)))
    assert "Only 10% is answered" in text
    assert "intent_3 (4)" in text
    assert "'message 0 of intent_1' is labelled intent_1: intent_0?" in text


def test_where_coverage_is_low_at_an_assumed_share_the_report_says_what_another_share_would_answer() -> None:
    found = points()
    usual = next(one for one in found.shares if one.share == 0.1)
    text = printed(low := replace(found, in_force=replace(found.in_force, coverage=0.1)))
    assert f"50% is assumed. At 10%, {usual.coverage:.0%} would be answered." in text
    assert "--out-of-scope-share 0.1" in low.as_dict()["advice"][0]
    for known in (points(share=0.5), points(own=120)):
        assert "is assumed" not in printed(replace(known, in_force=replace(known.in_force, coverage=0.1)))


def test_where_coverage_is_low_the_first_cause_is_a_language_that_the_encoder_does_not_understand() -> None:
    german = ["Wo ist mein Paket geblieben?", "Ich möchte die Schuhe zurückschicken", "where is my parcel"]
    one, findings = fitted([40, 40, 40, 4], spread=0.1)
    nothing = Scores(np.empty((0, 4), np.float32), np.empty(0, np.float32))
    foreign = foreign_messages(DEFAULT_ENCODER, german)
    found = learn_points(
        judge(one), nothing, nothing, TrainParams(), findings, OutOfScope(0), findings.rows, foreign
    )
    text = printed(low := replace(found, in_force=replace(found.in_force, coverage=0.1)))
    assert "- Language: 2 of 3 messages (67%) are in German" in text
    assert low.as_dict()["advice"][0].startswith("Language: ")
    assert "Language" not in printed(replace(low, foreign=""))


def test_the_generic_pool_is_large_varied_and_without_repetition() -> None:
    pool = load_pool()
    assert len(pool) >= 1_500
    assert len(set(distinct_groups(pool).tolist())) >= 0.97 * len(pool)


def test_a_generic_message_that_an_intent_covers_is_left_out() -> None:
    pool = np.array([[1, 0], [0, 1], [0.8, 0.6]], dtype=np.float32)
    assert uncovered(pool, np.array([[1, 0]], dtype=np.float32)).tolist() == [1]
    assert MAX_COSINE < 0.8


def test_the_pool_has_no_message_of_the_shipped_corpus() -> None:
    folder = Path(__file__).parents[2] / "data" / "corpus" / "intents"
    shipped = " ".join(file.read_text("utf-8").casefold() for file in folder.glob("*.yaml"))
    assert not [message for message in load_pool() if f"- {message.casefold()}\n" in shipped]
