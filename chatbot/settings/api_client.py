"""Define the settings of the API client."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class ApiClientSettings(Settings):
    """What calls the API: the chat page, the drift check, `k8s.promote`, `training.versions --api`."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    api_key: SecretStr = SecretStr("")
    """API key, where the API needs one (`CHATBOT_API_KEYS_FILE`): the chat page's with all scopes, the others' with
    `read`."""

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a request; none without a key."""
        key = self.api_key.get_secret_value().strip()
        return {"Authorization": f"Bearer {key}"} if key else {}
