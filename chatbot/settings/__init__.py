"""Read settings from the environment and from nothing else: one class per component.

A field `x` of a class with the prefix `CHATBOT_` is set by the variable `CHATBOT_X`; `make docs` generates
docs/settings.md from the docstrings.
"""

from chatbot.settings.base import Settings
from chatbot.settings.loop import (
    CodeSettings,
    DriftSettings,
    KubernetesSettings,
    LoopSettings,
    MlflowServerSettings,
    RetrainSettings,
    TrackingSettings,
)
from chatbot.settings.pages import ChatPageSettings, ReviewSettings, StaffSettings
from chatbot.settings.service import (
    ApiClientSettings,
    HandoffSettings,
    KeeperSettings,
    RouterSettings,
    ServiceSettings,
    SlotSettings,
)
from chatbot.settings.storage import LogSettings, RetentionSettings, StorageSettings, UploadSettings

COMPONENTS: tuple[type[Settings], ...] = (
    SlotSettings,
    RouterSettings,
    ServiceSettings,
    ApiClientSettings,
    KeeperSettings,
    LogSettings,
    RetentionSettings,
    UploadSettings,
    StorageSettings,
    HandoffSettings,
    ChatPageSettings,
    ReviewSettings,
    StaffSettings,
    CodeSettings,
    LoopSettings,
    DriftSettings,
    TrackingSettings,
    RetrainSettings,
    MlflowServerSettings,
    KubernetesSettings,
)
"""All components, in the order of docs/settings.md."""
