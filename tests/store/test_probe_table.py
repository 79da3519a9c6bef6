"""docs/stores.md shows what the tests demand, and knows every check."""

from escrow.store.probe_judge import CHECKS
from tests.store import probe_table


def test_the_page_has_todays_table() -> None:
    text = probe_table.PAGE.read_text(encoding="utf-8")
    assert text == probe_table.page(text), "run python -m tests.store.probe_table"
    for name in CHECKS:
        assert f"| `{name}` |" in text


def test_only_known_checks_are_expected() -> None:
    for expected in probe_table.EXPECTED.values():
        assert expected.keys() <= CHECKS.keys()
