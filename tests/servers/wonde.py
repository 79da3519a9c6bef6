"""A stand-in for Wonde's API v1.0 on loopback, from its public documentation and the answers in its clients' tests."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from .http import Answer, Request, serving

SCHOOL = "A1930499544"
TOKEN = "7e76896f9aca62569048c667db292d72dd84f224"
COUNTED = ("students", "contacts", "employees", "classes", "groups", "lessons")


def student(number: int, **more: object) -> dict[str, object]:
    moment = {"date": "2026-10-04 08:48:52.000000", "timezone_type": 3, "timezone": "UTC"}
    person: dict[str, object] = {"id": f"A{number:09}", "mis_id": str(number), "forename": f"Manuël {number}"}
    return person | {"surname": "O'Shields", "date_of_birth": moment, "updated_at": moment} | more


@dataclass
class WondeServer:
    """`lists` by entity; `fault` may answer in its place; `seen` holds method, path and query of every request."""

    lists: dict[str, list[dict[str, object]]]
    photos: dict[str, bytes] = field(default_factory=dict)
    fault: Callable[[Request, int], Answer | None] = lambda request, number: None
    counts: dict[str, int] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    base_url: str = ""

    def __call__(self, request: Request) -> Answer:
        self.seen.append(request.path)
        given = self.fault(request, len(self.seen))
        if given is not None:
            return given
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            return _json({"error": "unauthorized"}, 401)
        address = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        root = f"/v1.0/schools/{SCHOOL}"
        if not address.path.startswith(root):
            return _json({"error": "not found"}, 404)
        return self._answer(address.path.removeprefix(root).strip("/"), query)

    def _answer(self, path: str, query: dict[str, str]) -> Answer:
        if not path:
            return _json({"data": {"id": SCHOOL, "name": "Wonde Testing School"}, "meta": None})
        if path == "counts":
            asked = [name for name in query.get("include", "").split(",") if name in COUNTED]
            count = {name: self.counts.get(name, len(self.lists.get(name, ()))) for name in asked}
            return _json({"data": {name: {"data": {"count": number}} for name, number in count.items()}})
        if path.startswith("photos/"):
            known = path.removeprefix("photos/")
            content = base64.b64encode(self.photos[known]).decode()
            return _json({"data": {"id": known, "hash": "h", "content": content}})
        if path not in self.lists:
            return _json({"error": "forbidden"}, 403)
        return self._page(path, query)

    def _page(self, path: str, query: dict[str, str]) -> Answer:
        size, number = int(query.get("per_page", "50")), int(query.get("page", "1"))
        rows = self.lists[path]
        more = len(rows) > size * number
        asked = "".join(f"&{name}={value}" for name, value in query.items() if name != "page")
        following = f"{self.base_url}/schools/{SCHOOL}/{path}?page={number + 1}{asked}" if more else None
        pagination = {"next": following, "previous": None, "more": more, "per_page": size, "current_page": number}
        return _json({"data": rows[size * (number - 1) : size * number], "meta": {"pagination": pagination}})


def _json(value: object, status: int = 200) -> Answer:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/").encode()
    return Answer(status, {"Content-Type": "application/json"}, body)


@contextmanager
def wonde(server: WondeServer) -> Iterator[WondeServer]:
    """Serve until the block ends."""
    with serving(server) as endpoint:
        server.base_url = f"{endpoint}/v1.0"
        yield server
