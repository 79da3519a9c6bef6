"""The chain: rollback, gaps, forks, foreign and swapped objects, junk, and what stays restorable."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from escrow import record as r
from escrow.seal import Secret, Signed, SigningKey, VerifyKey, open_envelope
from escrow.trust import Head, accept, intake, sign_record
from tests.trust import world as w

SERIES = w.SERIES.series
NIGHTS = w.chain(10)


def heads() -> list[Head]:
    return [Head(notice.seq, w.payload_sha256(notice)) for notice in NIGHTS]


def test_every_earlier_state_replayed_is_found_with_a_remembered_head() -> None:
    objects, remembered = w.vault(10), heads()[-1]
    assert accept(objects, remembered=remembered).findings == ()
    for kept in range(len(w.base()), len(objects)):
        assert w.codes(accept(objects[:kept], remembered=remembered)) == ["rollback"]


def test_a_longer_history_that_drops_or_changes_what_was_remembered_is_found() -> None:
    objects = list(w.vault(10))
    for head in heads()[:-1]:
        at = len(w.base()) + head.seq - 1
        assert "rollback-other" in w.codes(accept(objects[:at] + objects[at + 1 :], remembered=head))
        assert accept(objects, remembered=head).findings == ()
    other = [w.notice(1, None, label="other")]
    for seq in range(2, 13):
        other.append(w.notice(seq, other[-1], label="other"))
    history = accept([*w.base(), *map(w.named, other)], remembered=heads()[-1])
    assert w.codes(history) == ["rollback-other"]


def test_a_missing_notice_is_a_gap_and_hides_no_other_night() -> None:
    objects = w.vault(10)
    for at in range(len(w.base()), len(objects) - 1):
        lost = at - len(w.base()) + 1
        history = accept(objects[:at] + objects[at + 1 :])
        assert w.codes(history) == ["notice-gap"]
        assert [snapshot.seq for snapshot in history.snapshots] == [n for n in range(1, 11) if n != lost]
        assert history.head == heads()[-1]
        packs = history.snapshots[-1].packs(SERIES)
        assert [n for n, pack in enumerate(packs) if pack is None] == [lost - 1]
        assert packs == history.series[SERIES].packs
        assert len(packs) == 10


def test_a_notice_that_cites_beyond_a_gap_does_not_close_it() -> None:
    skips = replace(w.notice(3, NIGHTS[1]), prev=w.payload_sha256(NIGHTS[0]))
    assert w.codes(accept([*w.base(), w.named(NIGHTS[0]), w.named(skips)])) == ["notice-gap"]


def test_both_sides_of_a_fork_restore_and_the_longer_one_is_main() -> None:
    short = [w.notice(3, NIGHTS[1], label="short", packs=2)]
    short.append(w.notice(4, short[0], label="short"))
    history = accept([*w.vault(6), *map(w.named, short)])
    assert w.codes(history) == ["notice-fork", "notice-fork"]
    assert history.head == heads()[5]
    assert [len(group) for group in history.forks] == [2, 2]
    snapshots = {snapshot.sha256: snapshot for snapshot in history.snapshots}
    assert len(snapshots) == 8
    stray = snapshots[w.payload_sha256(short[1])]
    assert not stray.on_main
    assert [pack.sha256 for pack in stray.packs(SERIES) if pack] == [
        w.ref(label).sha256 for label in ("pack 1.0", "pack 2.0", "pack short3.0", "pack short3.1", "pack short4.0")
    ]
    assert len(snapshots[heads()[5].sha256].packs(SERIES)) == 6


def test_the_longer_side_is_main_whichever_hash_is_lower() -> None:
    for lower in (True, False):
        rivals = (w.notice(3, NIGHTS[1], label=str(n)) for n in range(99))
        rival = next(n for n in rivals if (w.payload_sha256(n) < w.payload_sha256(NIGHTS[2])) is lower)
        assert accept([*w.vault(4), w.named(rival)]).head == heads()[3]


def test_a_notice_that_cites_its_predecessor_goes_before_a_longer_guess() -> None:
    lost = w.notice(3, NIGHTS[1], label="lost")
    stray = [w.notice(4, lost, label="stray")]
    for seq in (5, 6):
        stray.append(w.notice(seq, stray[-1], label="stray"))
    history = accept([*w.vault(4), *map(w.named, stray)])
    assert w.codes(history) == ["notice-prev", "notice-fork"]
    assert history.head == heads()[3]
    assert [snapshot.seq for snapshot in history.snapshots] == [1, 2, 3, 4, 4, 5, 6]


def test_packs_lie_where_the_notice_says_even_when_that_is_wrong() -> None:
    part = replace(NIGHTS[2].series[0], first_pack=1)
    history = accept([*w.vault(2), w.named(replace(NIGHTS[2], series=(part,)))])
    assert w.codes(history) == ["pack-ordinal"]
    expected = (w.ref("pack 1.0"), w.ref("pack 3.0"))
    assert history.snapshots[-1].packs(SERIES) == history.series[SERIES].packs
    assert tuple(history.series[SERIES].packs) == expected


def test_an_absurd_ordinal_takes_no_memory_and_hides_no_other_night() -> None:
    part = replace(NIGHTS[2].series[0], first_pack=2**53 - 2)
    history = accept([*w.vault(2), w.named(replace(NIGHTS[2], series=(part,)))])
    assert w.codes(history) == ["pack-ordinal"]
    assert len(history.series[SERIES].packs) == 2**53 - 1
    assert history.snapshots[-1].packs(SERIES)[2**53 - 2] == w.ref("pack 3.0")
    assert len(history.snapshots[1].packs(SERIES)) == 2


def test_behind_a_gap_a_series_may_begin_anywhere() -> None:
    other = replace(w.SERIES, series="66" * 8)
    begun = w.notice(2, NIGHTS[0], series=other)
    third = replace(NIGHTS[2], prev=w.payload_sha256(begun))
    part = replace(w.notice(1, None, series=other).series[0], first_pack=5)
    fourth = replace(NIGHTS[3], prev=w.payload_sha256(third), series=(part,))
    fifth = replace(NIGHTS[4], prev=w.payload_sha256(fourth), series=(part,))
    nights = [*w.vault(1), w.named(other), w.named(third), w.named(fourth)]
    history = accept(nights)
    assert w.codes(history) == ["notice-gap"]
    assert tuple(history.series[other.series].packs) == (None,) * 5 + part.packs
    assert w.codes(accept([*nights, w.named(fifth)])) == ["notice-gap", "pack-ordinal"]


def test_a_series_record_needs_its_agents_signature() -> None:
    forged = w.named(w.SERIES, w.STRANGER)
    history = accept([*w.base()[:2], forged, *w.vault(2)[3:]])
    assert w.codes(history) == ["signature", "notice-series"]


def test_a_tie_goes_to_the_lowest_payload_hash_whatever_the_order() -> None:
    twins = [NIGHTS[1], replace(NIGHTS[1], software="twin")]
    lowest = min(map(w.payload_sha256, twins))
    objects = [*w.base(), w.named(NIGHTS[0]), *map(w.named, twins)]
    assert accept(objects).head == accept(objects[::-1]).head == Head(2, lowest)


def test_two_envelopes_over_one_payload_are_one_notice() -> None:
    again = w.named(NIGHTS[2])
    assert again not in w.vault(3)
    history = accept([*w.vault(3), again])
    assert history.findings == ()
    assert len(history.links) == 3


def test_a_version_that_fits_its_name_is_used_beside_one_that_does_not() -> None:
    name, data = w.vault(3)[-1]
    history = accept([*w.vault(3), (name, data[:-1]), (name, b"")])
    assert {(f.code, f.severity) for f in history.findings} == {("name-hash", "warning")}
    assert history.head == heads()[2]


def test_another_vault_with_the_same_people_is_kept_apart() -> None:
    def moved(record: r.Record) -> tuple[str, bytes]:
        return w.named(replace(record, vault="11" * 16))

    foreign = [moved(record) for record in (w.STOCK, w.SERIES, *NIGHTS[:3])]
    history = accept([*w.vault(3), *foreign])
    assert set(w.codes(history)) == {"vault-mismatch"}
    assert len(history.findings) == 5
    assert history.head == heads()[2]
    both = accept([*w.vault(3), moved(w.CHARTER), *foreign], vault=w.VAULT)
    assert set(w.codes(both)) == {"vault-mismatch"}
    assert "charter-missing" in w.codes(accept(w.vault(3), vault="11" * 16))


def test_a_forged_first_charter_needs_the_fingerprint_to_be_told_apart() -> None:
    forged = replace(w.CHARTER, holders=(r.Holder(role="thief", key=w.STRANGER.public().encode()),), threshold=1)
    objects = [*w.vault(3), w.named(forged, w.STRANGER)]
    assert w.codes(accept(objects)) == ["charter-fork", "charter-missing"]
    history = accept(objects, fingerprint=w.payload_sha256(w.CHARTER))
    assert history.charter == w.CHARTER
    assert history.head == heads()[2]


def test_notices_that_swap_series_are_told() -> None:
    other = replace(w.SERIES, series="66" * 8, why="planned")
    swapped = replace(NIGHTS[0], series=(replace(NIGHTS[0].series[0], series=other.series),))
    assert w.codes(accept([*w.base(), w.named(other), w.named(swapped)])) == ["notice-series"]


def test_a_new_charter_keeps_old_notices_and_a_revocation_cuts_later_ones() -> None:
    second = replace(
        w.CHARTER,
        n=2,
        prev=w.payload_sha256(w.CHARTER),
        agents=(replace(w.CHARTER.agents[0], revoked_after=3), w.CHARTER.agents[1]),
    )
    history = accept([*w.vault(5), w.named(second)])
    assert w.codes(history) == ["notice-revoked", "notice-revoked"]
    assert history.head == heads()[2]
    assert history.charter == second
    assert history.charter_sha256 == w.payload_sha256(second)


def test_new_holders_need_the_old_ones_and_themselves() -> None:
    new = SigningKey.from_seed(Secret(bytes([77]) * 64))
    second = replace(
        w.CHARTER,
        n=2,
        prev=w.payload_sha256(w.CHARTER),
        holders=(w.CHARTER.holders[0], r.Holder(role="new chair", key=new.public().encode())),
    )
    for keys, accepted in (
        ((w.HEAD, w.CHAIR, new), 2),
        ((w.HEAD, w.CHAIR), 1),
        ((w.HEAD, new), 1),
        ((w.CHAIR, new), 1),
    ):
        history = accept([*w.base(), w.named(second, *keys)])
        assert len(history.charters) == accepted
        assert w.codes(history) == ([] if accepted == 2 else ["charter-threshold"])


def test_stocks_of_former_holders_stay_and_add_up() -> None:
    more = r.Stock(vault=w.VAULT, n=2, prev=w.payload_sha256(w.STOCK), created=w.T0, keys=(w.stock_key(22),))
    history = accept([*w.base(), w.named(more)])
    assert history.findings == ()
    assert set(history.keys) == {key.id for key in (*w.STOCK.keys, *more.keys)}


def test_an_agent_without_series_records_still_sees_the_chain() -> None:
    history = accept([*w.base()[:2], *w.vault(10)[3:]])
    assert w.codes(history) == ["notice-series"]
    assert history.head == heads()[-1]
    assert history.series[SERIES].record is None
    assert len(history.series[SERIES].packs) == 10


def test_verified_envelopes_are_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = accept(w.vault(10))
    checks: list[str] = []

    def counted(envelope: bytes, kind: str, trusted: Iterable[VerifyKey]) -> Signed:
        checks.append(kind)
        return open_envelope(envelope, kind, trusted)

    monkeypatch.setattr(intake, "open_envelope", counted)
    again = accept(w.vault(10), verified=first.verified)
    assert (again.head, again.verified, again.findings) == (first.head, first.verified, ())
    assert len(checks) == 2
    forged = sign_record(NIGHTS[4], [w.STRANGER])
    history = accept([*w.vault(4), (r.notice_name(5, forged), forged)], verified=first.verified)
    assert w.codes(history) == ["signature"]


def test_every_flipped_byte_of_a_small_object_is_found() -> None:
    objects = list(w.vault(3))
    for at, (name, data) in enumerate(objects):
        for byte in range(0, len(data), 997):
            broken = data[:byte] + bytes([data[byte] ^ 1]) + data[byte + 1 :]
            history = accept([*objects[:at], (name, broken), *objects[at + 1 :]])
            assert ("name-hash", "error") in {(f.code, f.severity) for f in history.findings}


def test_objects_under_each_others_names_are_found() -> None:
    objects = list(w.vault(3))
    for i, (name, data) in enumerate(objects):
        for j, (other_name, other) in enumerate(objects[:i]):
            swapped = list(objects)
            swapped[i], swapped[j] = (name, other), (other_name, data)
            assert w.codes(accept(swapped)).count("name-hash") == 2
