"""What tests/trust/test_codes.py asks the first reader, case by case: each becomes a vector."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from escrow import record as r
from escrow.errors import EscrowError
from escrow.trust import Head, History, accept, open_series_key
from tests.trust import test_codes
from tests.trust import world as w

from .sink import Sink

OWN_LIMITS = {"json-size", "list-size"}
"""Cases that lower a limit of the first reader: a vector of the true size would weigh megabytes."""


def make(sink: Sink) -> None:
    """vaults/, and keys/."""
    sink.vault("vaults", None, "a charter, a stock, a series and three nights", w.vault(), "three-nights")
    sink.vault("vaults", None, "an object of a later version's folder is none of ours", _later(), "later-folder")
    seen = set()
    for code, case in test_codes.CASES:
        if code in OWN_LIMITS:
            continue
        asked: list[tuple[str, dict[str, Any]]] = []
        with _listening(asked):
            case()
        for kind, given in asked:
            if kind == "keys" and not sink.first.ask(kind, given)[0]:
                continue
            label = code if kind == "vaults" else ""
            what = _first_words(sink, kind, given, code)
            if (code, what) in seen:
                continue
            seen.add((code, what))
            if kind == "vaults":
                sink.vault(kind, label, what, given.pop("objects"), "", **given)
            else:
                sink.add(kind, code, what, given, "")
    key = w.STOCK.keys[0]
    text = r.SeriesKeyFile(w.VAULT, key.id, key.compartment, w.identity(20).encode().reveal()).text().decode()
    given = {"vault": w.VAULT, "key": {"id": key.id, "compartment": key.compartment, "recipient": key.recipient}}
    for what, good in (("lf", text), ("crlf", text.replace("\n", "\r\n")), ("no-last-line-end", text[:-1])):
        sink.add("keys", None, f"a series key, its lines ended by {what}", given | {"text": good}, what)
    for what, bad in (
        ("a line more", f"{text}#\n"),
        ("no comments", text.splitlines()[-1]),
        ("lower case", text.lower()),
        ("a blank before", f" {text}"),
    ):
        sink.add("keys", "key-file", what, given | {"text": bad})


def _later() -> list[tuple[str, bytes]]:
    return [*w.vault(), ("later/00000001-0011223344556677.json", b"{}")]


@contextmanager
def _listening(asked: list[tuple[str, dict[str, Any]]]) -> Iterator[None]:
    """Notes what the cases ask: whole vaults and keys (records, lines and lists have vectors of their own)."""

    def vaults(objects: Iterable[tuple[str, bytes]], **known: Any) -> History:
        given = {"objects": list(objects), **known}
        head = given.get("remembered")
        asked.append(("vaults", given | ({"remembered": _head(head)} if head else {})))
        return accept(given["objects"], **known)

    def keys(text: bytes, key: r.StockKey, vault: str) -> object:
        members = {"id": key.id, "compartment": key.compartment, "recipient": key.recipient}
        asked.append(("keys", {"vault": vault, "key": members, "text": text.decode("latin-1")}))
        return open_series_key(text, key, vault)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_codes, "accept", vaults)
        patch.setattr(test_codes, "open_series_key", keys)
        yield


def _head(head: Head) -> dict[str, object]:
    return {"seq": head.seq, "sha256": head.sha256}


def _first_words(sink: Sink, kind: str, given: dict[str, Any], code: str) -> str:
    """What the first reader says of it."""
    if kind == "keys":
        key = r.StockKey(**given["key"], sha256="00" * 32, size=0)
        try:
            open_series_key(given["text"].encode("latin-1"), key, given["vault"])
        except EscrowError as error:
            return str(error)
    head = given.get("remembered")
    known = given | {"remembered": Head(head["seq"], head["sha256"]) if head else None}
    history = accept(known.pop("objects"), **known)
    return next(one.detail for one in history.findings if one.code == code)
