"""The source tree keeps the rules of design.md's "Layout and direction", and each rule can fail."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from . import layers
from .layers import Module

RULES = (layers.direction, layers.purity, layers.silence, layers.owners, layers.catching, layers.shape)


def test_every_room_has_a_layer() -> None:
    rooms = {module.room for module in layers.modules()} - {""}
    known = {room for layer in layers.LAYERS for room in layer}
    assert rooms <= known
    assert {"cli", "engine", "custody", "store", "source", *layers.PURE} <= rooms


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[Module], Iterator[str]]) -> None:
    assert [f"{module.path}:{broken}" for module in layers.modules() for broken in rule(module)] == []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (layers.direction, "escrow/store/x.py", "from escrow.engine import night"),
        (layers.direction, "escrow/store/x.py", "from escrow import source"),
        (layers.direction, "escrow/seal/x.py", "def f():\n    import escrow.trust.chain"),
        (layers.direction, "escrow/engine/x.py", "from escrow.custody import newvault"),
        (layers.direction, "escrow/engine/x.py", "from escrow_cli.main import run"),
        (layers.direction, "escrow/errors.py", "from escrow.limits import MIB"),
        (layers.direction, "escrow/pack/x.py", "from ..record import names"),
        (layers.direction, "escrow/stray/x.py", "import escrow.errors"),
        (layers.purity, "escrow/record/x.py", "from pathlib import Path"),
        (layers.purity, "escrow/record/x.py", "import os\nos.urandom(1)"),
        (layers.purity, "escrow/seal/x.py", "import os\nos.stat('x')"),
        (layers.purity, "escrow/seal/x.py", "from os import stat"),
        (layers.purity, "escrow/custody/x.py", "import os\nos.remove('x')"),
        (layers.purity, "escrow/trust/x.py", "from datetime import datetime\ndatetime.now()"),
        (layers.purity, "escrow/trust/x.py", "import urllib.request"),
        (layers.purity, "escrow/pack/x.py", "open('x')"),
        (layers.silence, "escrow/store/x.py", "print('x')"),
        (layers.silence, "escrow/store/x.py", "import os\nos.environ['X']"),
        (layers.silence, "escrow/store/x.py", "from os import getenv"),
        (layers.silence, "escrow/store/x.py", "import sys\nsys.exit(1)"),
        (layers.silence, "escrow/engine/x.py", "raise SystemExit"),
        (layers.owners, "escrow/store/open.py", "import boto3"),
        (layers.owners, "cli/main.py", "from botocore.config import Config"),
        (layers.owners, "escrow/trust/x.py", "from cryptography.exceptions import InvalidTag"),
        (layers.owners, "escrow/engine/x.py", "import zstandard"),
        (layers.owners, "escrow/seal/secret.py", "from shamir_mnemonic import combine_mnemonics"),
        (layers.owners, "cli/keys.py", "import typst"),
        (layers.catching, "cli/main.py", "try:\n    f()\nexcept Exception:\n    raise"),
        (layers.catching, "cli/main.py", "try:\n    f()\nexcept (ValueError, Exception):\n    pass"),
        (layers.catching, "cli/main.py", "try:\n    f()\nexcept:\n    pass"),
        (layers.catching, "cli/main.py", "try:\n    f()\nexcept BaseException:\n    pass"),
        (layers.shape, "cli/main.py", "from escrow.errors import *"),
        (layers.shape, "cli/main.py", "x = 1\n" * 351),
    ],
)
def test_the_rule_can_fail(rule: Callable[[Module], Iterator[str]], path: str, text: str) -> None:
    assert len(list(rule(Module(path, text)))) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("escrow/seal/x.py", "import os\nos.urandom(1)"),
        ("escrow/trust/x.py", "from escrow.seal import verify\nfrom escrow.errors import FormatError"),
        ("escrow/engine/x.py", "import time\nfrom escrow import __version__, limits"),
        ("escrow/engine/x.py", "try:\n    f()\nexcept BaseException:\n    g()\n    raise"),
        ("escrow/store/s3.py", "import boto3"),
        ("cli/main.py", "import os\nprint(os.environ)\nfrom . import demo\nfrom .demo import x\nimport escrow.engine"),
    ],
)
def test_what_is_allowed_breaks_no_rule(path: str, text: str) -> None:
    assert [broken for rule in RULES for broken in rule(Module(path, text))] == []


@pytest.mark.skipif(not (layers.ROOT / "cli" / "main.py").exists(), reason="there is no command line yet")
def test_the_command_line_starts_without_the_s3_library() -> None:
    code = "import sys, escrow_cli.main; print(sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'escrow_cli.main'" in run.stdout
    for heavy in ("boto3", "botocore"):
        assert f"'{heavy}'" not in run.stdout
