"""A school whose vendor stops: two nights, an office with two sheets, the vendor's dump."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from escrow_cli import vendor_case
from escrow_cli.demo_leaving import DemoLeaving

from escrow.engine.ports import NoProgress

from .conftest import Result, escrow

QUORUM = ("--share", "head.txt", "--share", "chair.txt")


def school(root: Path) -> None:
    """Make it, once for a session."""
    demo = DemoLeaving(root)
    demo.begin(NoProgress())
    demo.hand_over_a_dump()


@dataclass(frozen=True)
class Office:
    """The folders below `root`; commands run in the office."""

    root: Path

    @property
    def case(self) -> Path:
        return self.root / "office" / "vendor-exit"

    @property
    def dump(self) -> Path:
        return self.root / "from-the-vendor"

    def run(self, *arguments: str | Path) -> Result:
        return escrow("vendor", *arguments)

    def start(self, reason: str = "vendor-notice") -> None:
        began = vendor_case.today().isoformat()
        begun = self.run("start", "Acorn", "--reason", reason, "--began", began)
        assert begun.code == 0, begun.err

    def said(self) -> dict[str, object]:
        """The case's file."""
        found = json.loads((self.case / "vendor-exit.json").read_text("utf-8"))
        assert isinstance(found, dict)
        return found


def enter(root: Path, patch: pytest.MonkeyPatch) -> Office:
    """The office of a copy, as the current folder."""
    patch.chdir(root / "office")
    for name in ("ESCROW_CONFIG", "ESCROW_STORE", "ESCROW_STATE"):
        patch.delenv(name, raising=False)
    return Office(root)
