"""The page's own HTML: every text that comes in is escaped here, and never read as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ui.client import Answer, in_words
from ui.marks import label as label
from ui.marks import linked
from ui.texts import Texts

OUT_OF_SCOPE = "out_of_scope"
VERY_SURE, QUITE_SURE, SOMEWHAT_SURE = 0.9, 0.7, 0.45


def header(t: Texts) -> str:
    """Who answers here: the company, and that it is no person."""
    return (
        '<div class="brand"><span class="avatar" aria-hidden="true"></span><div>'
        f'<h1>{escape(t("header.name"))}</h1><p class="kind">{escape(t("header.kind"))}</p></div></div>'
    )


def greeting(t: Texts) -> str:
    """The assistant's first words."""
    hello = f'<p class="hello">{escape(t("greeting.hello"))}</p><p>{escape(t("greeting.text"))}</p>'
    return _bubble("bot", t("conversation.assistant"), hello)


def said(t: Texts, message: str, unsent: bool = False) -> str:
    """What the customer wrote, exactly as it was typed."""
    kind = "you unsent" if unsent else "you"
    return _bubble(kind, t("conversation.you"), f'<p class="verbatim">{escape(message)}</p>')


def typing(t: Texts) -> str:
    """Three dots that move, and their meaning for those who do not see them."""
    dots = '<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>'
    words = f'<span class="visually-hidden">{escape(t("conversation.typing"))}</span>'
    return f'<div class="row bot"><div class="bubble typing" role="status">{dots}{words}</div></div>'


def answered(t: Texts, answer: Answer, titles: Mapping[str, str]) -> str:
    """The reply, and below it what was understood and how sure that is."""
    words = f'<p class="verbatim">{linked(answer.response)}</p>'
    if answer.handoff:
        return _handoff(t, answer, words) + understood(t, answer, titles)
    return _bubble("bot", t("conversation.assistant"), words) + understood(t, answer, titles)


def understood(t: Texts, answer: Answer, titles: Mapping[str, str]) -> str:
    """The intent in plain words; the confidence as a bar, a word and a number. Empty where there is none."""
    if is_unnamed(answer, titles) or (answer.source == "clarify" and not answer.alternatives):
        return ""
    title = escape(title_of(t, answer.intent, titles))
    if answer.source == "choice":
        return (
            f'<div class="understood"><span>{escape(t("sure.chosen"))} <strong>{title}</strong></span></div>'
        )
    lead = escape(t("sure.understood" if answer.source in ("rule", "model") else "sure.guess"))
    words = (
        f"<strong>{title}</strong>" if answer.intent == OUT_OF_SCOPE else f"{lead} <strong>{title}</strong>"
    )
    return f'<div class="understood"><span>{words}</span>{_meter(t, answer.confidence)}</div>'


def is_unnamed(answer: Answer, titles: Mapping[str, str]) -> bool:
    """Whether a rule found what is no topic of the shop, say an emergency: no label, no thumbs there."""
    return answer.source == "rule" and bool(titles) and answer.intent not in titles


def title_of(t: Texts, intent: str, titles: Mapping[str, str]) -> str:
    """An intent in plain words."""
    return t("sure.out_of_scope") if intent == OUT_OF_SCOPE else titles.get(intent) or in_words(intent)


def notice(title: str, text: str, body: str = "") -> str:
    """A card that says what went wrong; read out at once."""
    return (
        f'<div class="notice" role="alert"><strong>{escape(title)}</strong><p>{linked(text)}</p>{body}</div>'
    )


def hint(text: str) -> str:
    """One line of news that does not interrupt."""
    return f'<p class="hint" role="status">{linked(text)}</p>'


def countdown(text: str) -> str:
    """The seconds left, for the eye only: read out every second they would be noise."""
    return f'<p class="countdown" aria-hidden="true">{escape(text)}</p>'


def footer(t: Texts, privacy_url: str) -> str:
    """That it is an assistant and may be wrong, and where the privacy notice is."""
    href = escape(privacy_url or "?notice=privacy")
    name = (
        f'{escape(t("footer.privacy"))}<span class="visually-hidden"> ({escape(t("footer.new_tab"))})</span>'
    )
    link = f'<a href="{href}" target="_blank" rel="noopener noreferrer">{name}</a>'
    return f'<p class="footer">{escape(t("footer.kind"))} {link}</p>'


def privacy(t: Texts, sections: Sequence[str]) -> str:
    """The page's own privacy notice."""
    parts = "".join(
        f"<h2>{escape(t(f'privacy.{name}_title'))}</h2><p>{linked(t(f'privacy.{name}_text'))}</p>"
        for name in sections
    )
    head = f"<h1>{escape(t('privacy.title'))}</h1><p>{escape(t('privacy.intro'))}</p>"
    back = f'<p><a href="?">{escape(t("privacy.back"))}</a></p>'
    return f'<article class="document">{head}{parts}{back}</article>'


def state(t: Texts, moves: int = 0, focus: str = "", news: int = 0) -> str:
    """What page.js has to know: language, names of things, what gets the focus, whether to follow."""
    data = {
        "lang": t.language,
        "log": t("conversation.label"),
        "send": t("input.send"),
        "moves": moves,
        "focus": focus,
        "news": news,
    }
    attributes = " ".join(f'data-{name}="{escape(str(value))}"' for name, value in data.items())
    return f'<span id="chat-state" hidden {attributes}></span>'


def _bubble(kind: str, speaker: str, body: str) -> str:
    who = f'<span class="visually-hidden">{escape(speaker)} </span>'
    return f'<div class="row {kind}"><div class="bubble">{who}{body}</div></div>'


def _handoff(t: Texts, answer: Answer, words: str) -> str:
    """A card unlike any answer: a person takes over, what that person reads, where to reach one."""
    summary = ""
    if answer.summary:
        summary = (
            f'<div class="summary"><h3>{escape(t("handoff.summary"))}</h3>'
            f'<blockquote class="verbatim">{escape(answer.summary)}</blockquote></div>'
        )
    rows = "".join(
        f"<div><dt>{escape(t(f'handoff.{name}'))}</dt><dd>{value}</dd></div>"
        for name, value in (
            ("hours", escape(t("contact.hours"))),
            ("email", linked(t("contact.email"))),
            ("phone", escape(t("contact.phone"))),
        )
        if value
    )
    title = f'<h2><span class="person" aria-hidden="true"></span>{escape(t("handoff.title"))}</h2>'
    body = f'{title}{words}<dl class="contact">{rows}</dl>{summary}'
    return f'<div class="row bot"><div class="bubble handoff">{body}</div></div>'


def _meter(t: Texts, confidence: float) -> str:
    # 100 would say that it cannot be wrong.
    percent = 100 if confidence >= 1 else min(99, round(confidence * 100))
    level = _level(confidence)
    word, number = escape(t(f"sure.{level}")), escape(t("sure.percent", value=percent))
    meter = (
        f'<span class="meter {level}" role="meter" aria-label="{escape(t("sure.label"))}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}" aria-valuetext="{word}, {number}">'
        f'<span style="width:{percent}%"></span></span>'
    )
    return f'<span class="sure">{meter}<span aria-hidden="true">{word} · {number}</span></span>'


def _level(confidence: float) -> str:
    if confidence >= VERY_SURE:
        return "very"
    if confidence >= QUITE_SURE:
        return "quite"
    return "somewhat" if confidence >= SOMEWHAT_SURE else "not"
