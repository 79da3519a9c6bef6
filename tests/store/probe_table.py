"""What the probe finds on each store, as the tests demand it; prints docs/stores.md's table.

Run `python -m tests.store.probe_table` to write the table anew; test_probe_table.py holds the page to it.
"""

import sys
from pathlib import Path

from escrow.store.probe_judge import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "stores.md"
BEGIN, END = "<!-- probe table: python -m tests.store.probe_table -->", "<!-- end -->"

_HELD = dict.fromkeys(CHECKS, "enforced") | {"governance-bypass": "allowed", "lifecycle-rule": "allowed"}
del _HELD["read-only"]

EXPECTED: dict[str, dict[str, str]] = {
    "seaweed": _HELD,
    "ceph": _HELD
    | {"checksum-returned": "not-supported", "wrong-sha256": "allowed"}
    | dict.fromkeys(("if-none-match", "if-none-match-lock", "if-none-match-race"), "allowed"),
    "moto": _HELD
    | dict.fromkeys(("shorten", "bypass-shorten", "downgrade", "governance-shorten"), "allowed")
    | dict.fromkeys(("suspend-versioning", "wrong-sha256", "wrong-md5", "torn-upload"), "allowed"),
    "folder": {"clock": "enforced", "read-only": "enforced"},
}
"""Outcomes by store and check, with the owner's credential on a bucket with Object Lock."""

COLUMNS = {"folder": "folder", "moto": "moto 5.2", "seaweed": "SeaweedFS 4.48", "ceph": "Ceph RGW 16.2"}


def table() -> str:
    """The table in Markdown: what is tried, and the outcome on each store."""
    lines = [
        f"| check | what the probe tries | {' | '.join(COLUMNS.values())} | if it fails |",
        f"|---|---|{'---|' * len(COLUMNS)}---|",
    ]
    for name, meaning in CHECKS.items():
        cells = [EXPECTED[store].get(name, "-") for store in COLUMNS]
        shown = [f"**{cell}**" if cell == "allowed" else cell for cell in cells]
        weight = "refused" if meaning.failed == "error" else "told"
        lines.append(f"| `{name}` | {meaning.tries} | {' | '.join(shown)} | {weight} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with today's table in it."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: table written\n")
