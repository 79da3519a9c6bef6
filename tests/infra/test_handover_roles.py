"""A handover with each role's own credential on real servers: who may put what, and who is told what."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escrow.engine.fetch import public_objects
from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.verify import verify_listing
from escrow.errors import DeniedError, RefusedError
from escrow.record import parse_name
from escrow.store import MemoryStore
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from escrow.trust import accept
from tests.custody.closing import Closing, drafted
from tests.engine.kit import NIGHTS, FixedClock, School
from tests.infra.conftest import VaultBucket, use


class Pair:
    """What the holders' machine has: a credential that reads everything, and the registrar's, that puts deeds."""

    def __init__(self, reads: S3Store, puts: S3Store) -> None:
        self.put = puts.put
        self.get, self.list, self.head, self.delete = reads.get, reads.list, reads.head, reads.delete
        self.now, self.describe = reads.now, reads.describe


@pytest.mark.s3
def test_each_does_its_part_of_a_handover_and_no_more(
    bucket: VaultBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store_of(role: str) -> S3Store:
        use(monkeypatch, bucket.users[role])
        made = S3Store(S3Options(bucket.name, endpoint=bucket.server.endpoint, path_style=True))
        next(made.list("notices/"), None)
        return made

    registrar, depositor, custodian, watcher = map(store_of, ("registrar", "depositor", "custodian", "watcher"))
    clock = FixedClock(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1))
    school = School(tmp_path / "school", Pair(custodian, registrar), clock, drafted()[1])
    place = Closing(school, MemoryStore(), tmp_path / "la")

    def night() -> int | None:
        clock.at = datetime.now(UTC)
        return school.night(NIGHTS[1], store=depositor).seq

    assert night() == 1
    place.put(place.notice(trigger="vendor-insolvency"))
    assert night() == 2
    assert place.history.notices[-1].events == place.history.event_head
    place.put(place.release("records", clause="7.2"))

    receipt = place.receipt()
    with pytest.raises(DeniedError):
        place.put(receipt, custodian)
    place.put(receipt, place.own, registrar)
    deed = place.transfer()
    place.put(deed, place.own, registrar)
    with pytest.raises(RefusedError, match="handed over to Cyngor Gwynedd"):
        night()
    for name, data in deed:
        with pytest.raises(DeniedError):
            depositor.put(name, data)

    with pytest.raises(DeniedError):
        load_history(registrar, school.anchor)
    posting = accept(public_objects(registrar, ("charter/",)), vault=school.anchor.vault)
    assert posting.charter
    history = load_history(watcher, school.anchor)
    assert history.findings == ()
    assert history.handover.phase == "transferred"
    kinds = {parsed.kind for info in watcher.list() if (parsed := parse_name(info.key))}
    assert kinds >= {"event", "release", "released-key", "receipt"}
    errors = [one for one in verify_listing(watcher, history, NoProgress()).findings if one.severity == "error"]
    assert errors == []
