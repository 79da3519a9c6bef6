"""From a store's address to the store. botocore is loaded for s3 addresses only: it is slow."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from escrow.errors import UsageError
from escrow.store.base import Store
from escrow.store.folder import FolderStore
from escrow.store.s3_options import S3Options


def open_store(
    url: str,
    *,
    create: bool = False,
    endpoint: str | None = None,
    region: str | None = None,
    ca_file: str | None = None,
    path_style: bool = False,
    profile: str | None = None,
    content_md5: bool = False,
    expected_owner: str | None = None,
) -> Store:
    """The store at `s3://bucket/prefix`, `file:///path` or a folder's path (drive letters and UNC are paths).

    `create` makes a missing folder (never a bucket); the other options are S3Options. Raises UsageError
    `store-url`, UnreachableError.
    """
    folder = folder_of(url)
    if folder is not None:
        return FolderStore(folder, create=create)
    from escrow.store.s3 import S3Store  # noqa: PLC0415 - botocore is slow to load

    parts = urlsplit(url)
    options = S3Options(
        bucket=parts.netloc,
        prefix=parts.path.strip("/"),
        endpoint=endpoint,
        region=region,
        ca_file=ca_file,
        path_style=path_style,
        profile=profile,
        content_md5=content_md5,
        expected_owner=expected_owner,
    )
    return S3Store(options)


def folder_of(url: str) -> Path | None:
    """The folder that a store's address names; None for a bucket. UsageError `store-url`."""
    scheme = re.match(r"([a-z][a-z0-9+.-]+)://", url, re.IGNORECASE)
    if not url:
        raise UsageError("store-url", "expected a store, found nothing", hint="name a folder or s3://bucket")
    match scheme and scheme[1].lower():
        case None:
            return Path(url)
        case "file":
            return _file_path(url)
        case "s3":
            return None
    raise UsageError(
        "store-url",
        f"expected s3://bucket/prefix, file:///path or a folder, found {url[:80]}",
        hint="use one of these",
    )


def _file_path(url: str) -> Path:
    """RFC 8089: file:///C:/vault is a drive, file://server/share/vault is UNC."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if re.match(r"/[A-Za-z]:", path):
        return Path(path[1:])
    return Path(path if parts.netloc in {"", "localhost"} else f"//{parts.netloc}{path}")
