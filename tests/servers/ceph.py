"""A second real S3 server for tests: Ceph's RADOS gateway from Debian's packages, in memory, on loopback.

Import into a conftest.py the fixture `ceph`, one per worker. Needs ceph-mon, ceph-osd, ceph-common and radosgw; without
them its tests are skipped, unless ESCROW_CEPH=1 asks for them.
"""

import json
import os
import secrets
import shutil
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from escrow_cli.demo_server import free_ports

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph")
START_SECONDS = 90
CONFIG = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon}]
auth cluster required = none
auth service required = none
auth client required = none
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
ms mon client mode = crc
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
admin socket =
crash dir = {folder}/crash
log file = {folder}/log/$name.log
mon cluster log file = {folder}/log/cluster.log
err to stderr = true
keyring = {folder}/keyring
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
[mon]
mon data = {folder}/mon
mon data avail crit = 1
mon osd full ratio = 0.98
mon osd backfillfull ratio = 0.97
mon osd nearfull ratio = 0.96
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd memory target = 1073741824
osd op num shards = 2
osd class update on start = false
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw override bucket index max shards = 1
rgw dynamic resharding = false
rgw thread pool size = 64
rgw cache enabled = false
rgw crypt require ssl = false
"""


class NotStartedError(Exception):
    """A daemon ended or the gateway did not answer in time."""


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CEPH_"))}


class Ceph:
    """A running gateway, with what is behind it, below `folder`. The keys are the administrator's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port, self._mon = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._behind: list[subprocess.Popen[bytes]] = []
        self._gateway: subprocess.Popen[bytes] | None = None
        for name in ("log", "crash", "osd"):
            (folder / name).mkdir()
        (folder / "keyring").touch()
        try:
            self._start_behind()
            self.start()
            self.access_key, self.secret_key, _ = self.make_user(f"owner-{secrets.token_hex(4)}")
        except BaseException:
            self.end()
            raise

    @property
    def running(self) -> bool:
        return self._gateway is not None

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=_clean(), cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise NotStartedError(f"{command[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def _spawn(self, *command: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "log" / f"{command[0]}.out").open("ab") as log:
            nothing = subprocess.DEVNULL
            return subprocess.Popen(
                command, cwd=self.folder, env=_clean(), stdin=nothing, stdout=log, stderr=subprocess.STDOUT
            )

    def _start_behind(self) -> None:
        """Monitor, and one store in memory."""
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        config = CONFIG.format(fsid=fsid, folder=self.folder, port=self._port, mon=self._mon)
        (self.folder / "ceph.conf").write_text(config)
        common = ("-c", str(self.folder / "ceph.conf"))
        address, monmap = f"[v2:127.0.0.1:{self._mon}]", str(self.folder / "monmap")
        self._run("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", *common, "-i", "a", "--mkfs", "--monmap", monmap)
        self._behind.append(self._spawn("ceph-mon", *common, "-i", "a", "-f"))
        self._run("ceph", *common, "--connect-timeout", "40", "osd", "new", osd, "0")
        self._run("ceph-osd", *common, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._behind.append(self._spawn("ceph-osd", *common, "-i", "0", "-f"))

    def make_user(self, name: str) -> tuple[str, str, str]:
        """A user without rights: access key, secret key, ARN."""
        admin = ("radosgw-admin", "-c", str(self.folder / "ceph.conf"), "-n", "client.rgw", "user", "create")
        named = (f"--uid={name}", f"--display-name={name}", "--key-type=s3", "--gen-access-key", "--gen-secret")
        key = json.loads(self._run(*admin, *named))["keys"][0]
        return key["access_key"], key["secret_key"], f"arn:aws:iam:::user/{name}"

    def start(self) -> None:
        """Start the gateway, and wait until it serves."""
        self._gateway = self._spawn("radosgw", "-c", str(self.folder / "ceph.conf"), "-n", "client.rgw", "-f")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in (*self._behind, self._gateway)):
                break
            try:
                with urllib.request.urlopen(self.endpoint, timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise NotStartedError(f"no answer from {self.endpoint} in {START_SECONDS} s")

    def stop(self) -> None:
        """End the gateway at once; what is behind it stays."""
        if self._gateway:
            self._gateway.kill()
            self._gateway.wait(10)
            self._gateway = None

    def end(self) -> None:
        """End all of it at once, as a power cut would, the gateway first. Nothing is kept."""
        self.stop()
        for process in reversed(self._behind):
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        text = f"no {', '.join(missing)}: apt-get install --no-install-recommends ceph-mon ceph-osd ceph-common radosgw"
        if os.environ.get("ESCROW_CEPH") == "1":
            pytest.fail(text)
        pytest.skip(text)
    server = Ceph(tmp_path_factory.mktemp("ceph"))
    yield server
    server.end()
