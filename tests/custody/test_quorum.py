"""Quorums: every subset of every policy, every wrong sheet by its holder's name, and what reshare and rekey leave."""

from dataclasses import replace
from itertools import combinations

import pytest
from shamir_mnemonic.share import Share as RawShare

from escrow import record as r
from escrow.custody import series_identity
from escrow.custody.newvault import custody_identity
from escrow.custody.policies import POLICIES, Bench, Policy, Seat, minimal_subsets
from escrow.custody.policy import judge_policy
from escrow.custody.quorum import (
    Draft,
    draft_next,
    draft_vault,
    last_stock,
    next_stock,
    prove,
    seal_again,
    signed_charter,
    signed_stock,
)
from escrow.custody.sheets import combine_sheets, identify, identify_all, open_sheets
from escrow.errors import EscrowError, UsageError, WrongKeyError
from escrow.seal import HybridIdentity, Secret
from escrow.seal.shares import Share, parse_share, split
from escrow.trust import accept
from tests.custody import deal
from tests.engine.kit import T0


def refused(code: str, *shares: Share, charters: tuple[r.Charter, ...]) -> str:
    with pytest.raises(EscrowError) as raised:
        open_sheets(shares, charters)
    assert raised.value.code == code
    return str(raised.value)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_subset_opens_or_gives_nothing(policy: str) -> None:
    draft, public = deal.vault(policy)
    charters = deal.history(public).charters
    enough = [set(subset) for subset in minimal_subsets(POLICIES[policy].groups_needed, POLICIES[policy].sizes)]
    opened = 0
    for size in range(1, len(draft.sheets) + 1):
        for chosen in combinations(draft.sheets, size):
            shares = [deal.retyped(sheet) for sheet in chosen]
            places = {(share.group, share.member) for share in shares}
            if any(places >= subset for subset in enough):
                assert combine_sheets(identify_all(shares, charters), charters[-1]) == draft.secret
                opened += 1
            else:
                refused("share-too-few", *shares, charters=charters)
    assert opened and prove(draft) == len(enough)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_template_leaves_nobody_alone_and_never_nobody(policy: str) -> None:
    draft, _ = deal.vault(policy)
    parties = [sheet.holder.party for sheet in draft.sheets]
    assert not [one for one in judge_policy(draft.charter, T0) if one.severity == "error"]
    assert ("custodian" in parties) == (policy != "simple")
    if policy != "simple":
        outside = [sheet.share for sheet in draft.sheets if sheet.holder.party]
        assert str(open_sheets(outside, [draft.charter]).recipient()) in draft.charter.recipients
        custodian = [sheet.share for sheet in draft.sheets if sheet.holder.party == "custodian"]
        refused("share-too-few", *custodian, charters=(draft.charter,))


@pytest.mark.parametrize(
    ("code", "policy"),
    [
        ("policy-alone", Policy(1, (Bench("a", 2, (Seat("head"), Seat("chair"))), Bench("b", 1, (Seat("LA"),))))),
        ("policy-fragile", Policy(1, (Bench("a", 2, (Seat("head"), Seat("chair"))),))),
        ("policy-fragile", Policy(2, (Bench("a", 2, (Seat("x"), Seat("y"), Seat("z"))), Bench("b", 1, (Seat("LA"),))))),
    ],
)
def test_a_weak_policy_is_refused(code: str, policy: Policy) -> None:
    with pytest.raises(UsageError) as raised:
        draft_vault(deal.PLAN, policy, T0)
    assert raised.value.code == code


def test_the_new_vault_opens_and_its_fingerprint_is_on_the_sheets() -> None:
    draft, public = deal.vault()
    history = deal.history(public)
    assert history.fingerprint == draft.fingerprint
    custody = open_sheets([sheet.share for sheet in draft.sheets[1:]], history.charters)
    for key in history.keys.values():
        sealed = public[r.key_name(key.id, key.sha256)]
        assert str(series_identity(sealed, key, history.vault, custody).recipient()) == key.recipient
    secret = draft.secret.reveal()
    assert not any(secret in body or secret.hex().encode() in body for body in public.values())
    assert "words" not in repr(draft) and secret.hex() not in repr(draft)


