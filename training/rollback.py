"""Roll back this machine to an earlier version: `python -m training.rollback [VERSION]`."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import ValidationError

from data.commands import command
from training.promote import Wait, carry_out


@command(ValidationError)
def main(
    version: Annotated[str, typer.Argument(help="The registry's number; none: what served before.")] = "",
    wait: Wait = 120.0,
) -> None:
    """Roll back to an earlier version and make it champion. The gate is not run: it served before."""
    carry_out(lambda promotion: promotion.rollback(version), wait)


if __name__ == "__main__":
    main()
