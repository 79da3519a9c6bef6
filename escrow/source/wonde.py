"""A school's data by Wonde's API v1.0: every entity in full, every night, one JSON Lines file each.

From Wonde's public documentation and its public clients. A row is a line, byte for byte as the server sent it
(docs/decisions/0091-http-sources.md says what that costs). Rows are never held but for one page.
"""

import base64
import binascii
import heapq
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

from escrow.errors import FormatError, UsageError
from escrow.source.base import FileItem, Item, ScanNotes, UnreadableError, UnreadItem, check_name, stream_item
from escrow.source.http import HttpClient, HttpError
from escrow.source.jsonpage import Page, read_page
from escrow.source.lists import Lists, Reading
from escrow.source.streams import PieceReader
from escrow.source.wonde_entities import ENTITIES, Entity

BASE_URL = "https://api.wonde.com/v1.0"
"""The United Kingdom's; other regions have other domains."""

_SCHOOL = re.compile(r"[A-Za-z0-9]{1,40}")
_PATH = re.compile(r"[a-z0-9-]{1,60}(/[a-z0-9-]{1,60})?")
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_PER_PAGE = 200
_MAX_PHOTOS = 100_000
_SCOPE_HINT = "ask the school to approve this permission in Wonde's portal, or take it out of `entities`"


