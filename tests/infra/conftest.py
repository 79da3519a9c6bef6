"""A vault's bucket made by infra/s3/setup.py on each real server, with a user for every role."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from infra.s3.setup import main
from tests.infra.matrix import ROLES
from tests.infra.servers import Running, User, of_ceph, of_seaweed
from tests.servers.ceph import Ceph, ceph
from tests.servers.seaweed import Seaweed, seaweed

__all__ = ["ceph", "seaweed"]


@dataclass(frozen=True)
class VaultBucket:
    """A bucket with its users, and the arguments that the script was given."""

    server: Running
    name: str
    users: dict[str, User]
    arguments: list[str] = field(init=False)

    def __post_init__(self) -> None:
        named = [f"{role}={user.arn}" for role, user in self.users.items()]
        where = ["--server", self.server.kind.value, "--endpoint", self.server.endpoint, "--bucket", self.name]
        object.__setattr__(self, "arguments", [*where, "--users", *named])


def use(patch: pytest.MonkeyPatch, user: User) -> None:
    """Put a user's keys where boto3's standard chain finds them."""
    patch.setenv("AWS_ACCESS_KEY_ID", user.access_key)
    patch.setenv("AWS_SECRET_ACCESS_KEY", user.secret_key)


@pytest.fixture(scope="session", params=["seaweed", "ceph"])
def server(request: pytest.FixtureRequest) -> Running:
    found = request.getfixturevalue(request.param)
    if isinstance(found, Seaweed):
        return of_seaweed(found)
    assert isinstance(found, Ceph)
    return of_ceph(found)


@pytest.fixture(scope="module")
def bucket(server: Running) -> Iterator[VaultBucket]:
    tag = secrets.token_hex(5)
    made = VaultBucket(server, f"vault-{tag}", {role: server.make_user(f"{role}-{tag}") for role in ROLES})
    with pytest.MonkeyPatch.context() as patch:
        use(patch, server.owner)
        assert main([*made.arguments, "--yes"]) == 0
        yield made
