"""Open the object store that the settings configure."""

from __future__ import annotations

from pathlib import Path

from chatbot.errors import SettingError
from chatbot.settings import StorageSettings
from chatbot.store.interface import Store
from chatbot.store.keys import is_prefix

NONE = "none"
_S3 = "s3://"


def has_store(settings: StorageSettings) -> bool:
    """Whether the settings configure a store."""
    return settings.url != NONE


def open_store(settings: StorageSettings) -> Store:
    """Return the configured store; does not connect or create a folder until first use.

    Raises: SettingError: `url` is `none`, or neither a folder nor `s3://bucket/prefix`.
    """
    if not has_store(settings):
        raise SettingError(
            "CHATBOT_STORE_URL=none: what you ask for needs a store, a folder or s3://bucket/prefix"
        )
    if settings.url.startswith(_S3):
        from chatbot.store.s3 import S3Store

        bucket, _, prefix = settings.url.removeprefix(_S3).partition("/")
        prefix = prefix.strip("/")
        if not bucket or not is_prefix(prefix):
            raise SettingError(
                f"CHATBOT_STORE_URL={settings.url!r}: expected s3://bucket or s3://bucket/prefix"
            )
        return S3Store(settings, bucket, f"{prefix}/" if prefix else "")
    if "://" in settings.url:
        raise SettingError(
            f"CHATBOT_STORE_URL={settings.url!r}: expected a folder's path or s3://bucket/prefix; where S3 "
            "answers is CHATBOT_STORE_ENDPOINT"
        )
    from chatbot.store.folder import FolderStore

    return FolderStore(Path(settings.url))


def make_bucket(settings: StorageSettings) -> str:
    """Create the bucket or the folder. Idempotent.

    Returns: the result, as a message for a person.
    """
    from chatbot.store.s3 import S3Store

    store = open_store(settings)
    if isinstance(store, S3Store):
        made = store.make_bucket()
        return f"bucket {store.bucket!r} at {store.where}: {'made' if made else 'was there'}"
    Path(settings.url).mkdir(parents=True, exist_ok=True)
    return f"folder {settings.url}: exists"
