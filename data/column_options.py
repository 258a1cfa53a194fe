"""Declare the command-line options that fill `Columns`, once for every command that reads a corpus."""

from __future__ import annotations

from typing import Annotated

import typer

MessageColumn = Annotated[str | None, typer.Option("--message-column", help="The message's column.")]
IntentColumn = Annotated[
    str | None,
    typer.Option("--intent-column", help="The intent's column; two are joined: `scenario+action`."),
]
CategoryColumn = Annotated[str | None, typer.Option("--category-column", help="The category's column.")]
Header = Annotated[
    bool,
    typer.Option(
        "--header/--no-header", help="Whether the first row has names; if not, columns are 1, 2, ..."
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", help="Of text files, such as cp1251, gbk or utf-16; default: detected."),
]
LabelsAsWritten = Annotated[
    bool, typer.Option("--labels-as-written", help="Keep spellings apart, and `oos` an intent.")
]
CleanMail = Annotated[
    bool | None,
    typer.Option(
        "--clean-mail/--as-written",
        help="Convert HTML to text, remove quoted replies and signatures; default: of tickets.",
    ),
]
Tags = Annotated[str, typer.Option("--tags", help="The tags of tickets that are intents: `refund,delivery`.")]
