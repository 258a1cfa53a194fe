"""What an export says only in the course of a conversation is neither an intent's reply nor an intent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.loading import Loaded, read_corpus

NLU = """nlu:
- intent: refund
  examples: |
    - i want my money back
- intent: affirm
  examples: |
    - yes please
responses:
  utter_refund: [{text: Write to us.}]
  utter_done: [{text: It is done.}]
"""


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def said(loaded: Loaded) -> str:
    assert not loaded.problems
    return "\n".join(str(notice) for notice in loaded.notices)


@pytest.mark.parametrize(
    "conversation",
    [
        "rules:\n- condition: [{active_loop: refund_form}]\n  steps:\n  - intent: affirm",
        "rules:\n- conversation_start: true\n  steps:\n  - intent: affirm",
        "stories:\n- steps:\n  - checkpoint: asked\n  - intent: affirm",
        "stories:\n- steps:\n  - slot_was_set:\n    - asked: true\n  - intent: affirm",
        "stories:\n- steps:\n  - action: utter_refund\n  - intent: affirm",
        "stories:\n- steps:\n  - intent: affirm\n    entities:\n    - city: berlin",
    ],
    ids=["condition", "start", "checkpoint", "slot", "after an action", "entities"],
)
def test_what_rasa_says_in_the_course_of_a_conversation_is_not_the_reply(
    tmp_path: Path, conversation: str
) -> None:
    loaded = read_corpus(written(tmp_path / "nlu.yml", f"{NLU}{conversation}\n  - action: utter_done\n"))
    assert loaded.replies == {"refund": "Write to us."}
    assert "not taken: 1 responses (utter_done); no intent is answered by them alone" in said(loaded)


def test_a_rasa_story_that_begins_with_the_intent_gives_its_reply(tmp_path: Path) -> None:
    steps = "  - action: action_session_start\n  - intent: affirm\n    user: yes\n  - action: utter_done\n"
    loaded = read_corpus(written(tmp_path / "nlu.yml", f"{NLU}stories:\n- steps:\n{steps}"))
    assert loaded.replies == {"refund": "Write to us.", "affirm": "It is done."}


def test_the_copies_that_rasa_splits_off_are_left_out(tmp_path: Path) -> None:
    nlu = "nlu:\n- intent: refund\n  examples: |\n    - money back\n- intent: track\n  examples: |\n    - where is it\n"
    written(tmp_path / "train_test_split" / "training_data.yml", nlu)
    assert len(read_corpus(tmp_path).table) == 2
    written(tmp_path / "data" / "nlu.yml", nlu)
    loaded = read_corpus(tmp_path)
    assert set(loaded.table["source"].str.split(":").str[0]) == {f"{tmp_path.name}/data/nlu.yml"}
    assert "not taken: 1 files in train_test_split; they are copies of the other examples" in said(loaded)


def node(name: str, intent: str, **more: Any) -> dict[str, Any]:
    text = {"generic": [{"response_type": "text", "values": [{"text": f"{name} says"}]}]}
    return {"dialog_node": name, "conditions": f"#{intent}", "output": text, **more}


def test_a_watson_node_that_follows_another_is_disabled_or_one_of_several_is_not_the_reply(
    tmp_path: Path,
) -> None:
    nodes = [
        node("child", "yes", parent="root"),
        node("again", "refund", parent="root"),
        node("root", "refund"),
        node("off", "track", disabled=True),
        node("one", "cancel", type="response_condition", parent="root"),
        {"dialog_node": "folder", "type": "folder"},
        {"dialog_node": "inner", "type": "folder", "parent": "folder"},
        node("in_folder", "hello", parent="inner"),
        {"dialog_node": "for_vips", "type": "folder", "conditions": "$vip"},
        node("vip", "bye", parent="for_vips"),
        {"dialog_node": "closed", "type": "folder", "disabled": True},
        node("in_closed", "pay", parent="closed"),
        node("orphan", "pay", parent="missing"),
    ]
    names = ("yes", "refund", "track", "cancel", "hello", "bye", "pay")
    intents = [{"intent": name, "examples": [{"text": f"{name} please"}]} for name in names]
    loaded = read_corpus(written(tmp_path / "skill.json", {"intents": intents, "dialog_nodes": nodes}))
    assert loaded.replies == {"refund": "root says", "hello": "in_folder says"}
    assert "not taken: 7 texts of dialog nodes" in said(loaded)


def agent(folder: Path, *names: str, **language: str) -> Path:
    written(folder / "agent.json", {"defaultLanguageCode": "en", **language})
    for name in names:
        written(folder / "intents" / name / f"{name}.json", {"displayName": name})
        phrases = {"trainingPhrases": [{"parts": [{"text": f"{name} please"}]}]}
        written(folder / "intents" / name / "trainingPhrases" / "en.json", phrases)
    return folder


def routes(*routes: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "transitionRoutes": [
            {
                "intent": intent,
                "condition": condition,
                "triggerFulfillment": {"messages": [{"text": {"text": [text]}}]},
            }
            for intent, condition, text in routes
        ]
    }


def test_of_dialogflow_cx_only_a_flows_routes_without_a_condition_give_replies(tmp_path: Path) -> None:
    flows = agent(tmp_path / "agent", "refund", "track", "yes", "group") / "flows"
    start = routes(("refund", "$session.params.vip = true", "At once."), ("refund", "true", "Write to us."))
    written(flows / "Start" / "Start.json", {**start, "transitionRouteGroups": ["usual"]})
    written(flows / "Start" / "transitionRouteGroups" / "usual.json", routes(("group", "", "Grouped.")))
    written(
        flows / "A parcel" / "A parcel.json",
        routes(("track", "", "See your page."), ("refund", "", "Later.")),
    )
    page = routes(("track", "", "You are there."), ("yes", "", "It is returned."))
    page["transitionRouteGroups"] = ["here"]
    here = {"displayName": "here", **routes(("yes", "", "Yes."))}
    written(flows / "A parcel" / "transitionRouteGroups" / "here.json", here)
    written(flows / "A parcel" / "pages" / "Ask.json", page)
    written(tmp_path / "agent" / "agent.json", {"defaultLanguageCode": "en", "startFlow": "Start"})
    loaded = read_corpus(tmp_path / "agent")
    assert loaded.replies == {"refund": "Write to us.", "track": "See your page.", "group": "Grouped."}
    assert "not taken: 4 texts of routes; they have a condition, or hold on one page" in said(loaded)


def test_dialogflow_es_intents_that_follow_another_are_left_out(tmp_path: Path) -> None:
    written(tmp_path / "agent.json", {"language": "en"})
    more: dict[str, dict[str, Any]] = {
        "refund": {"contexts": []},
        "refund - yes": {"contexts": ["refund-followup"], "parentId": "1"},
        "refund - fallback": {"parentId": "1", "fallbackIntent": True},
        "in a context": {"contexts": ["order"]},
    }
    for name, fields in more.items():
        written(tmp_path / "intents" / f"{name}.json", {"name": name, **fields})
        phrase = {"data": [{"text": f"words of {name}"}]}
        written(tmp_path / "intents" / f"{name}_usersays_en.json", [phrase, phrase])
    loaded = read_corpus(tmp_path)
    assert set(loaded.table["intent"]) == {"refund"}
    assert (
        "not taken: 3 intents with 6 phrases (in a context, refund - fallback, refund - yes); they follow another "
        "intent, and the bot keeps no state of a conversation" in said(loaded)
    )
