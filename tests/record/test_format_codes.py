"""The codes of docs/format.md, section 14: every one is said where the table says, and both readers know no other."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.record.codes import CODE, ROOT, TEXT, part, table

RESCUE = sorted((ROOT / "escrow" / "recovery" / "kit").glob("*.py"))
ROOMS = ("record", "trust", "pack", "seal", "engine", "custody")
JUDGES = (
    *("record/*.py", "trust/*.py", "pack/*.py"),
    *(f"engine/{name}.py" for name in ("locks", "register", "rescue", "rows", "verify")),
)
ERRORS = {"FormatError", "LimitError", "IntegrityError", "SignatureError", "RefusedError", "Finding", "add", "_refused"}
FINER = {"age-header", "age-key", "age-payload", "age-armor"}
"""Of these the first reader says more finely what; tests/vectors/first.py says which is which."""
STORE = {
    *("object-deleted", "object-altered", "object-covered", "object-unnamed", "object-unseen"),
    *("lock-missing", "lock-weak", "lock-short", "vault-transferred", "rescue-missing", "rescue-altered"),
}
"""What the second reader, which reads a folder and deposits nothing, never meets."""
DEEDS = {
    f"{kind}-{fate}"
    for kind in ("release", "receipt", "erasure")
    for fate in ("unnamed", "missing", "differs", "quorum")
}
OWN = {
    *("path-hostile", "path-collision", "restore-exists", "restore-link", "restore-unwritable"),
    *("night-unknown", "not-a-file", "released-key", "latin-1", "utf-8"),
    *("key-use", "notice-given", "holders-statement", "hold-cleared"),
}
"""Words of the second reader that are no codes of the format."""


VALUES = {
    *("verify-key", "escrow-sig-1", "sub-processor", "key-use", "notice-given", "hold-cleared", "deletion-certificate"),
    *("state-lost", "state-rolled-back", "charter-changed", "agent-changed", "store-rolled-back"),
    *("closure-order", "vendor-notice", "vendor-insolvency", "school-instruction", "trust-transfer"),
    "holders-statement",
}
"""Values of members, which look like codes."""


def words(paths: Iterable[Path]) -> set[str]:
    """Every string in the code that could be a code."""
    return {
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(f"`{node.value}`")
    }


def told(paths: Iterable[Path]) -> Iterator[str]:
    """The codes of errors and findings."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ERRORS:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_every_code_is_said_in_its_sections_and_stands_in_the_table() -> None:
    codes = table()
    assert len(codes) > 100
    said = CODE.findall(TEXT.replace(part("8.1"), ""))
    assert {word for word in said if "-" in word} - VALUES <= codes.keys()
    for code, sections in codes.items():
        for section in sections:
            assert f"`{code}`" in part(section), (code, section)


def test_the_first_reader_has_every_code_and_its_judges_have_no_other() -> None:
    codes = table().keys()
    assert codes - words(path for room in ROOMS for path in (ROOT / "escrow" / room).glob("*.py")) == FINER
    assert set(told(path for judge in JUDGES for path in (ROOT / "escrow").glob(judge))) <= codes


def test_the_second_reader_has_every_code_and_no_other() -> None:
    codes, found = table().keys(), words(RESCUE)
    composed = {code for code in DEEDS if code.partition("-")[0] in found}
    assert codes - found - composed <= STORE
    assert {word for word in found if "-" in word} - OWN <= codes
