"""Render HTML reports with jinja2: autoescape, undefined names are errors, one style sheet, nothing external."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_SHARED = Path(__file__).parent


def environment(folder: Path) -> Environment:
    """Return an environment for the templates of a folder; they extend `base.html.j2`, which inlines `style.css`."""
    return Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
