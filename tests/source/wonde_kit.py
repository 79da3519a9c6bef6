"""What tests of sources over HTTP share: a client with a clock that tests move, and a reading as the engine does it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from escrow.seal import Secret
from escrow.source import FileItem, Source, UnreadableError, UnreadItem
from escrow.source.http import HttpClient, Timing
from escrow.source.http_wait import HttpLimits
from escrow.source.wonde import WondeSource
from escrow.source.wonde_entities import parse_entity
from tests.servers.wonde import SCHOOL, TOKEN, WondeServer

T0 = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@dataclass
class Waits:
    """A clock that sleeps at once, and remembers how long."""

    slept: list[float] = field(default_factory=list)

    def timing(self) -> Timing:
        return Timing(
            sleep=self.slept.append,
            monotonic=lambda: sum(self.slept),
            now=lambda: T0 + timedelta(seconds=sum(self.slept)),
            random=lambda: 1.0,
        )


def client(
    base_url: str, waits: Waits | None = None, token: str = TOKEN, limits: HttpLimits | None = None
) -> HttpClient:
    return HttpClient(base_url, bearer=Secret(token.encode()), timing=(waits or Waits()).timing(), limits=limits)


def source(server: WondeServer, *entities: str, **options: object) -> WondeSource:
    made: Callable[[], HttpClient] = lambda: client(server.base_url, **options)  # type: ignore[arg-type]  # noqa: E731
    return WondeSource("wonde", made, SCHOOL, entities=[parse_entity(one) for one in entities], now_ns=lambda: 1)


def read(one: Source) -> dict[str, bytes | str]:
    """Contents by path, or the code of why there is none; a list that moves is read three times, then `changing`."""
    found: dict[str, bytes | str] = {}
    for item in one.scan():
        path = item.path.decode()
        if isinstance(item, UnreadItem):
            found[path] = item.reason
        elif isinstance(item, FileItem):
            found[path] = _one(one, item)
    return found


def _one(one: Source, item: FileItem) -> bytes | str:
    for _ in range(3):
        try:
            with one.open(item) as raw:
                data = raw.readall()
        except UnreadableError as error:
            return error.code
        again = one.recheck(item)
        if again is None:
            return data
        item = again
    return "changing"
