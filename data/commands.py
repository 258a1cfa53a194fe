"""Make commands of functions: options by Typer, expected errors as one line or a table of a corpus's problems."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from chatbot.errors import ChatbotError
from data.errors import CorpusError, problems_table

P = ParamSpec("P")


def reports_errors(*others: type[Exception]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Wrap a command so that a ChatbotError, an OSError, or one of these, is printed in one line and exits with 1."""
    reported: tuple[type[Exception], ...] = (ChatbotError, OSError, *others)

    def decorate(command: Callable[P, None]) -> Callable[P, None]:
        @wraps(command)
        def run(*given: P.args, **named: P.kwargs) -> None:
            console = Console(stderr=True)
            try:
                command(*given, **named)
            except CorpusError as error:
                console.print(*problems_table(list(error.problems), []))
                raise typer.Exit(1) from None
            except reported as error:
                console.print(Text(str(error), style="red"), soft_wrap=True)
                raise typer.Exit(1) from None

        return run

    return decorate


def command(*others: type[Exception]) -> Callable[[Callable[..., None]], typer.Typer]:
    """Make a function the only command of a module, which `main()` runs; errors as `reports_errors` prints them."""

    def decorate(function: Callable[..., None]) -> typer.Typer:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command()(reports_errors(*others)(function))
        return app

    return decorate
