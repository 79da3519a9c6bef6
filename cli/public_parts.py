"""Reads the folder of public parts, and refuses it when a secret lies in it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import IntegrityError, RefusedError, UsageError

from .keys import KEY_FILE
from .public_folder import is_deed

if TYPE_CHECKING:
    from escrow.trust import History

_LARGEST = 4 * 1024 * 1024
_SECRET = re.compile(
    rb"AGE-SECRET-KEY-|# secret: [0-9a-f]{64}|ESCROW-AGENT-KEY-|^-> scrypt ", re.IGNORECASE | re.MULTILINE
)


def read_public(folder: Path) -> tuple[dict[str, bytes], "History"]:
    """The objects below `folder` by name, and what they say. Reads nothing else than public parts.

    Raises UsageError (`public-missing`), RefusedError (`secret-on-agent`), IntegrityError (`charter-missing`).
    """
    from escrow.engine.rescue import is_kit, proven_kit
    from escrow.record import parse_name
    from escrow.trust import accept

    if not folder.is_dir():
        raise UsageError("public-missing", f"expected the folder of public parts at {folder}, found none")
    if (folder.resolve().parent / KEY_FILE).exists():
        raise _secret(folder.resolve().parent / KEY_FILE)
    objects: dict[str, bytes] = {}
    kit: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        data = path.read_bytes()
        if is_kit(path.relative_to(folder).as_posix()):
            kit[path.relative_to(folder).as_posix()] = data
            continue
        if path.name == KEY_FILE or _SECRET.search(data):
            raise _secret(path)
        name = parse_name(path.relative_to(folder).as_posix())
        if name and name.kind in ("charter", "stock", "key", "event", "release", "receipt"):
            objects[path.relative_to(folder).as_posix()] = data
    history = accept(objects.items())
    wrong = [one for one in history.findings if not is_deed(one.subject)]
    if history.charter is None or wrong:
        found = "; ".join(f"{finding.code}: {finding.detail}" for finding in wrong[:3])
        raise IntegrityError(
            "charter-missing",
            f"{folder}: expected a valid charter and stock, found {found or 'none'}",
            hint="copy the whole folder public again from the key holder",
        )
    proven = proven_kit(kit, history.charters)
    for part, data in kit.items():
        if part not in proven and _SECRET.search(data):
            raise _secret(folder / part)
    return objects | proven, history


def _secret(path: Path) -> RefusedError:
    return RefusedError(
        "secret-on-agent",
        f"{path} is or holds a secret key: this machine must never see one",
        hint="remove it from this machine, and bring the folder public alone",
    )
