"""New sheets and a new secret where a custodian signs every version: it signs last, and until then nothing changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from escrow_cli.ceremony import Room
from escrow_cli.holding import EVENT, PENDING, TO_SIGN, complete, hold_rekey, hold_reshare

from escrow.custody.policies import POLICIES
from escrow.custody.quorum import hash_of
from escrow.custody.sheets import open_sheets
from escrow.errors import IntegrityError
from escrow.record import Charter, Custodian, charter_name
from escrow.seal import HybridIdentity, Secret, SigningKey
from escrow.seal.shares import parse_share
from escrow.trust import History, accept, add_signatures, sign_record
from tests.cli.conftest import escrow
from tests.cli.people import People
from tests.custody import deal

LA = SigningKey.from_seed(Secret(b"L" * 64))
SIMPLE = POLICIES["community"]


def with_custodian() -> tuple[dict[str, bytes], History]:
    """The vault after charter 2, which names the LA."""
    draft, public = deal.vault("community")
    custodian = Custodian(
        name="Council", kind="la", key=LA.public().encode(), recipient=str(HybridIdentity.generate().recipient())
    )
    second = replace(draft.charter, n=2, prev=hash_of(draft.charter), custodian=custodian)
    envelope = sign_record(second, [*draft.keys, LA])
    objects = public | {charter_name(2, envelope): envelope}
    return objects, deal.history(objects)


def folder(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("hold", [hold_reshare, hold_rekey])
def test_the_custodian_signs_last(hold: Callable[..., object], tmp_path: Path) -> None:
    old, _ = deal.vault("community")
    objects, history = with_custodian()
    people = People()
    hold(people, (objects, history), (old.secret, old.keys), SIMPLE, Room(tmp_path))
    assert "Council signs" in people.said
    assert not (tmp_path / PENDING).exists()
    public = folder(tmp_path / "public")
    assert not any(name.startswith("charter/00000003") for name in public)
    assert accept(public.items()).charter == history.charter
    assert not any(name.startswith("events/") for name in public)
    assert (tmp_path / EVENT).exists()
    unsigned = (tmp_path / TO_SIGN).read_bytes()
    refused = accept((public | {charter_name(3, unsigned): unsigned}).items())
    assert "charter-custodian" in [one.code for one in refused.findings]
    with pytest.raises(IntegrityError, match="charter-custodian"):
        complete(tmp_path)
    assert folder(tmp_path / "public") == public
    (tmp_path / TO_SIGN).write_bytes(add_signatures(unsigned, Charter, [LA]))
    done = escrow("keys", "complete", "--out", tmp_path)
    assert done.code == 0, done.err
    after = deal.history(folder(tmp_path / "public"))
    assert [(one.event.why, one.event.deed) for one in after.events] == [
        (hold.__name__.removeprefix("hold_"), after.charter_sha256)
    ]
    new = [parse_share(" ".join(people.papers[role])) for role in ("head", "deputy head", "LA records officer")]
    custody = open_sheets(new, after.charters)
    assert after.charter and str(custody.recipient()) in after.charter.recipients
