"""Parse and print a model reference: version and digest of a bundle.

Separate from `bundle_store`, so that cluster tools can import it without the model's dependencies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from chatbot.errors import SettingError

_REF = re.compile(r"(?P<version>[^@\s]+)@(?P<digest>[0-9a-f]{64})(?:\+(?P<made>[0-9a-f]{64}))?")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Reference to a bundle: the value of the annotation and of CHATBOT_MODEL.

    `<version>@<bundle digest>`, or `<version>@<bundle digest>+<SHA-256 of made.json>`: the bundle's digest does not
    cover made.json.
    """

    version: str
    """Version number in the registry, or a name that a person chose."""
    digest: str
    """Digest of the bundle, 64 hexadecimal digits; determines what is fetched and verified."""
    made: str = field(default="", compare=False)
    """SHA-256 of made.json, as registered; empty: unknown, and made.json is not fetched."""

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
        return cls(found["version"], found["digest"], found["made"] or "")

    def __str__(self) -> str:
        return f"{self.version}@{self.digest}" + (f"+{self.made}" if self.made else "")
