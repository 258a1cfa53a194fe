"""Read a section of params.yaml, with the values that command-line options override."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.documents import read_yaml
from chatbot.errors import SettingError
from chatbot.settings.base import allowed

DEFAULT_FILE = Path("params.yaml")


class Params(BaseModel):
    """The parameters in a `section` of params.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    section: ClassVar[str]

    @classmethod
    def read(cls, path: Path, options: Mapping[str, object] | None = None) -> Self:
        """Read the section; defaults if it, or the file of the default name, is missing.

        Args: options: values of command-line options, which override the file's, by the name of the field. None: not
            given.

        Raises: SettingError: the file cannot be read, or values are invalid: each is named with where it comes from.
        """
        given = {name: value for name, value in (options or {}).items() if value is not None}
        try:
            # A file that is named must exist.
            is_read = path.is_file() or path != DEFAULT_FILE
            content = read_yaml(path) if is_read else None
            values = (content or {}).get(cls.section) or {}
            return cls.model_validate({**values, **given})
        except ValidationError as error:
            problems = []
            for wrong in error.errors():
                name = ".".join(map(str, wrong["loc"]))
                value = wrong["input"]
                field = str(wrong["loc"][0]) if wrong["loc"] else ""
                where = (
                    f"--{name.replace('_', '-')} {value}"
                    if field in given
                    else f"{path}, section `{cls.section}`: {name}: {value!r}"
                )
                problems.append(f"{where}: {wrong['msg']}{allowed(cls, field)}")
            raise SettingError("; ".join(problems), problems) from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError) as error:
            raise SettingError(f"{path}: section `{cls.section}` cannot be read: {error}") from error