class WondeSource:
    """The school `school` under the source name `name`; a photo is a file of its own, where `photos` are asked for."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], HttpClient],
        school: str,
        *,
        entities: Sequence[Entity] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`connect` is asked at each scan: a credential that lacks is that night's matter.

        UsageError `source-name`, `wonde-school`, `wonde-entity`.
        """
        check_name(name)
        if not _SCHOOL.fullmatch(school):
            raise UsageError("wonde-school", f"expected a Wonde id such as A1930499544, found {school[:40]!r}")
        chosen = tuple(ENTITIES.values()) if entities is None else tuple(entities)
        for entity in chosen:
            if not _PATH.fullmatch(entity.path):
                hint = "write it as Wonde does, such as students or attendance/session"
                raise UsageError("wonde-entity", f"expected an entity, found {entity.path[:80]!r}", hint=hint)
        self.name = name
        self.notes = ScanNotes(name)
        self._connect = connect
        self._client: HttpClient
        self._root = f"schools/{school}"
        self._now_ns = now_ns
        self._entities = {f"{name}/{entity.path}.jsonl".encode(): entity for entity in chosen}
        self._lists = Lists(self.notes, now_ns)
        self._counting = False

    def scan(self) -> Iterator[Item]:
        """The school, each entity, each photo. SourceError when the server does not answer for this school at all."""
        self.notes = ScanNotes(self.name)
        self._lists = Lists(self.notes, self._now_ns)
        self._client = self._connect()
        _page(self._client, self._root, {})
        moment = self._now_ns()
        fixed = [self._path("school.json"), *self._entities]
        self._counting = any(entity.counted for entity in self._entities.values())
        if self._counting and not self._may_count():
            self._counting = False
            self.notes.told.append("counts: not permitted: nothing to hold the rows against")
        if self._counting:
            fixed.append(self._path("counts.json"))
        items = [stream_item(path, moment, path.decode()) for path in sorted(fixed)]
        return heapq.merge(items, self._photos(moment), key=lambda item: item.path)

    def open(self, item: FileItem) -> io.RawIOBase:
        """The rows of an entity as lines, or one answer. UnreadableError, also from its reads."""
        entity = self._entities.get(item.path)
        if entity is not None:
            return PieceReader(self._lists.told(entity.path, self._lines(item.path, entity)))
        what = {self._path("school.json"): "school", self._path("counts.json"): "counts"}.get(item.path, "photos")
        try:
            return PieceReader(iter([self._answer(what, item.path)]))
        except UnreadableError as error:
            self._lists.tell_once(f"{what}: not read ({error.code}): {error}")
            raise

    def recheck(self, item: FileItem) -> FileItem | None:
        """None when the list held still while it was read, else the item, to be read again."""
        entity = self._entities.get(item.path)
        return self._lists.recheck(item, entity.path) if entity else None

    def _path(self, relative: str) -> bytes:
        return f"{self.name}/{relative}".encode()

    def _answer(self, what: str, path: bytes) -> bytes:
        if what == "school":
            return self._client.get(self._root).body
        return self._client.get(f"{self._root}/counts", self._counted()).body if what == "counts" else self._photo(path)

    def _lines(self, path: bytes, entity: Entity) -> Iterator[bytes]:
        reading = self._lists.begin(path, Reading("id", entity.include, before=self._count(entity)))
        for page in self._pages(entity):
            if page.rows is None:
                raise UnreadableError("http-scope", f"{entity.path}: the server answers null", hint=_SCOPE_HINT)
            if page.rows:
                yield reading.take(page.rows)
        reading.after = self._count(entity)

    def _pages(self, entity: Entity) -> Iterator[Page]:
        path = f"{self._root}/{entity.path}"
        query: Mapping[str, str] = {"per_page": str(_PER_PAGE)}
        if entity.include:
            query = {**query, "include": ",".join(entity.include)}
        asked = [dict(query)]
        while True:
            page = _page(self._client, path, query)
            yield page
            following = _following(page)
            if following is None:
                return
            query = self._next_query(path, following)
            if query == asked[-1]:
                raise HttpError("http-body", f"{entity.path}: the next page is the same page again")
            asked[-1] = dict(query)

    def _next_query(self, path: str, address: str) -> dict[str, str]:
        """The query of the next page; its host is never looked at: the token goes to the host that it is for."""
        parts = urlsplit(address)
        if parts.path.strip("/") != f"{self._client.base_path}/{path}".strip("/"):
            raise HttpError("http-body", "the next page lies at another address than the first: it is not followed")
        return dict(parse_qsl(parts.query, keep_blank_values=True))

    def _counted(self) -> dict[str, str]:
        return {"include": ",".join(entity.path for entity in self._entities.values() if entity.counted)}

    def _count(self, entity: Entity) -> int | None:
        """The server's own count; None where it has none, or does not tell."""
        if not (self._counting and entity.counted):
            return None
        try:
            page = _page(self._client, f"{self._root}/counts", {"include": entity.path})
        except HttpError:
            return None
        found: object = page.rows[0].value if page.rows else None
        for name in (entity.path, "data", "count"):
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, int) else None

    def _may_count(self) -> bool:
        try:
            _page(self._client, f"{self._root}/counts", self._counted())
        except HttpError as error:
            if error.code in ("http-forbidden", "http-missing"):
                return False
            raise
        return True

    def _photos(self, moment: int) -> Iterator[Item]:
        entity = self._entities.get(self._path("photos.jsonl"))
        if entity is None:
            return
        ids: set[str] = set()
        try:
            for page in self._pages(entity):
                for row in page.rows or ():
                    known = row.value.get("id") if isinstance(row.value, dict) else None
                    if not isinstance(known, str) or not _ID.fullmatch(known) or len(ids) >= _MAX_PHOTOS:
                        raise HttpError("http-body", "photos: expected ids, and not too many, found otherwise")
                    ids.add(known)
        except UnreadableError as error:
            yield UnreadItem(self._path("photos"), error.code)
            return
        for known in sorted(ids):
            yield stream_item(self._path(f"photos/{known}.jpg"), moment, f"{self.name}/photos", "document")

    def _photo(self, path: bytes) -> bytes:
        known = path.decode().rpartition("/")[2].removesuffix(".jpg")
        answer = self._client.get(f"{self._root}/photos/{known}")
        if not answer.media_type.endswith("json"):
            return answer.body
        page = _read(answer.body)
        content = page.rows[0].value.get("content") if page.rows and isinstance(page.rows[0].value, dict) else None
        if not isinstance(content, str):
            raise UnreadableError("http-scope", "a photo has no content", hint=_SCOPE_HINT)
        try:
            return base64.b64decode(content, validate=True)
        except binascii.Error:
            raise HttpError("http-body", "a photo is not base64") from None


def _page(client: HttpClient, path: str, query: Mapping[str, str]) -> Page:
    return _read(client.get(path, query).body)


def _read(body: bytes) -> Page:
    try:
        return read_page(body)
    except FormatError as error:
        hint = "look at the address: is it the API, and not a web page in front of it?"
        raise HttpError("http-body", error.args[0], hint=hint) from None


def _following(page: Page) -> str | None:
    """The address of the next page (`meta.pagination.next`). HttpError `http-body` where `more` has none."""
    meta = page.rest.get("meta")
    pagination = meta.get("pagination") if isinstance(meta, dict) else None
    if not isinstance(pagination, dict):
        return None
    address = pagination.get("next")
    if isinstance(address, str) and address:
        return address
    if pagination.get("more"):
        raise HttpError("http-body", "the server says that more pages follow, and names none")
    return None
