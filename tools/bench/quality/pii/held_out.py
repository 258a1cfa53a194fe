"""Measure PII redaction on messages of another author: `python -m tools.bench.quality.pii.held_out [--misses]`.

Prints Markdown: recall by kind of personal data (a span counts if its text is not in the redacted message), and the
share of harmless messages that are changed. The author of the messages had not seen the rules; they were first opened
on 2026-11-28, after the rules of that day.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from chatbot.privacy import redact
from data.commands import command

HERE = Path(__file__).parent
TARGETS = {
    "password": 95,
    "introduced_name": 92,
    "other_name": 85,
    "address": 85,
    "birth_date": 85,
}
STRUCTURED = 98


def read(name: str) -> list[dict[str, Any]]:
    """Read one of the two files: objects with `text`, `language` and, of sensitive ones, `spans`."""
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


@command()
def main(misses: bool = typer.Option(False, help="Print what is not redacted, and what is changed.")) -> None:
    """Print the table."""
    spans, found = Counter[str](), Counter[str]()
    for message in read("held_out.jsonl"):
        redacted = redact(message["text"])
        for span in message["spans"]:
            is_redacted = span["text"] not in redacted
            spans[span["kind"]] += 1
            found[span["kind"]] += is_redacted
            if misses and not is_redacted:
                typer.echo(f"{span['kind']}: {span['text']!r} in {message['text']!r}")
    harmless = [message["text"] for message in read("held_out_harmless.jsonl")]
    changed = [text for text in harmless if redact(text) != text]
    if misses:
        typer.echo("\n".join(f"changed: {text!r} -> {redact(text)!r}" for text in changed))
    typer.echo("| kind | spans | target | redacted | |\n|---|---:|---:|---:|---|")
    for kind, count in sorted(spans.items()):
        target, share = TARGETS.get(kind, STRUCTURED), 100 * found[kind] / count
        verdict = "met" if share >= target else f"missed by {target - share:.1f} points"
        typer.echo(f"| {kind.replace('_', ' ')} | {count} | {target} % | {share:.1f} % | {verdict} |")
    share = 100 * len(changed) / len(harmless)
    verdict = "met" if share <= 1 else f"missed by {share - 1:.1f} points"
    typer.echo(f"| harmless, changed | {len(harmless)} | 1 % | {share:.1f} % | {verdict} |")


if __name__ == "__main__":
    main()
