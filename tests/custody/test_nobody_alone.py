"""The nightly machine's whole state, any one sheet and the LA's identity, all together, decrypt nothing."""

from itertools import chain
from pathlib import Path

import pytest

from escrow.custody import NewVault
from escrow.custody.newvault import custody_identity
from escrow.custody.quorum import Draft
from escrow.custody.sheets import open_sheets
from escrow.errors import EscrowError, WrongKeyError
from escrow.record import CustodyKeyFile
from escrow.seal import HybridIdentity, Identity, Secret, X25519Identity, open_sealed, seal
from escrow.seal.shares import parse_share
from escrow.store import MemoryStore
from tests.custody import deal
from tests.engine.kit import NIGHTS, FixedClock, School
from tests.engine.test_secrecy import seeds, values_held


def deposited(folder: Path, policy: str) -> tuple[School, Draft]:
    """A vault of this policy after one night."""
    draft, public = deal.vault(policy)
    key_file = CustodyKeyFile(draft.charter.vault, draft.secret.reveal(), draft.identity.encode().reveal())
    clock = FixedClock()
    vault = NewVault(draft.charter.vault, draft.fingerprint, key_file, public)
    place = School(folder, MemoryStore(clock=clock.now), clock, vault)
    place.night(NIGHTS[1])
    return place, draft


SLOW = [pytest.mark.slow, pytest.mark.ci]


@pytest.mark.parametrize(
    "policy", ["community", pytest.param("academy", marks=SLOW), pytest.param("church", marks=SLOW)]
)
def test_all_that_may_fall_into_one_hand_opens_nothing(policy: str, tmp_path: Path) -> None:
    place, draft = deposited(tmp_path, policy)
    authority = HybridIdentity.generate()
    (theirs,) = (sheet for sheet in draft.sheets if sheet.holder.group == "authority")
    sealed_sheet = seal(" ".join(theirs.share.words()).encode(), [authority.recipient()])
    shares = [parse_share(open_sealed(sealed_sheet, [authority]).decode())]
    for sheet in draft.sheets:
        both = [sheet.share] if sheet is theirs else [*shares, sheet.share]
        with pytest.raises(WrongKeyError) as raised:
            open_sheets(both, [draft.charter])
        assert raised.value.code == "share-too-few"
    values = list(values_held(place))
    for sheet in draft.sheets:
        values += [sheet.share.value().reveal(), sheet.key.seed().reveal()]
    tried: list[Identity] = [authority]
    for seed in sorted(seeds(values)):
        secret = Secret(seed)
        tried += [HybridIdentity.from_seed(secret), X25519Identity.from_seed(secret)]
        tried.append(custody_identity(secret, draft.charter.vault))
    sealed = [place.store.get(info.key) for info in place.store.list() if info.key.endswith(".age")]
    assert len(sealed) > 12
    for data in sealed:
        with pytest.raises(EscrowError):
            open_sealed(data, tried)


def test_a_quorum_does_open_that_vault(tmp_path: Path) -> None:
    place, draft = deposited(tmp_path, "community")
    outside = [sheet.share for sheet in draft.sheets if sheet.holder.party]
    custody = open_sheets(outside, [draft.charter])
    keys = [info.key for info in place.store.list("stock/") if info.key.endswith(".age")]
    assert all(open_sealed(place.store.get(key), [custody]) for key in keys)
    assert place.restore_all() == NIGHTS[1]


def test_a_sheet_is_not_in_what_the_machine_or_the_store_has(tmp_path: Path) -> None:
    place, draft = deposited(tmp_path, "community")
    stored = (place.store.get(info.key) for info in place.store.list())
    state = (path.read_bytes() for path in place.state.rglob("*") if path.is_file())
    for data in chain(stored, state):
        for sheet in draft.sheets:
            assert sheet.share.value().reveal() not in data
            assert sheet.key.seed().reveal()[:32] not in data
            assert " ".join(sheet.share.words()[4:8]).encode() not in data
