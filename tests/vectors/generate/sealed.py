"""age files, and sheets of words."""

from collections.abc import Sequence
from dataclasses import replace

from escrow import record as r
from escrow.custody.policies import POLICIES, Bench, Policy, Seat
from escrow.custody.quorum import Draft, draft_vault
from escrow.seal import Recipient, ScryptRecipient, Secret, armor, seal
from tests.custody.deal import PLAN
from tests.engine.kit import T0
from tests.trust import world as w
from tests.vectors import files

from .sink import Sink

ONE, TWO, OTHER = (w.identity(n) for n in (1, 2, 3))
PASSPHRASE = "Gŵyl Dewi 2026"
CHUNK = 65536


def make(sink: Sink) -> None:
    """age/ and sheets/."""
    _age(sink)
    _sheets(sink)


def _age(sink: Sink) -> None:
    def add(
        code: str | None,
        what: str,
        data: bytes,
        name: str | None = None,
        *,
        by: object = ONE,
        passphrases: Sequence[str] = (),
    ) -> None:
        identities = [by.encode().reveal().decode()] if not passphrases else []  # type: ignore[attr-defined]
        given = {"file": files.keep(data, sink.root), "identities": identities, "passphrases": list(passphrases)}
        sink.add("age", code, what, given, name)

    def sealed(plain: bytes, *to: Recipient) -> bytes:
        return seal(plain, list(to) or [ONE.recipient()])

    both = sealed(b"for two", ONE.recipient(), TWO.recipient())
    add(None, "opened by the first of two recipients", both, "first")
    add(None, "opened by the second of two recipients", both, "second", by=TWO)
    add(None, "no bytes", sealed(b""), "empty")
    add(None, "one whole chunk", sealed(bytes(CHUNK)), "chunk")
    add(None, "a chunk and a byte", sealed(bytes(CHUNK + 1)), "two-chunks")
    locked = sealed(b"behind a passphrase", ScryptRecipient(Secret(PASSPHRASE.encode()), 10))
    add(None, "a passphrase", locked, "passphrase", passphrases=[PASSPHRASE])
    add(None, "armored", armor(locked).encode(), "armored", passphrases=[PASSPHRASE])
    add(None, "armored, with the line ends of Windows", armor(locked).replace("\n", "\r\n").encode(), "armored-crlf",
        passphrases=[PASSPHRASE])  # fmt: skip
    spaced = b"\n \t\v\f\n" + armor(locked).encode() + b"\v\f \r\n"
    add(None, "armored, with white space around it", spaced, "armored-spaced", passphrases=[PASSPHRASE])
    add("age-key", "for others", both, by=OTHER)
    add("age-key", "another passphrase", locked, passphrases=["gŵyl dewi 2026"])
    add("age-key", "a passphrase where there is a key", sealed(b"x"), passphrases=[PASSPHRASE])

    good = sealed(bytes(CHUNK + 100))
    end = good.index(b"\n--- ") + 1
    body = good.index(b"\n", end) + 1
    add("age-header", "nothing", b"")
    add("age-header", "another program's file", b"PK\3\4" + good)
    add("age-header", "version 2", good.replace(b"v1", b"v2", 1))
    add("age-header", "a cut header", good[: end - 10])
    add("age-header", "the MAC altered", good[: end + 8] + bytes([good[end + 8] ^ 1]) + good[end + 9 :])
    add("age-header", "a stanza more than the MAC covers", good[:end] + b"-> grease\nQUE\n" + good[end:])
    add("age-header", "line ends of Windows", good[:body].replace(b"\n", b"\r\n") + good[body:])
    add("age-header", "the encapsulated key is cut", good.replace(b"mlkem768x25519 ", b"mlkem768x25519 A", 1))
    add("age-header", "it ends with its header", good[:body])
    add("age-header", "it ends within its nonce", good[: body + 15])
    add("age-payload", "it ends with its nonce", good[: body + 16])
    add("age-payload", "the last byte is gone", good[:-1])
    add("age-payload", "the last chunk is gone", good[: body + 16 + CHUNK + 16])
    add("age-payload", "a byte more", good + b"\0")
    add(
        "age-payload", "a bit of the first chunk", good[: body + 99] + bytes([good[body + 99] ^ 1]) + good[body + 100 :]
    )
    add("age-payload", "the nonce altered", good[:body] + bytes([good[body] ^ 1]) + good[body + 1 :])
    add("age-armor", "an end that is missing", armor(locked)[:-10].encode(), passphrases=[PASSPHRASE])
    add("age-armor", "a separator behind it", armor(locked).encode() + b"\x1c", passphrases=[PASSPHRASE])
    add("age-armor", "a line that is too long", armor(locked).replace("\n", "", 2).encode(), passphrases=[PASSPHRASE])


THREE = Policy(1, (Bench("holders", 2, (Seat("head"), Seat("chair of governors", "other"), Seat("business manager"))),))


def _sheets(sink: Sink) -> None:
    draft, other = draft_vault(PLAN, THREE, T0), draft_vault(PLAN, THREE, T0)
    groups = draft_vault(PLAN, POLICIES["community"], T0)
    charter = r.to_payload(draft.charter).decode()

    def words(from_: Draft, *at: int) -> list[str]:
        return [" ".join(from_.sheets[n].share.words()) for n in at]

    def add(
        code: str | None, what: str, sheets: list[str], name: str | None = None, charters: Sequence[str] = (charter,)
    ) -> None:
        sink.add("sheets", code, what, {"charters": list(charters), "sheets": sheets}, name)

    first, second, third = words(draft, 0, 1, 2)
    add(None, "two of three", [first, second], "two")
    add(None, "two others, in another order", [third, first], "others")
    add(None, "more than are needed", [third, first, second], "three")
    add(None, "four letters of each word", [" ".join(w[:4] for w in one.split()) for one in (first, third)], "letters")
    add(None, "in capitals", [first.upper(), second], "capitals")
    listed = words(groups, *range(len(groups.sheets)))
    add(None, "two of three groups are needed, all came", listed, "groups", [r.to_payload(groups.charter).decode()])
    add("share-too-few", "one of two", [first])
    add("share-length", "a sheet of 32 words", [first.rsplit(" ", 1)[0], second])
    add("share-word", "a word that is in no list", [first.replace(first.split()[5], "escrow"), second])
    swapped = first.split()
    swapped[7] = "academic" if swapped[7] != "academic" else "acid"
    add("share-checksum", "another word", [" ".join(swapped), second])
    add("share-duplicate", "one twice", [second, second])
    custody = other.charter.custody
    assert custody is not None
    assert draft.charter.custody is not None
    if custody.set != draft.charter.custody.set:
        add("share-foreign", "a sheet of another vault", [words(other, 0)[0], second])
    moved = replace(draft.charter, holders=tuple(reversed(draft.charter.holders)))
    seats = zip(moved.holders, draft.charter.holders, strict=True)
    moved = replace(moved, holders=tuple(replace(a, group=b.group, member=b.member, role=b.role) for a, b in seats))
    add("share-altered", "the charter has another key at its place", [first, second],
        charters=[r.to_payload(moved).decode()])  # fmt: skip
    later = replace(
        other.charter, n=2, prev="00" * 32, vault=draft.charter.vault, custody=replace(custody, epoch=custody.epoch + 1)
    )
    add("share-old", "a sheet of the epoch before", [first, second], charters=[charter, r.to_payload(later).decode()])
    lost = replace(draft.charter, recipients=(str(ONE.recipient()),))
    add("share-secret", "a charter of another recipient", [first, second], charters=[r.to_payload(lost).decode()])
