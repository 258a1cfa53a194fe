"""Read settings from the environment and from nothing else: one class per component, one module each.

A field `x` of a class with the prefix `CHATBOT_` is set by the variable `CHATBOT_X`; `make docs` generates
docs/settings.md from the docstrings.
"""

from chatbot.settings.api_client import ApiClientSettings
from chatbot.settings.base import Settings
from chatbot.settings.chat_page import ChatPageSettings
from chatbot.settings.code import CodeSettings
from chatbot.settings.drift import DriftSettings
from chatbot.settings.handoff import HandoffSettings
from chatbot.settings.keeper import KeeperSettings
from chatbot.settings.kubernetes import KubernetesSettings
from chatbot.settings.log import LogSettings
from chatbot.settings.loop import LoopSettings
from chatbot.settings.mlflow_server import MlflowServerSettings
from chatbot.settings.retention import RetentionSettings
from chatbot.settings.retrain import RetrainSettings
from chatbot.settings.review import ReviewSettings
from chatbot.settings.router import RouterSettings
from chatbot.settings.service import ServiceSettings
from chatbot.settings.slots import SlotSettings
from chatbot.settings.staff import StaffSettings
from chatbot.settings.store import StorageSettings
from chatbot.settings.tracking import TrackingSettings
from chatbot.settings.upload import UploadSettings

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
