"""A night whose only source is a server that is away is tried until morning, as one of a share is."""

from dataclasses import replace
from pathlib import Path

from escrow.source import Rule
from tests.engine.kit import school
from tests.servers.http import Answer, Request
from tests.servers.wonde import WondeServer, student, wonde
from tests.source.wonde_kit import source

from .kit import go, machine


def test_a_server_that_comes_back_in_the_night(tmp_path: Path) -> None:
    def fault(request: Request, number: int) -> Answer | None:
        return Answer(503) if number < 10 else None

    one = school(tmp_path)
    with wonde(WondeServer({"rooms": [student(1)]}, fault=fault)) as server:
        parts = replace(machine(one), sources=[source(server, "rooms")], rules=[Rule("records", ("*",))])
        result = go(one, parts)
    assert (result.error, result.attempts) == (None, 2)
    assert result.night is not None
    assert result.night.finished


def test_a_token_that_is_refused_is_told_at_once(tmp_path: Path) -> None:
    one = school(tmp_path)
    with wonde(WondeServer({"rooms": [student(1)]})) as server:
        result = go(one, replace(machine(one), sources=[source(server, "rooms", token="wrong")]))
    assert result.error is not None
    assert (result.error.code, result.attempts) == ("http-token", 1)
