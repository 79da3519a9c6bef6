"""Every role tries every verb on real servers, with the policy that infra/s3/setup.py set."""

import pytest

from infra.policies import ROLES as DATA
from tests.infra.conftest import VaultBucket
from tests.infra.matrix import ROLES, Bench, Row, rows

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def bench(bucket: VaultBucket) -> Bench:
    return Bench(bucket.server.client(bucket.server.owner), bucket.name)


def test_the_table_has_every_role() -> None:
    assert set(ROLES) == set(DATA)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.verb} {row.name}")
def test_each_role_may_what_the_table_says(bucket: VaultBucket, bench: Bench, row: Row) -> None:
    found = {role: bench.may(bucket.server.client(bucket.users[role]), row.verb, row.name) for role in ROLES}
    assert found == dict(zip(ROLES, row.allowed, strict=True))


def test_a_depositor_cannot_read_what_it_put_itself(bucket: VaultBucket, bench: Bench) -> None:
    """Ceph makes who puts an object its owner, who may read it unless a policy denies that."""
    assert not bench.own_pack(bucket.server.client(bucket.users["depositor"]))
    assert bench.own_pack(bucket.server.client(bucket.users["copier"]))
