"""Define the settings of the slots of replies."""

from __future__ import annotations

import os

from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class SlotSettings(Settings):
    """Values of the slots in replies. A reply whose slot has no value is refused at start."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_SLOT_")

    def values(self) -> dict[str, str]:
        """Every slot by name, those too that only the replies of your own corpus use (`CHATBOT_SLOT_<NAME>`)."""
        prefix = str(self.model_config["env_prefix"])
        own = {
            name.removeprefix(prefix).lower(): value
            for name, value in os.environ.items()
            if name.startswith(prefix)
        }
        return own | {name: str(value) for name, value in self.model_dump().items()}

    company: str = "Example Company"
    """Company name as customers know it."""
    topics: str = ""
    """What customers can ask about, as a list in a sentence; empty: the categories or the intents of the served
    corpus."""
    website: str = "https://shop.example.com"
    """Address of the shop."""
    account_url: str = "https://shop.example.com/account"
    """Where customers sign in and edit their account."""
    orders_url: str = "https://shop.example.com/orders"
    """Where customers view, change and cancel orders."""
    payments_url: str = "https://shop.example.com/payments"
    """Where customers view payments and invoices."""
    returns_url: str = "https://shop.example.com/returns"
    """Where customers request a refund."""
    help_url: str = "https://shop.example.com/help"
    """Address of the help centre."""
    support_email: str = "support@example.com"
    """Where support reads e-mail."""
    support_phone: str = "+1 555 010 0199"
    """Where support answers the phone."""
    support_hours: str = "Monday to Friday, 9:00 to 18:00"
    """When people answer."""
    refund_days: str = "14 days"
    """How long a refund takes, with its unit."""
    delivery_days: str = "3 to 5 working days"
    """How long a delivery takes, with its unit."""
    cancellation_hours: str = "24 hours"
    """How long after ordering a cancellation is free, with its unit."""
    cancellation_fee: str = "10 %"
    """What a later cancellation costs."""
