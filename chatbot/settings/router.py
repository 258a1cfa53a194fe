"""Define the settings of the router."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class RouterSettings(Settings):
    """Overrides: thresholds and languages are learned and stored in the bundle; a value here replaces them."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    answer_threshold: float | None = Field(default=None, ge=0, le=1)
    """Answer from this confidence on; unset: the bundle's threshold."""
    clarify_threshold: float | None = Field(default=None, ge=0, le=1)
    """Offer choices if the three most likely intents together reach this confidence; unset: the bundle's
    threshold."""
    scope_threshold: float | None = None
    """Hand over below this scope score; unset: the bundle's threshold."""
    languages: str = Field(default="", pattern=r"^(any|[a-z]{2}(,[a-z]{2})*)?$")
    """Languages that the bot understands, such as `en,de`: a message in another one is handed over, with a reply in
    that language. `any`: no message is handed over for its language. Unset: those of the bundle's corpus."""

    def spoken(self, learned: tuple[str, ...]) -> tuple[str, ...]:
        """Return the languages in force; empty: any.

        Args:
            learned: languages of the bundle.
        """
        if self.languages:
            return () if self.languages == "any" else tuple(self.languages.split(","))
        return learned
