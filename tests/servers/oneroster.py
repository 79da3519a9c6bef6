"""A stand-in for a OneRoster REST server on loopback, from 1EdTech's specifications: tokens, lists, pages, counts."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlsplit

from .http import Answer, Request, serving

CLIENT = "esc:row"
SECRET = "s3cr%t pass"
_OR = "https://purl.imsglobal.org/spec/or/v1p1/scope/"


def user(number: int, **more: object) -> dict[str, object]:
    person: dict[str, object] = {"sourcedId": f"u{number:06}", "status": "active", "givenName": f"Manuël {number}"}
    return person | {"familyName": "O'Shields", "dateLastModified": "2026-11-23T20:00:00.000Z"} | more


@dataclass
class OneRosterServer:
    """`lists` by name. `most`: rows that it gives at once; `counts`, `links`: whether it says how many, and goes on.

    `expires`: how many answers a token is good for; `granted`: the scope that it names; `seen`: addresses asked.
    """

    lists: dict[str, list[dict[str, object]]]
    version: str = "1.1"
    most: int = 100
    counts: bool = True
    links: bool = True
    expires: int = 1000
    granted: str | None = None
    fault: Callable[[Request, int], Answer | None] = lambda request, number: None
    seen: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    base_url: str = ""
    left: int = 0

    def __call__(self, request: Request) -> Answer:
        self.seen.append(request.path)
        given = self.fault(request, len(self.seen))
        if given is not None:
            return given
        address = urlsplit(request.path)
        if address.path == "/token":
            return self._token(request)
        if request.headers["Authorization"] != f"Bearer token-{len(self.scopes)}" or self.left < 1:
            return _json({"imsx_codeMajor": "failure"}, 401)
        self.left -= 1
        query = {name: int(values[0]) for name, values in parse_qs(address.query).items()}
        name = address.path.rpartition("/")[2]
        service = {"lineItems": "gradebook", "results": "gradebook", "scoreScales": "gradebook"}.get(name, "rostering")
        root = "v1p1" if self.version == "1.1" else f"{service}/v1p2"
        if address.path != f"/sis/ims/oneroster/{root}/{name}":
            return _json({"imsx_codeMajor": "failure"}, 404)
        if name not in self.lists:
            return _json({"imsx_codeMajor": "failure"}, 403)
        return self._page(name, query["offset"], min(query["limit"], self.most))

    def _token(self, request: Request) -> Answer:
        pair = base64.b64encode(f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}".encode()).decode()
        form = parse_qs(request.body.decode())
        if request.headers["Authorization"] != f"Basic {pair}" or form["grant_type"] != ["client_credentials"]:
            return _json({"error": "invalid_client"}, 400)
        (scope,) = form["scope"]
        self.scopes.append(scope)
        self.left = self.expires
        given = {"access_token": f"token-{len(self.scopes)}", "token_type": "bearer", "expires_in": 3600}
        return _json(given | {"scope": scope if self.granted is None else self.granted})

    def _page(self, name: str, offset: int, limit: int) -> Answer:
        rows = self.lists[name]
        headers = {"X-Total-Count": str(len(rows))} if self.counts else {}
        if self.links and offset + limit < len(rows):
            headers["Link"] = (
                f'<{self.base_url}/x?offset={offset + limit}>; rel="next", <{self.base_url}/x>; rel="last"'
            )
        return _json({name: rows[offset : offset + limit]}, headers=headers)


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, {"Content-Type": "application/json"} | (headers or {}), body)


@contextmanager
def oneroster(server: OneRosterServer) -> Iterator[OneRosterServer]:
    """Serve until the block ends."""
    with serving(server) as endpoint:
        server.base_url = endpoint
        yield server