def test_a_wrong_sheet_is_named_by_its_holder_before_it_is_used() -> None:
    draft, public = deal.vault()
    charters = deal.history(public).charters
    head, chair, manager = (sheet.share for sheet in draft.sheets)
    assert draft.charter.custody is not None
    assert [identify(share, charters).holder.role for share in (head, chair, manager)] == [
        "head",
        "chair of governors",
        "business manager",
    ]
    twice = refused("share-duplicate", head, deal.retyped(draft.sheets[0]), charters=charters)
    assert "of the head " in twice
    same_set = split(Secret(b"x" * 32), draft.charter.custody.set, 1, [(2, 3)])[0]
    assert "of the chair of governors" in refused("share-altered", head, same_set[1], charters=charters)
    foreign = split(Secret(b"x" * 32), (draft.charter.custody.set + 1) % 32768, 1, [(2, 3)])[0]
    assert "another vault" in refused("share-foreign", foreign[0], charters=charters)
    elsewhere = split(Secret(b"x" * 32), draft.charter.custody.set, 2, [(2, 3), (1, 1), (1, 1)])
    assert "no holder" in refused("share-altered", elsewhere[1][0], charters=charters)
    assert "1 of 2 of school" in refused("share-too-few", manager, charters=charters)


@pytest.mark.parametrize(
    "change",
    [
        {"group_index": 3},
        {"index": 3},
        {"member_threshold": 3},
        {"group_threshold": 2, "group_count": 2},
        {"group_count": 2},
        {"iteration_exponent": 1},
        {"extendable": False},
    ],
)
def test_nothing_on_a_share_can_be_altered_unnoticed(change: dict[str, int]) -> None:
    draft, _ = deal.vault()
    good = RawShare.from_mnemonic(" ".join(draft.sheets[0].share.words()))
    altered = parse_share(replace(good, **change).mnemonic())  # type: ignore[arg-type]
    refused("share-altered", altered, draft.sheets[1].share, charters=(draft.charter,))


def test_no_altered_value_passes_even_with_a_good_checksum() -> None:
    draft, _ = deal.vault()
    other = split(draft.secret, draft.sheets[0].share.set, 1, [(2, 3)])[0][0]
    refused("share-altered", other, draft.sheets[1].share, charters=(draft.charter,))


def reshared(policy: Policy) -> tuple[Draft, dict[str, bytes]]:
    old, public = deal.vault()
    secret = combine_sheets(old.sheets[:2], old.charter)
    draft = draft_next([old.charter], (secret, secret), policy, deal.LATER, last_stock(public)[1])
    return draft, public | signed_charter(draft, old.keys[:2])


def test_reshare_keeps_the_secret_and_retires_the_old_sheets() -> None:
    old, _ = deal.vault()
    draft, public = reshared(deal.renamed(POLICIES["simple"], "new head"))
    history = deal.history(public)
    assert draft.charter.custody and old.charter.custody
    assert (draft.charter.custody.epoch, draft.charter.n) == (2, 2)
    assert draft.charter.custody.set != old.charter.custody.set
    assert history.charters[1].recipients == old.charter.recipients
    assert prove(draft) == 3
    opened = open_sheets([sheet.share for sheet in draft.sheets[:2]], history.charters)
    assert opened.encode() == old.identity.encode()
    for sheet in old.sheets:
        told = refused("share-old", sheet.share, charters=history.charters)
        assert f"old sheet of the {sheet.holder.role}, of epoch 1" in told


def test_old_and_new_sheets_do_not_mix() -> None:
    old, _ = deal.vault()
    draft, public = reshared(POLICIES["simple"])
    charters = deal.history(public).charters
    refused("share-old", draft.sheets[0].share, old.sheets[1].share, charters=charters)
    with pytest.raises(WrongKeyError):
        combine_sheets([draft.sheets[0], old.sheets[1]], charters[-1])


