"""Which bundle should serve: a version and a digest, in one word.

Apart from `bundle_store`: what acts on the cluster reads it too, and holds no model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chatbot.errors import SettingError

_REF = re.compile(r"(?P<version>[^@\s]+)@(?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which bundle should serve: `<version>@<bundle digest>`, as the annotation and CHATBOT_MODEL hold it."""

    version: str
    """The registry's number, or what a person calls it."""
    digest: str
    """The bundle's digest, 64 hexadecimal digits: what is fetched and checked."""

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Raises: SettingError: the text is not `<version>@<bundle digest>`."""
        found = _REF.fullmatch(text.strip())
        if found is None:
            raise SettingError(
                f"{text!r} names no model: `<version>@<bundle digest>` is needed, the digest with its 64 "
                "hexadecimal digits; `python -m training.versions` lists them"
            )
        return cls(found["version"], found["digest"])

    def __str__(self) -> str:
        return f"{self.version}@{self.digest}"
