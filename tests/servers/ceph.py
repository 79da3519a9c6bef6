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
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
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
rgw crypt require ssl = false
"""


class NotStartedError(Exception):
    """A daemon ended or the gateway did not answer in time."""


@dataclass(frozen=True)
class Ceph:
    """A running gateway below `folder`. The keys are the administrator's."""

    folder: Path
    endpoint: str
    access_key: str
    secret_key: str
    processes: tuple[subprocess.Popen[bytes], ...]

    def make_user(self, name: str) -> tuple[str, str, str]:
        """A user without rights: access key, secret key, ARN."""
        return _make_user(self.folder, name)


def _run(folder: Path, *command: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CEPH_"))}
    done = subprocess.run(command, env=clean, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise NotStartedError(f"{command[0]}: {done.stderr[-2000:]}")
    return done.stdout


def _make_user(folder: Path, name: str, *more: str) -> tuple[str, str, str]:
    admin = ("radosgw-admin", "-c", str(folder / "ceph.conf"), "-n", "client.rgw", "user", "create")
    named = (f"--uid={name}", f"--display-name={name}", "--key-type=s3", "--gen-access-key", "--gen-secret", *more)
    key = json.loads(_run(folder, *admin, *named))["keys"][0]
    return key["access_key"], key["secret_key"], f"arn:aws:iam:::user/{name}"


def start(folder: Path) -> Ceph:
    """Start monitor, one store in memory and gateway, and wait until it serves."""
    port, mon = free_ports(2)
    fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
    config = folder / "ceph.conf"
    config.write_text(CONFIG.format(fsid=fsid, folder=folder, port=port, mon=mon))
    (folder / "keyring").touch()
    for name in ("log", "crash", "osd"):
        (folder / name).mkdir()
    common = ("-c", str(config))
    address = f"[v2:127.0.0.1:{mon}]"
    _run(folder, "monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", address, str(folder / "monmap"))
    _run(folder, "ceph-mon", *common, "-i", "a", "--mkfs", "--monmap", str(folder / "monmap"))
    started: list[subprocess.Popen[bytes]] = []

    def spawn(*command: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CEPH_"))}
        with (folder / "log" / f"{command[0]}.out").open("wb") as log:
            nothing = subprocess.DEVNULL
            started.append(
                subprocess.Popen(command, cwd=folder, env=clean, stdin=nothing, stdout=log, stderr=subprocess.STDOUT)
            )

    try:
        spawn("ceph-mon", *common, "-i", "a", "-f")
        _run(folder, "ceph", *common, "--connect-timeout", "40", "osd", "new", osd, "0")
        _run(folder, "ceph-osd", *common, "-i", "0", "--mkfs", "--osd-uuid", osd)
        spawn("ceph-osd", *common, "-i", "0", "-f")
        spawn("radosgw", *common, "-n", "client.rgw", "-f")
        _wait(f"http://127.0.0.1:{port}/", started)
        access, secret, _ = _make_user(folder, f"owner-{secrets.token_hex(4)}")
    except BaseException:
        stop(started)
        raise
    return Ceph(folder, f"http://127.0.0.1:{port}", access, secret, tuple(started))


def _wait(url: str, started: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in started):
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise NotStartedError(f"no answer from {url} in {START_SECONDS} s")


def stop(processes: list[subprocess.Popen[bytes]] | tuple[subprocess.Popen[bytes], ...]) -> None:
    """End it at once, as a power cut would, the gateway first. Nothing is kept."""
    for process in reversed(processes):
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
    server = start(tmp_path_factory.mktemp("ceph"))
    yield server
    stop(server.processes)
