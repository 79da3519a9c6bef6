"""Calls ahead: in order, few at a time, and none begun after one has failed."""

import time
from collections.abc import Iterator

import pytest

from escrow.engine.ahead import ahead


def test_results_come_in_order_and_few_items_are_taken_ahead() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    def slow_first(number: int) -> int:
        time.sleep(0.002 if number % 7 == 0 else 0)
        return number

    for seen, result in enumerate(ahead(slow_first, items(), 3)):
        assert result == seen
        assert taken <= seen + 12
    assert taken == 1000


def test_a_call_that_fails_ends_it() -> None:
    begun = 0

    def fail(number: int) -> int:
        nonlocal begun
        begun += 1
        if number == 5:
            raise ValueError("no")
        return number

    results = ahead(fail, range(10_000), 2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="no"):
        next(results)
    assert begun <= 5 + 8 + 1
