"""Finds the independent implementations that the tests compare with, and talks to them."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(__file__).parent.parent / "tools" / ".cache"
SCRIPT = Path(__file__).with_name("peer.mjs")
HINT = "run tests/tools/install"


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI=true wants every peer: {HINT}")
    pytest.skip(f"{what} is missing: {HINT}")


def find_age() -> Path:
    """The stock age tool, 1.3 or newer: $ESCROW_AGE, tests/tools/.cache or the path. Skips, or fails in CI."""
    found = os.environ.get("ESCROW_AGE") or shutil.which("age", path=CACHE / "bin") or shutil.which("age")
    if found is None:
        _missing("the age tool")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < (1, 3):
        _missing(f"age 1.3 (found {version}, which refuses post-quantum recipients)")
    return Path(found)


def age(*arguments: str | Path, data: bytes, env: dict[str, str] | None = None) -> bytes:
    """What the age tool writes for `data`. Plugins are looked for beside it."""
    tool = find_age()
    path = os.pathsep.join((str(tool.parent), os.environ.get("PATH", "")))
    run = subprocess.run(
        [tool, *arguments], input=data, capture_output=True, check=False, env=os.environ | {"PATH": path} | (env or {})
    )
    if run.returncode:
        raise AssertionError(run.stderr.decode())
    return run.stdout


def node(command: str, **fields: str | bytes | list[str]) -> dict[str, bytes]:
    """The answer of peer.mjs: every value bytes, both ways as base64 in JSON."""
    tool = shutil.which("node")
    if tool is None:
        _missing("node")
    modules = CACHE / "node" / "node_modules"
    if not (modules / "cctv-age").is_dir() or not (modules / "age-encryption").is_dir():
        _missing("npm's cctv-age and age-encryption")
    request = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in fields.items()}
    run = subprocess.run(
        [tool, SCRIPT, modules, command], input=json.dumps(request).encode(), capture_output=True, check=False
    )
    if run.returncode:
        raise AssertionError(run.stderr.decode())
    return {name: base64.b64decode(value) for name, value in json.loads(run.stdout).items()}