def test_an_ex_holders_old_sheet_signs_nothing() -> None:
    old, _ = deal.vault()
    draft, public = reshared(deal.renamed(POLICIES["simple"], "new head"))
    history = deal.history(public)
    third = draft_next(history.charters, (draft.secret, draft.secret), POLICIES["simple"], deal.LATER, "00" * 32)
    stock = next_stock(last_stock(public)[0], history.keys, deal.LATER)
    for code, signers in (
        ("stock-threshold", old.keys[:1]),
        ("stock-late", old.keys),
        ("stock-late", [*old.keys, draft.keys[0]]),
    ):
        late = accept((public | signed_stock(stock, signers)).items())
        assert [one.code for one in late.findings] == [code]
        assert late.sealings == history.sealings
    for signers in (old.keys, [*old.keys, draft.keys[0]]):
        charter = accept((public | signed_charter(third, signers)).items())
        assert [one.code for one in charter.findings] == ["charter-threshold"]
        assert len(charter.charters) == 2


def test_fewer_old_holders_than_a_quorum_reshare_nothing() -> None:
    old, public = deal.vault()
    draft, _ = reshared(POLICIES["simple"])
    history = accept((public | signed_charter(draft, old.keys[:1])).items())
    assert [one.code for one in history.findings] == ["charter-threshold"]
    open_sheets([sheet.share for sheet in old.sheets[:2]], history.charters)


def rekeyed() -> tuple[Draft, dict[str, bytes]]:
    old, public = deal.vault()
    before, head = last_stock(public)
    draft = draft_next([old.charter], (old.secret, Secret(b"n" * 32)), POLICIES["community"], deal.LATER, head)
    keys = {}
    again: dict[str, bytes] = {}
    for key in before.keys:
        sealed = public[r.key_name(key.id, key.sha256)]
        keys[key.id], data = seal_again(sealed, key, draft.charter, old.identity, draft.identity)
        again |= data
    stock = signed_stock(next_stock(before, keys, deal.LATER), draft.keys)
    return draft, public | again | stock | signed_charter(draft, old.keys)


def opens(public: dict[str, bytes], identity: HybridIdentity) -> list[bool]:
    history = deal.history(public)
    result = []
    for key in history.keys.values():
        try:
            series_identity(public[r.key_name(key.id, key.sha256)], key, history.vault, identity)
        except WrongKeyError:
            result.append(False)
        else:
            result.append(True)
    return result


def test_rekey_seals_every_series_key_to_the_new_secret_alone() -> None:
    old, before = deal.vault()
    draft, public = rekeyed()
    history = deal.history(public)
    assert set(history.keys) == set(deal.history(before).keys)
    assert len(history.sealings) == 2 * len(history.keys)
    assert set(opens(public, draft.identity)) == {True}
    assert set(opens(public, old.identity)) == {False}
    assert draft.identity.encode() != old.identity.encode()


def test_until_its_charter_is_there_the_old_quorum_opens() -> None:
    old, before = deal.vault()
    _, public = rekeyed()
    names = sorted(set(public) - set(before), reverse=True)
    without_charter = {name: data for name, data in public.items() if not name.startswith("charter/00000002")}
    assert names[-1].startswith("charter/00000002")
    history = accept(without_charter.items())
    assert [one.code for one in history.findings] == ["signature", "stock-threshold"]
    custody = open_sheets([sheet.share for sheet in old.sheets[:2]], history.charters)
    assert set(opens(before, custody)) == {True}
    assert {key.sha256 for key in history.keys.values()} == {key.sha256 for key in deal.history(before).keys.values()}


def test_a_seal_again_of_another_key_is_refused() -> None:
    old, public = deal.vault()
    first, second = last_stock(public)[0].keys[:2]
    with pytest.raises(EscrowError, match="key"):
        sealed = public[r.key_name(second.id, second.sha256)]
        seal_again(sealed, first, old.charter, old.identity, old.identity)


def test_one_sheet_and_the_custodians_identity_decrypt_nothing() -> None:
    draft, public = deal.vault("community")
    (custodian,) = (sheet for sheet in draft.sheets if sheet.holder.party == "custodian")
    for sheet in draft.sheets:
        shares = [sheet.share] + ([custodian.share] if sheet.holder.group == "staff" else [])
        refused("share-too-few", *shares, charters=(draft.charter,))
        for seed in (sheet.share.value(), custodian.share.value()):
            assert set(opens(public, custody_identity(seed, draft.charter.vault))) == {False}


def test_words_of_a_sheet_survive_the_paper() -> None:
    draft, _ = deal.vault()
    for sheet in draft.sheets:
        assert parse_share(" ".join(sheet.share.words()).upper()) == sheet.share
