"""Which stock counts: keys sealed again, and boards that were replaced."""

from dataclasses import replace

from escrow import record as r
from escrow.trust import accept
from tests.trust import world as w

NEW_HEAD, NEW_CHAIR = w.signer(31), w.signer(32)
OLD, NEW = (w.HEAD, w.CHAIR), (NEW_HEAD, NEW_CHAIR)
HASH = w.payload_sha256(w.STOCK)
GROUPS = (r.Group(name="school", needed=2, members=2),)


def holder(role: str, member: int) -> r.Holder:
    key = NEW[member - 1].public().encode()
    return r.Holder(role=role, key=key, group="school", member=member)


def charter(n: int = 2, before: r.Charter = w.CHARTER, stock: str | None = HASH) -> r.Charter:
    custody = r.Custody(epoch=1, set=7, groups_needed=1, groups=GROUPS, stock=stock)
    holders = (holder("head", 1), holder("chair", 2))
    return replace(before, n=n, prev=w.payload_sha256(before), holders=holders, custody=custody)


def stock(n: int, before: r.Stock, *keys: r.StockKey) -> r.Stock:
    return r.Stock(vault=w.VAULT, n=n, prev=w.payload_sha256(before), created=w.T0, keys=keys)


AGAIN = replace(w.STOCK.keys[0], sha256="dd" * 32, size=3100)
SEALED_AGAIN = stock(2, w.STOCK, AGAIN, w.STOCK.keys[1])
RESHARED = w.named(charter(), *OLD, *NEW)


def test_the_newest_sealing_counts_and_older_ones_stay_known() -> None:
    history = accept([*w.base(), w.named(SEALED_AGAIN)])
    assert history.findings == ()
    assert history.keys == {AGAIN.id: AGAIN, w.STOCK.keys[1].id: w.STOCK.keys[1]}
    assert set(history.sealings) == {*w.STOCK.keys, AGAIN}


def test_a_former_board_adds_no_key_and_seals_none_again() -> None:
    intruder = stock(2, w.STOCK, w.stock_key(29))
    for late in (intruder, SEALED_AGAIN, replace(intruder, n=3), replace(w.STOCK, keys=(w.stock_key(29),))):
        history = accept([*w.base(), RESHARED, w.named(late, *OLD)])
        assert len(history.charters) == 2
        assert "stock-late" in w.codes(history)
        assert history.keys == {key.id: key for key in w.STOCK.keys}
        assert len(history.sealings) == 2


def test_the_new_board_goes_on_from_the_stock_that_its_charter_names() -> None:
    history = accept([*w.base(), RESHARED, w.named(SEALED_AGAIN, *NEW)])
    assert history.findings == ()
    assert history.keys[AGAIN.id] == AGAIN


def test_all_stocks_up_to_the_named_one_stay() -> None:
    second = stock(2, w.STOCK, w.stock_key(22))
    history = accept([*w.base(), w.named(second), w.named(charter(stock=w.payload_sha256(second)), *OLD, *NEW)])
    assert history.findings == ()
    assert len(history.keys) == 3


def test_a_charter_that_names_no_stock_takes_those_of_former_holders() -> None:
    history = accept([*w.base(), w.named(charter(stock=None), *OLD, *NEW), w.named(SEALED_AGAIN, *OLD)])
    assert history.findings == ()
    assert history.keys[AGAIN.id] == AGAIN


def test_later_charters_of_the_same_epoch_cut_nothing_off() -> None:
    second = charter()
    third = replace(charter(3, second), cap_days=501)
    history = accept([*w.base(), RESHARED, w.named(SEALED_AGAIN, *NEW), w.named(third, *NEW)])
    assert history.findings == ()
    assert history.keys[AGAIN.id] == AGAIN


def test_a_stock_of_the_new_board_counts_before_a_higher_number_of_the_old_one() -> None:
    old = stock(2, w.STOCK, replace(AGAIN, sha256="cc" * 32))
    named = w.named(charter(stock=w.payload_sha256(old)), *OLD, *NEW)
    new = replace(SEALED_AGAIN, n=2)
    history = accept([*w.base(), w.named(old, *OLD), named, w.named(new, *NEW)])
    assert history.keys[AGAIN.id] == AGAIN
