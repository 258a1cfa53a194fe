"""Read a section of params.yaml, with the values that command-line options override."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from chatbot.documents import read_yaml
from chatbot.errors import SettingError
from chatbot.settings.base import allowed

M = TypeVar("M", bound=BaseModel)

DEFAULT_FILE = Path("params.yaml")


def read_section(kind: type[M], path: Path, section: str, options: Mapping[str, object] | None = None) -> M:
    """Read a section of a params.yaml; defaults if the section, or the file of the default name, is missing.

    Args: options: values of command-line options, which override the file's, by the name of the field. None: not given.

    Raises: SettingError: the file cannot be read, or values are invalid: each is named with where it comes from.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    try:
        # A file that is named must exist.
        is_read = path.is_file() or path != DEFAULT_FILE
        content = read_yaml(path) if is_read else None
        values = (content or {}).get(section) or {}
        return kind.model_validate({**values, **given})
    except ValidationError as error:
        problems = []
        for wrong in error.errors():
            name = ".".join(map(str, wrong["loc"]))
            value = wrong["input"]
            field = str(wrong["loc"][0]) if wrong["loc"] else ""
            where = (
                f"--{name.replace('_', '-')} {value}"
                if field in given
                else f"{path}, section `{section}`: {name}: {value!r}"
            )
            problems.append(f"{where}: {wrong['msg']}{allowed(kind, field)}")
        raise SettingError("; ".join(problems), problems) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise SettingError(f"{path}: section `{section}` cannot be read: {error}") from error
