"""Build the chat page's HTML; every external text is escaped here and never interpreted as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ui.chat.client import Answer, in_words
from ui.chat.texts import Texts
from ui.shared.escape import label as label
from ui.shared.escape import linked

OUT_OF_SCOPE = "out_of_scope"
VERY_SURE, QUITE_SURE, SOMEWHAT_SURE = 0.9, 0.7, 0.45


def header(t: Texts) -> str:
    """Render the header: the company, and that the assistant is not a person."""
    return (
        '<div class="brand"><span class="avatar" aria-hidden="true"></span><div>'
        f'<h1>{escape(t("header.name"))}</h1><p class="kind">{escape(t("header.kind"))}</p></div></div>'
    )


def greeting(t: Texts) -> str:
    """Render the assistant's greeting."""
    hello = f'<p class="hello">{escape(t("greeting.hello"))}</p><p>{escape(t("greeting.text"))}</p>'
    return _bubble("bot", t("conversation.assistant"), hello)


def said(t: Texts, message: str, unsent: bool = False) -> str:
    """Render the customer's message, exactly as typed."""
    kind = "you unsent" if unsent else "you"
    return _bubble(kind, t("conversation.you"), f'<p class="verbatim">{escape(message)}</p>')


def typing(t: Texts) -> str:
    """Render the typing indicator, with a text for screen readers."""
    dots = '<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>'
    words = f'<span class="visually-hidden">{escape(t("conversation.typing"))}</span>'
    return f'<div class="row bot"><div class="bubble typing" role="status">{dots}{words}</div></div>'


def answered(t: Texts, answer: Answer, titles: Mapping[str, str]) -> str:
    """Render the reply, with intent and confidence below it."""
    words = f'<p class="verbatim">{linked(answer.response)}</p>'
    if answer.handoff:
        return _handoff(t, answer, words) + understood(t, answer, titles)
    return _bubble("bot", t("conversation.assistant"), words) + understood(t, answer, titles)


def understood(t: Texts, answer: Answer, titles: Mapping[str, str]) -> str:
    """Render the intent's title, and the confidence as a bar, a word and a number; empty if there is no intent."""
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
    """Whether a rule's intent is not one of the shop's topics, such as an emergency: shown without label and thumbs."""
    return answer.source == "rule" and bool(titles) and answer.intent not in titles


def title_of(t: Texts, intent: str, titles: Mapping[str, str]) -> str:
    """Return an intent's title for customers."""
    return t("sure.out_of_scope") if intent == OUT_OF_SCOPE else titles.get(intent) or in_words(intent)


def notice(title: str, text: str, body: str = "") -> str:
    """Render an error card; screen readers announce it at once (role alert)."""
    return (
        f'<div class="notice" role="alert"><strong>{escape(title)}</strong><p>{linked(text)}</p>{body}</div>'
    )


def hint(text: str) -> str:
    """Render a one-line status message; screen readers announce it without interrupting (role status)."""
    return f'<p class="hint" role="status">{linked(text)}</p>'


def countdown(text: str) -> str:
    """Render the remaining seconds, hidden from screen readers, which would announce every second."""
    return f'<p class="countdown" aria-hidden="true">{escape(text)}</p>'


def footer(t: Texts, privacy_url: str) -> str:
    """Render the footer: that an automatic assistant answers and may be wrong, and a link to the privacy notice."""
    href = escape(privacy_url or "?notice=privacy")
    name = (
        f'{escape(t("footer.privacy"))}<span class="visually-hidden"> ({escape(t("footer.new_tab"))})</span>'
    )
    link = f'<a href="{href}" target="_blank" rel="noopener noreferrer">{name}</a>'
    return f'<p class="footer">{escape(t("footer.kind"))} {link}</p>'


def privacy(t: Texts, sections: Sequence[str]) -> str:
    """Render the page's own privacy notice."""
    parts = "".join(
        f"<h2>{escape(t(f'privacy.{name}_title'))}</h2><p>{linked(t(f'privacy.{name}_text'))}</p>"
        for name in sections
    )
    head = f"<h1>{escape(t('privacy.title'))}</h1><p>{escape(t('privacy.intro'))}</p>"
    back = f'<p><a href="?">{escape(t("privacy.back"))}</a></p>'
    return f'<article class="document">{head}{parts}{back}</article>'


def state(t: Texts, moves: int = 0, focus: str = "", news: int = 0) -> str:
    """Render the state for page.js: language, labels, the focused element, and whether to scroll to the end."""
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
    """Render the handoff card: that a person takes over, the summary for that person, contact data."""
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
    # At most 99 below certainty: 100 % would claim that an error is impossible.
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
