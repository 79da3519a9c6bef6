"""Each MUST of docs/format.md broken once: both readers refuse, with the same code."""

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from escrow import record as r
from tests.trust import test_codes
from tests.trust import world as w

from .hook import both, first
from .reader import code_of, plain, rescue


def asked_twice(one: Callable[..., Any], other: Callable[..., object]) -> Callable[..., Any]:
    """`one`, which also asks `other` and demands that it answers or refuses alike."""

    @functools.wraps(one)
    def ask(*given: Any, **named: Any) -> Any:
        assert code_of(lambda: one(*given, **named)) == code_of(lambda: other(*given, **named))
        return one(*given, **named)

    return ask


def rescue_record(payload: bytes, kind: type[r.Record]) -> object:
    return rescue.read_record(payload, kind.TYPE)


def rescue_list(blocks: Iterable[bytes], ref: r.ListRef) -> list[object]:
    """The file list as the second reader takes it from its packs."""
    listed = object.__new__(rescue.Compartment)
    listed.manifest = {"list": {"extents": [], "sha256": ref.sha256, "size": ref.size}, "totals": {}}
    listed.stream = lambda _extents: iter(blocks)
    entries = listed.entries()
    found = []
    try:
        found += entries
    except rescue.Problem as problem:
        if problem.code != "list-totals":
            raise
    return found


def rescue_key(text: bytes, key: r.StockKey, vault: str) -> object:
    members = {"id": key.id, "compartment": key.compartment, "recipient": key.recipient}
    return rescue.open_series_key(text, members, vault)


@pytest.fixture
def doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tests.trust.test_codes asks, both readers are asked."""

    def read_list(blocks: Iterable[bytes], ref: r.ListRef) -> object:
        kept = list(blocks)
        return asked_twice(lambda: list(list_reader(kept, ref)), lambda: rescue_list(kept, ref))()

    list_reader = r.FileListReader
    monkeypatch.setattr(test_codes, "accept", both)
    monkeypatch.setattr(r, "decode", asked_twice(r.decode, rescue.read_canonical))
    monkeypatch.setattr(r, "from_payload", asked_twice(r.from_payload, rescue_record))
    monkeypatch.setattr(r, "decode_line", asked_twice(r.decode_line, rescue.read_line))
    monkeypatch.setattr(r, "FileListReader", read_list)
    monkeypatch.setattr(test_codes, "open_series_key", asked_twice(test_codes.open_series_key, rescue_key))


OWN_LIMITS = {"json-size", "list-size"}
"""Cases that lower a limit of the first reader alone."""


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize(
    ("code", "case"), test_codes.CASES, ids=[f"{code}-{n}" for n, (code, _) in enumerate(test_codes.CASES)]
)
def test_both_refuse_for_the_same_code(
    code: str, case: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if code == "list-size":
        monkeypatch.setattr(plain, "MAX_FILES", 1)
    if code == "json-size":
        assert code_of(lambda: rescue.parse_json(b"[]", 1)) == code
    assert code in case()


def test_the_first_reader_is_the_one_that_was_imported() -> None:
    assert first is not both
    assert both(w.vault()).findings == ()


def test_shares_of_the_slip39_vectors() -> None:
    path = Path(__file__).parents[1] / "vectors" / "slip39" / "vectors.json"
    vectors = json.loads(path.read_text("utf-8"))
    for about, shares, secret, _ in vectors:
        try:
            found = rescue.combine([rescue.read_share(share.split()) for share in shares], b"TREZOR").hex()
        except rescue.Problem:
            found = ""
        assert found == secret, about
    assert len(vectors) == 45


def test_a_notice_that_claims_packs_without_number_costs_nothing() -> None:
    notice = w.chain(2)[1]
    claims = replace(notice, series=(replace(notice.series[0], first_pack=2**53 - 1),))
    history = rescue.History([*w.vault()[:4], w.named(claims)])
    assert [code for code, _, _, _ in history.findings] == ["pack-ordinal"]
    assert rescue.packs_of(history.main[-1], notice.series[0].series)[0] == 2**53
