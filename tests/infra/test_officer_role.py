"""An expiry with each role's own credential on real servers: one reads and signs, one posts, one deletes."""

from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from escrow.errors import DeniedError
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.infra.conftest import VaultBucket, use
from tests.infra.servers import User
from tests.retention.kit import TWO, Ends


@pytest.mark.s3
def test_each_does_its_part_of_an_expiry_and_no_more(
    bucket: VaultBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store_of(user: User) -> S3Store:
        use(monkeypatch, user)
        return S3Store(S3Options(bucket.name, endpoint=bucket.server.endpoint, path_style=True))

    ends = Ends(tmp_path)
    first, second, third = ends.series()
    owner = store_of(bucket.server.owner)
    for info in ends.school.store.list():
        owner.put(info.key, ends.school.store.get(info.key))
    where = f'url = "s3://{bucket.name}"\nendpoint = "{bucket.server.endpoint}"\npath_style = true'
    ends.config.write_text(ends.config.read_text("utf-8").replace('url = "vault"', where), "utf-8")

    def left(series: str) -> list[str]:
        return [one.key for one in owner.list(f"series/{series}/", versions=True) if one.key.endswith(".age")]

    use(monkeypatch, bucket.users["custodian"])
    signed = ends.run("retention", "expire", "--yes", "--deeds", tmp_path / "deeds", *ends.shares(*TWO))
    assert (signed.code, "handover post" in signed.err) == (Exit.UNFINISHED, True), signed.err
    assert left(first)
    use(monkeypatch, bucket.users["registrar"])
    posted = ends.run("handover", "post", tmp_path / "deeds")
    assert posted.code == 0, posted.err
    use(monkeypatch, bucket.users["watcher"])
    refused = ends.run("retention", "expire", "--yes")
    assert refused.code == Exit.UNFINISHED, refused.err
    assert left(first)
    use(monkeypatch, bucket.users["officer"])
    done = ends.run("retention", "expire", "--yes", "--json")
    assert done.code == 0, done.err + done.out
    assert (left(first), left(second)) == ([], [])
    assert left(third)
    officer = store_of(bucket.users["officer"])
    record = next(info for info in officer.list(f"series/{first}/", versions=True))
    with pytest.raises(DeniedError):
        officer.delete(record.key, version=record.version)
    with pytest.raises(DeniedError):
        officer.get(left(third)[0])
