"""Object store for a folder or an S3 bucket: `open_store(StorageSettings())`."""

from chatbot.errors import Conflict, Denied, Missing, NoBucket, StoreError, Unreachable
from chatbot.store.interface import Entry, Store
from chatbot.store.keys import check_key, stem
from chatbot.store.opening import has_store, make_bucket, open_store
from chatbot.store.reading import ParsedObjects, find, get_all, get_versioned
