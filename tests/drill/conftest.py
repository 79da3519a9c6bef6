"""A vault on each real server, with three honest nights by the command line and one credential a role."""

import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from infra.s3.setup import main as make_bucket
from tests.cli.conftest import PASSPHRASE, Result, escrow, files_of
from tests.infra.conftest import use
from tests.infra.servers import Running, User, of_ceph, of_seaweed
from tests.servers.ceph import ceph
from tests.servers.seaweed import seaweed

__all__ = ["ceph", "seaweed"]

ROLES = ("depositor", "watcher", "custodian", "registrar")
CONFIG = """\
state = "state"
[store]
url = "s3://{bucket}"
endpoint = "{endpoint}"
path_style = true
[[source]]
name = "mis"
path = "{exports}"
[[rule]]
compartment = "records"
globs = ["*.csv"]
"""


@dataclass
class Scene:
    """Machines as folders below `root`: nightly (config, state), watcher, custodian, holder; `exports` is the source.

    `nights`: what each honest snapshot must give back, by number and payload hash (`3-1f2e…`).
    """

    root: Path
    server: Running
    bucket: str
    users: dict[str, User]
    nights: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def state(self) -> Path:
        return self.root / "nightly" / "state"

    @property
    def key(self) -> Path:
        return self.root / "holder" / "custody.key"

    def run(self, role: str, *arguments: str | Path, machine: str = "") -> Result:
        """A command on `machine` (the role's own when not named) with the role's credential."""
        with pytest.MonkeyPatch.context() as patch:
            use(patch, self.users[role])
            patch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)
            return escrow(*arguments, "--config", self.root / (machine or role) / "escrow.toml")

    def join(self) -> None:
        """Keys, the public parts into the bucket, and a configuration for each machine."""
        for machine in ("nightly", "watcher", "custodian"):
            (self.root / machine).mkdir()
        text = CONFIG.format(bucket=self.bucket, endpoint=self.server.endpoint, exports=self.exports.as_posix())
        config = self.root / "nightly" / "escrow.toml"
        config.write_text(text)
        card = self.root / "server.card"
        assert self.run("registrar", "agent", "card", "--out", card, machine="nightly").code == 0
        options = ("--compartment", "records:400:10", "--compartment", "safeguarding:400:10")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)
            out = self.root / "holder"
            assert escrow("keys", "new", "--school", "Fernhill", "--agent", card, "--out", out, *options).code == 0
        public = self.root / "nightly" / "public"
        shutil.copytree(self.root / "holder" / "public", public)
        told = self.run("registrar", "init", "--public", public, machine="nightly")
        assert told.code == 0, told.err
        for machine in ("watcher", "custodian"):
            shutil.copy(config, self.root / machine / "escrow.toml")

    def school_day(self, number: int) -> None:
        """The exports change."""
        (self.exports / "letters").mkdir(parents=True, exist_ok=True)
        (self.exports / "marks.csv").write_text("pupil,mark\n" + "".join(f"A{n},{number}\n" for n in range(2000)))
        (self.exports / "letters" / f"{number}.txt").write_text(f"Dear parent, on day {number}\n")

    def deposit(self) -> Result:
        """The depositor's night; remembers what it must give back."""
        told = self.run("depositor", "snapshot", "--json", machine="nightly")
        if told.code in (Exit.OK, Exit.SERIES_CHURN):
            seq = told.lines[-1]["seq"]
            (row,) = [row for row in self.snapshots() if row["snapshot"] == seq]
            self.nights[f"{seq}-{row['sha256']}"] = files_of(self.exports)
        return told

    def findings(self) -> tuple[int, set[str]]:
        """The watcher's verify: exit code, and the codes that are errors; this vault has one place on purpose."""
        told = self.run("watcher", "verify", "--json")
        found = {str(row["finding"]) for row in told.lines if row.get("severity") == "error"}
        return told.code, found - {"keys-one-domain"}

    def snapshots(self) -> list[dict[str, object]]:
        """The main branch, as `escrow list` tells it to the custodian."""
        rows = self.run("custodian", "list", "--json").lines
        return [row for row in rows if row.get("on_main")]

    def restored(self, which: str, to: Path) -> dict[str, bytes]:
        told = self.run("custodian", "restore", which, "--to", to, "--key", self.key)
        assert told.code == 0, told.out + told.err
        return files_of(to / "mis")


def make_scene(root: Path, server: Running) -> Scene:
    """Three honest nights; the watcher saw them."""
    tag = secrets.token_hex(5)
    scene = Scene(root, server, f"vault-{tag}", {role: server.make_user(f"{role}-{tag}") for role in ROLES})
    named = [f"{role}={user.arn}" for role, user in scene.users.items()]
    with pytest.MonkeyPatch.context() as patch:
        use(patch, server.owner)
        where = ["--server", server.kind.value, "--endpoint", server.endpoint, "--bucket", scene.bucket]
        assert make_bucket([*where, "--users", *named, "--yes"]) == 0
    scene.join()
    for number in (1, 2, 3):
        scene.school_day(number)
        told = scene.deposit()
        assert told.code == 0, told.out + told.err
    assert scene.findings()[1] == set()
    return scene


@pytest.fixture(scope="session", params=["seaweed", pytest.param("ceph", marks=pytest.mark.ceph)])
def server(request: pytest.FixtureRequest) -> Running:
    found = request.getfixturevalue(request.param)
    return of_seaweed(found) if request.param == "seaweed" else of_ceph(found)


@pytest.fixture
def scene(server: Running, tmp_path: Path) -> Scene:
    (tmp_path / "scene").mkdir()
    return make_scene(tmp_path / "scene", server)
