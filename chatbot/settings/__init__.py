"""Settings, read from the environment and from nothing else: one class per component.

A field `x` of a class with the prefix `CHATBOT_` is set by the variable `CHATBOT_X`; `make docs` generates
docs/settings.md from the docstrings.
"""

from chatbot.settings.api import (
    ApiClientSettings,
    KeeperSettings,
    RouterSettings,
    ServiceSettings,
    SlotSettings,
)
from chatbot.settings.base import Settings
from chatbot.settings.kubernetes import KubernetesSettings
from chatbot.settings.loop import (
    CodeSettings,
    DriftSettings,
    LoopSettings,
    MlflowServerSettings,
    RetrainSettings,
    TrackingSettings,
)
from chatbot.settings.pages import ChatPageSettings, ReviewSettings, StaffSettings
from chatbot.settings.records import (
    HandoffSettings,
    LogSettings,
    RetentionSettings,
    StorageSettings,
    UploadSettings,
)

COMPONENTS = tuple(Settings.__subclasses__())
"""All components, in the order of docs/settings.md."""

__all__ = [
    "COMPONENTS",
    "ApiClientSettings",
    "ChatPageSettings",
    "CodeSettings",
    "DriftSettings",
    "HandoffSettings",
    "KeeperSettings",
    "KubernetesSettings",
    "LogSettings",
    "LoopSettings",
    "MlflowServerSettings",
    "RetentionSettings",
    "RetrainSettings",
    "ReviewSettings",
    "RouterSettings",
    "ServiceSettings",
    "Settings",
    "SlotSettings",
    "StaffSettings",
    "StorageSettings",
    "TrackingSettings",
    "UploadSettings",
]
