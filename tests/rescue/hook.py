"""A hook over every vault that any test makes: `pytest -p tests.rescue.hook` asks the second reader each time."""

import functools
import sys
from collections.abc import Iterable
from typing import Any

import escrow.trust.history
from escrow.trust import History

from .reader import compare

first = escrow.trust.history.accept


@functools.wraps(first)
def both(objects: Iterable[tuple[str, bytes]], **known: Any) -> History:
    given = list(objects)
    answer = first(given, **known)
    compare(given, answer, **known)
    return answer


def pytest_configure() -> None:
    """Replaces `accept` wherever it was imported, and where it will be imported from."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("escrow", "tests", "cli")) and getattr(module, "accept", None) is first:
            vars(module)["accept"] = both
