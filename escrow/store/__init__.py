"""Stores: one small interface over memory, folders and S3, and wrappers that keep to it."""

from escrow.store.base import LockMode, ObjectInfo, Store, check_key
from escrow.store.folder import FolderStore
from escrow.store.memory import MemoryStore
from escrow.store.open import folder_of, open_store
from escrow.store.wrappers import Retrying, Throttled

__all__ = [
    "FolderStore",
    "LockMode",
    "MemoryStore",
    "ObjectInfo",
    "Retrying",
    "Store",
    "Throttled",
    "check_key",
    "folder_of",
    "open_store",
]
