"""Real PostgreSQL and MariaDB for tests, from Debian's packages postgresql and mariadb-server.

Each is started on loopback in a folder of its own, as an ordinary account, and stopped; the machine's own services are
not touched. Import into a conftest.py the fixtures `postgres` and `mariadb`.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
import pymysql
import pytest
from escrow_cli.demo_server import free_ports

from .certificate import make_certificate

START_SECONDS = 60
PASSWORD = "reader's \\ wörd"
_QUICK = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB", "log_min_messages=fatal"]


class NotStartedError(Exception):
    """A server ended, or did not answer in time."""


@dataclass(frozen=True)
class Server:
    """A server on loopback. `admin`: the superuser, who needs no password on the socket in `folder`."""

    folder: Path
    port: int
    admin: str
    process: "subprocess.Popen[bytes]"


def _programs() -> Path | None:
    """Where PostgreSQL's programs lie: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def missing(what: str) -> NoReturn:
    """Skip, or fail where CI wants it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI=true wants it: apt-get install postgresql mariadb-server")
    pytest.skip(f"{what} is not installed")


def _account(name: str) -> str | None:
    """The account for a server that does not run as root; None where we are not root."""
    return name if os.name == "posix" and os.geteuid() == 0 else None


@contextmanager
def _folder(account: str | None) -> Iterator[Path]:
    """A short path (a socket's name has 107 bytes), belonging to the account."""
    folder = Path(tempfile.mkdtemp(prefix="db-", dir="/tmp"))
    try:
        if account:
            shutil.chown(folder, account, account)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(account: str | None, *words: object) -> None:
    done = subprocess.run([str(word) for word in words], user=account, cwd="/", capture_output=True, check=False)
    if done.returncode:
        raise NotStartedError(f"{words[0]}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}")


@contextmanager
def _serving(account: str | None, words: list[object], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as file:
        process = subprocess.Popen([str(word) for word in words], user=account, cwd="/", stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def run_postgres() -> Iterator[Server]:
    """PostgreSQL: the superuser by the socket, everybody else by password (SCRAM); TLS is offered (`server.pem`)."""
    programs = _programs()
    if programs is None:
        missing("postgresql")
    account = _account("postgres")
    with _folder(account) as folder:
        data = folder / "data"
        _run(account, programs / "initdb", "-D", data, "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        rules = ["local all postgres trust", "hostnossl all tlsonly all reject", "host all shutout all reject"]
        rules += ["host all all 127.0.0.1/32 scram-sha-256\n"]
        (data / "pg_hba.conf").write_text("\n".join(rules))
        tls = make_certificate(folder)
        tls.chmod(0o600)
        if account:
            shutil.chown(tls, account, account)
        (port,) = free_ports(1)
        settings = [*_QUICK, "ssl=on", f"ssl_cert_file={tls}", f"ssl_key_file={tls}"]
        options = [word for one in settings for word in ("-c", one)]
        words = [programs / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", port, *options]
        with _serving(account, words, folder / "log") as process:
            server = Server(folder, port, "postgres", process)
            _until(server, lambda: postgres_admin(server).close(), psycopg.OperationalError)
            yield server


def postgres_admin(server: Server, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
    """A superuser's connection, each statement on its own."""
    return psycopg.connect(host=str(server.folder), port=server.port, user="postgres", dbname=database, autocommit=True)


@contextmanager
def run_mariadb(*, tls: bool = False) -> Iterator[Server]:
    """MariaDB: the superuser by the socket, everybody else by password; `tls`: offered (`server.pem`)."""
    if not shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin"):
        missing("mariadb-server")
    account = _account("mysql")
    with _folder(account) as folder:
        data = folder / "data"
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        _run(account, *install, "--auth-root-authentication-method=normal")
        (port,) = free_ports(1)
        socket = folder / "socket"
        quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=256M"]
        words = ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--port={port}"]
        words += ["--bind-address=127.0.0.1", "--skip-log-bin", f"--pid-file={folder / 'pid'}", *quick]
        if tls:
            pem = make_certificate(folder)
            words += [f"--ssl-cert={pem}", f"--ssl-key={pem}"]
        with _serving(account, [*words], folder / "log") as process:
            server = Server(folder, port, "root", process)
            ping = ["mariadb-admin", "--no-defaults", f"--socket={socket}", "--user=root", "ping"]
            _until(server, lambda: _run(account, *ping), NotStartedError)
            yield server


def mariadb_admin(server: Server, database: str | None = None) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    """A superuser's connection, each statement on its own."""
    return pymysql.connect(
        unix_socket=str(server.folder / "socket"),
        user="root",
        password="",
        database=database,
        autocommit=True,
        charset="utf8mb4",
    )


def _until(server: Server, attempt: Callable[[], None], away: type[Exception]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            attempt()
        except away as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise NotStartedError((server.folder / "log").read_text("utf-8", "replace")) from error
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """PostgreSQL on loopback."""
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """MariaDB on loopback."""
    with run_mariadb() as server:
        yield server
