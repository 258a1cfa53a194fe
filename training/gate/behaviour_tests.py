"""Read and run behavioural tests: messages with expected or forbidden outcomes, written by people in YAML.

Method: Ribeiro et al. (2020), "Beyond accuracy: behavioral testing of NLP models with CheckList". Expectation
tests use `intent`, `never` and `expect`; invariance tests (`variants`) require that a misspelt or upper-case
message keeps its intent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chatbot.dialog.message import clean
from chatbot.dialog.router import Prediction, Reply, Router
from chatbot.documents import read_yaml
from chatbot.errors import BundleError
from chatbot.model.bundle import Bundle
from chatbot.model.encoder import Encoded
from chatbot.settings import SlotSettings

_EXPECTED = {"no_answer": "not answered by the model", "handoff": "handed over to a person"}
SHIPPED = Path(__file__).resolve().parents[2] / "data" / "corpus" / "behaviours.yaml"
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Behaviour(BaseModel):
    """One message and the expected behaviour of the bot."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    message: str = Field(min_length=1)
    """The message as a customer would type it; it must not occur in the corpus."""
    intent: str = ""
    """The intent that must be predicted."""
    variants: tuple[str, ...] = ()
    """Misspelt, upper-case or shortened forms of the message: each must get the intent of the message."""
    never: tuple[str, ...] = ()
    """Intents that the bot must not answer with."""
    expect: Literal["", "no_answer", "handoff"] = ""
    """`no_answer`: the model abstains (a person, a clarification or a rule follows); `handoff`: a person answers."""
    must: bool = False
    """Whether its failure alone refuses a challenger, provided a rule of the champion passes the test.

    Training does not change what rules decide.
    """

    @model_validator(mode="after")
    def _expects_something(self) -> Behaviour:
        if not (self.intent or self.variants or self.never or self.expect):
            raise ValueError(
                f"{self.message!r} expects nothing: intent, variants, never or expect is missing"
            )
        return self


class Group(BaseModel):
    """Tests of one capability."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    group: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Identifier of the group."""
    title: str
    """Name of the group for people."""
    why: str
    """The effect of a failure on customers."""
    at_most: float = Field(ge=0, le=1)
    """The share of its tests that may fail, from 0 to 1."""
    tests: tuple[Behaviour, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Test:
    """One executable test; `like`, of a variant: the message whose intent it must get, in place of `behaviour`."""

    __test__ = False  # not a pytest class

    group: str
    message: str
    expected: str
    behaviour: Behaviour
    like: str = ""

    @property
    def intents(self) -> frozenset[str]:
        """Return the intents that the test names; a bundle that lacks one of them does not run it."""
        return frozenset({self.behaviour.intent, *self.behaviour.never} - {""})


@dataclass(frozen=True, slots=True)
class BehaviourResult:
    """Result of a test: whether it passed, what the bot did (in words), and whether a rule decided."""

    passed: bool
    did: str
    by_rule: bool = False


def read_behaviours(file: Path = SHIPPED) -> tuple[Group, ...]:
    """Read a file of behavioural tests.

    Raises: BundleError: the file is missing, is not YAML or names a group twice, or a test violates `Behaviour`.
    """
    try:
        content = read_yaml(file)
        groups = tuple(Group.model_validate(entry) for entry in content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, ValidationError) as error:
        raise BundleError(f"{file} is not a file of behavioural tests: {error}") from error
    names = [group.group for group in groups]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BundleError(f"{file}: two groups have the same name: {', '.join(repeated)}")
    return groups


def expand(groups: Sequence[Group], successors: Mapping[str, str] = _NOTHING) -> list[Test]:
    """Expand groups into single tests, in their order.

    Args:
        successors: by renamed or merged intent: its name now (`Declared.successors`), under which tests name it.
    """
    return [
        test
        for group in groups
        for behaviour in group.tests
        for test in _expanded(group, _renamed(behaviour, successors))
    ]


def messages_of(tests: Sequence[Test]) -> list[str]:
    """Return the messages to encode for these tests: each once, in order."""
    return list(dict.fromkeys(text for test in tests for text in (test.message, test.like) if text))


def run(
    bundle: Bundle, tests: Sequence[Test], encoded: Encoded, successors: Mapping[str, str] = _NOTHING
) -> list[BehaviourResult]:
    """Run tests on a bundle with the routing of production.

    Args:
        encoded: `messages_of(tests)`, by the bundle's encoder.
        successors: as in `expand`; what the bundle understands counts under the same names.
    """
    router = Router(
        bundle.rules,
        bundle.replies,
        bundle.manifest.thresholds,
        SlotSettings().values(),
        languages=bundle.manifest.languages,
    )
    predictions = dict(zip(messages_of(tests), bundle.classify(encoded), strict=True))
    results = []
    for test in tests:
        prediction = predictions[test.message]
        reply = router.before_model(test.message) or router.after_model(test.message, prediction)
        names = [_understood(reply if reply.source == "rule" else None, prediction), reply.intent]
        if test.like:
            names.append(_understood(router.before_model(test.like), predictions[test.like]))
        passed = _passes(test, reply, *(successors.get(name, name) for name in names))
        results.append(BehaviourResult(passed, _describe(reply, prediction), reply.source == "rule"))
    return results


def _expanded(group: Group, behaviour: Behaviour) -> Iterator[Test]:
    message = clean(behaviour.message)
    wanted = [f"understood as {behaviour.intent}"] if behaviour.intent else []
    wanted += [f"not answered as {' or '.join(behaviour.never)}"] if behaviour.never else []
    wanted += [_EXPECTED[behaviour.expect]] if behaviour.expect else []
    if wanted:
        yield Test(group.group, message, ", ".join(wanted), behaviour)
    for variant in behaviour.variants:
        yield Test(group.group, clean(variant), f"as {message!r}", behaviour, like=message)


def _renamed(behaviour: Behaviour, successors: Mapping[str, str]) -> Behaviour:
    intent = successors.get(behaviour.intent, behaviour.intent)
    never = dict.fromkeys(successors.get(name, name) for name in behaviour.never)
    never.pop(intent, None)  # merged into it: the answer is right now
    return behaviour.model_copy(update={"intent": intent, "never": tuple(never)})


def _passes(test: Test, reply: Reply, understood: str, replied: str, like: str | None = None) -> bool:
    if like is not None:
        return understood == like
    behaviour = test.behaviour
    answered = reply.source in {"model", "rule"} and not reply.handoff
    return (
        (not behaviour.intent or understood == behaviour.intent)
        and not (answered and replied in behaviour.never)
        and not (behaviour.expect == "no_answer" and reply.source == "model")
        and not (behaviour.expect == "handoff" and not reply.handoff)
    )


def _understood(rule: Reply | None, prediction: Prediction) -> str:
    """Return the rule's intent if a rule decided, else the classifier's top prediction before thresholds."""
    return rule.intent if rule is not None else prediction.alternatives[0].intent


def _describe(reply: Reply, prediction: Prediction) -> str:
    if reply.source == "rule":
        return f"rule {reply.rule}"
    first = prediction.alternatives[0]
    what = {"model": "answered as", "clarify": "asked back, top intent", "human": "handed over, top intent"}
    return f"{what[reply.source]} {first.intent} ({first.confidence:.0%})"
