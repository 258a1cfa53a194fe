"""The progress of a long command in a log."""

from __future__ import annotations

import io

from rich.console import Console

from training.progress import Steps


def test_in_a_log_each_step_is_named_as_it_begins() -> None:
    log = io.StringIO()
    with Steps(Console(file=log, force_terminal=False)) as steps:
        with steps.wait("corpus"):
            assert log.getvalue().split() == ["corpus"]
        with steps.count("encode", 5403) as advance:
            advance(1)
            assert log.getvalue().splitlines() == ["corpus", "encode: 5,403"]
