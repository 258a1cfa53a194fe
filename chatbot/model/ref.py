"""Model reference: version and digest of a bundle.

Separate from `bundle_store`, so that cluster tools can import it without the model's dependencies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chatbot.errors import SettingError

_REF = re.compile(r"(?P<version>[^@\s]+)@(?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Reference to a bundle: `<version>@<bundle digest>`, the value of the annotation and of CHATBOT_MODEL."""

    version: str
    """Version number in the registry, or a name that a person chose."""
    digest: str
    """Digest of the bundle, 64 hexadecimal digits; determines what is fetched and verified."""

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Parse a reference.

        Raises:
            SettingError: the text is not `<version>@<bundle digest>`.
        """
        found = _REF.fullmatch(text.strip())
        if found is None:
            raise SettingError(
                f"{text!r} names no model: `<version>@<bundle digest>` is needed, the digest with its 64 "
                "hexadecimal digits; `python -m training.versions` lists them"
            )
        return cls(found["version"], found["digest"])

    def __str__(self) -> str:
        return f"{self.version}@{self.digest}"
