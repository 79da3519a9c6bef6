"""OneRoster 1.1 and 1.2 by REST: every list in full, every night, one JSON Lines file each.

From 1EdTech's public specifications and public clients. A row is a line, byte for byte as the server sent it. Where a
list ends is believed of the server's count or of a page with nothing in it, never of a page that is short.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from io import RawIOBase
from typing import Literal
from urllib.parse import quote, urlencode

from escrow.errors import FormatError, UsageError
from escrow.seal import Secret
from escrow.source.base import FileItem, Item, ScanNotes, UnreadableError, check_name, stream_item
from escrow.source.http import HttpClient, HttpError
from escrow.source.jsonpage import Page, read_page
from escrow.source.lists import Lists, Reading
from escrow.source.streams import PieceReader

Version = Literal["1.1", "1.2"]
_ROSTERING = ("academicSessions", "classes", "courses", "demographics", "enrollments", "orgs", "users")
_SERVICES = dict.fromkeys(_ROSTERING, "rostering") | {"resources": "resources"}
_SERVICES |= dict.fromkeys(("categories", "lineItems", "results"), "gradebook")
_ONLY_NEWER = ("assessmentLineItems", "assessmentResults", "scoreScales")
_SERVICES |= dict.fromkeys(_ONLY_NEWER, "gradebook")
_SCOPES = {"rostering": "roster.readonly", "gradebook": "gradebook.readonly", "resources": "resource.readonly"}
_SCOPE = "https://purl.imsglobal.org/spec/or/{}/scope/{}"
_LIMIT = 100
"""Rows a page: what every server may give (the specification's default)."""
_TOKENS = 24
_NEXT = re.compile(r"""rel\s*=\s*["']?next\b""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """What lets a client in, and the scopes that the server names for it ("" where it names none)."""

    bearer: Secret
    scope: str


def log_in(server: HttpClient, client_id: str, secret: Secret, scope: str) -> Token:
    """A token by OAuth 2 client credentials (RFC 6749, section 4.4). HttpError; `http-token` for a refusal."""
    pair = f"{quote(client_id, safe='')}:{quote(secret.reveal(), safe='')}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urlencode({"grant_type": "client_credentials", "scope": scope}).encode()
    try:
        answer = server.post("", body, headers, {})
    except HttpError as error:
        if error.code not in ("http-status", "http-token", "http-forbidden"):
            raise
        hint = "check client_id, client_secret and scope with the server's owner"
        raise HttpError("http-token", f"{server.host}: gives no token for this client", hint=hint) from None
    try:
        said = json.loads(answer.body)
        bearer, granted = said["access_token"], said.get("scope") or ""
    except (ValueError, KeyError, TypeError, AttributeError):
        bearer = granted = None
    if not isinstance(bearer, str) or not isinstance(granted, str) or not bearer:
        hint = "look at token_url: is it the token endpoint, and not a page in front of it?"
        raise HttpError("http-body", f"{server.host}: answers without a token", hint=hint)
    return Token(Secret(bearer.encode()), granted)


class OneRosterSource:
    """The lists `entities` under the source name `name`; without any, those of rostering."""

    def __init__(
        self,
        name: str,
        log_in: Callable[[str], Token],
        connect: Callable[[Secret], HttpClient],
        *,
        version: Version,
        entities: Sequence[str] = (),
        scope: str = "",
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`log_in` is given the scopes, separated by blanks (`scope`, else what the lists need); `connect` its token.

        UsageError `source-name`, `oneroster-entity`.
        """
        check_name(name)
        self.name = name
        self.notes = ScanNotes(name)
        self._log_in = log_in
        self._connect = connect
        self._client: HttpClient
        self._tokens = 0
        self._version: Version = version
        self._entities = {f"{name}/{one}.jsonl".encode(): one for one in _checked(entities or _ROSTERING, version)}
        self._scope = scope or " ".join(_scopes(self._entities.values(), version))
        self._now_ns = now_ns
        self._lists = Lists(self.notes, now_ns)

    def scan(self) -> Iterator[Item]:
        """A file for each list. SourceError when there is no token, or the server does not answer at all."""
        self.notes = ScanNotes(self.name)
        self._lists = Lists(self.notes, self._now_ns)
        self._tokens = 0
        self._enter()
        try:
            self._ask(self._path(next(iter(self._entities.values()))), {"limit": "1", "offset": "0"})
        except HttpError as error:
            if error.code not in ("http-forbidden", "http-missing"):
                raise
        moment = self._now_ns()
        return iter([stream_item(path, moment, path.decode()) for path in sorted(self._entities)])

    def open(self, item: FileItem) -> RawIOBase:
        """The rows of a list as lines. UnreadableError from its reads."""
        entity = self._entities[item.path]
        return PieceReader(self._lists.told(entity, self._lines(item.path, entity)))

    def recheck(self, item: FileItem) -> FileItem | None:
        """None when the list held still while it was read, else the item, to be read again."""
        return self._lists.recheck(item, self._entities[item.path])

    def _enter(self) -> None:
        token = self._log_in(self._scope)
        self._tokens += 1
        self._client = self._connect(token.bearer)
        lacking = sorted(set(self._scope.split()) - set(token.scope.split())) if token.scope else []
        for one in lacking:
            self._lists.tell_once(f"the scope {one.rpartition('/')[2]} was asked for and is not granted")

    def _path(self, entity: str) -> str:
        if self._version == "1.1":
            return f"ims/oneroster/v1p1/{entity}"
        return f"ims/oneroster/{_SERVICES[entity]}/v1p2/{entity}"

    def _ask(self, path: str, query: dict[str, str]) -> tuple[bytes, int | None, bool]:
        """Body, count, and whether the server names a next page; with a new token where this one has run out."""
        try:
            answer = self._client.get(path, query)
        except HttpError as error:
            if error.code != "http-token" or self._tokens >= _TOKENS:
                raise
            self._enter()
            answer = self._client.get(path, query)
        count = answer.headers.get("x-total-count", "").strip()
        total = int(count) if count.isascii() and count.isdigit() and len(count) < 12 else None
        return answer.body, total, bool(_NEXT.search(answer.headers.get("link", "")))

    def _lines(self, path: bytes, entity: str) -> Iterator[bytes]:
        reading = self._lists.begin(path, Reading("sourcedId"))
        first: object = None
        more = True
        while more:
            query = {"limit": str(_LIMIT), "offset": str(reading.rows)}
            body, total, following = self._ask(self._path(entity), query)
            rows = _page(body, entity).rows
            if rows is None:
                hint = "ask the server's owner whether this client may read it, or take it out of `entities`"
                raise UnreadableError("http-scope", f"{entity}: the server answers null", hint=hint)
            if rows and rows[0].value == first:
                if total is None and not following and len(rows) < _LIMIT:
                    self._lists.tell_once(
                        f"{entity}: the server gives neither pages nor a count: nothing to hold it against"
                    )
                    break
                raise HttpError("http-body", f"{entity}: the next page is the same page again")
            if reading.before is None and not reading.rows:
                reading.before = total
            reading.after = total
            if not rows:
                break
            first = rows[0].value
            yield reading.take(rows)
            more = following or (len(rows) <= _LIMIT if total is None else reading.rows < total)


def _page(body: bytes, entity: str) -> Page:
    try:
        return read_page(body, entity)
    except FormatError as error:
        hint = "look at the address and the version: is it OneRoster, and not a page in front of it?"
        raise HttpError("http-body", error.args[0], hint=hint) from None


def _checked(entities: Sequence[str], version: Version) -> Sequence[str]:
    known = [one for one in _SERVICES if version == "1.2" or one not in _ONLY_NEWER]
    for one in entities:
        if one not in known:
            raise UsageError("oneroster-entity", f"expected one of {', '.join(known)}, found {one[:80]!r}")
    return entities


def _scopes(entities: Collection[str], version: Version) -> list[str]:
    names = {_SCOPES[_SERVICES[one]] for one in entities}
    if "demographics" in entities:
        names.add("roster-demographics.readonly")
    return [_SCOPE.format("v" + version.replace(".", "p"), one) for one in sorted(names)]
