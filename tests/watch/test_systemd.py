"""Units: what systemd itself says of them, and what a hostile path cannot do to them."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.errors import UsageError
from escrow.watch.job import Job
from escrow.watch.systemd import CREDENTIAL, quote, units

PROGRAM = shutil.which("true") or "/bin/true"
SHARE = Job((PROGRAM,), "/etc/escrow/escrow.toml", "/var/lib/escrow", "/mnt/nas one/vault", time(2), time(7))
BUCKET = Job((PROGRAM, "-P"), "/etc/escrow/escrow.toml", "/var/lib/escrow", None, time(1, 30), time(6, 45))
JOBS = pytest.mark.parametrize("job", [SHARE, BUCKET], ids=["folder", "s3"])


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is missing, and CI=true wants it (Debian package systemd)")
        pytest.skip("systemd-analyze is not here")
    return found


def written(job: Job, folder: Path) -> list[str]:
    paths = []
    for name, text in units(job, "escrow").items():
        (folder / name).write_text(text)
        paths.append(str(folder / name))
    return paths


@JOBS
def test_systemd_accepts_the_units(analyze: str, job: Job, tmp_path: Path) -> None:
    run = subprocess.run([analyze, "verify", *written(job, tmp_path)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@JOBS
def test_the_sandbox_scores_below_three(
    analyze: str, job: Job, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    for path in written(job, tmp_path):
        if path.endswith(".service"):
            command = [analyze, "security", "--no-pager", "--offline=true", "--threshold=30", path]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stdout
            score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", run.stdout)
            assert score
            assert float(score[1]) < 3
    record_property("summary", f"systemd-analyze security, {'folder' if job.store else 's3'}: {score[1]}")


def test_the_gate_can_fail(analyze: str, tmp_path: Path) -> None:
    text = units(SHARE, "escrow")["escrow-agent.service"]
    kept = [
        line for line in text.splitlines() if not re.match("(Protect|Private|Restrict|System|Capab|User|NoNew)", line)
    ]
    path = tmp_path / "escrow-agent.service"
    path.write_text("\n".join(kept))
    command = [analyze, "security", "--no-pager", "--offline=true", "--threshold=30", str(path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_night_runs_when_it_is_told() -> None:
    made = units(BUCKET, "escrow")
    service = made["escrow-agent.service"].splitlines()
    assert f"ExecStart={PROGRAM} -P agent run --until 06:45 --due 01:30 --config /etc/escrow/escrow.toml" in service
    assert f"LoadCredential=s3:{CREDENTIAL}" in service
    timer = made["escrow-agent.timer"].splitlines()
    assert {"OnCalendar=*-*-* 01:30:00", "Persistent=true", "Unit=escrow-agent.service"} <= set(timer)
    trial = made["escrow-agent-test.service"].splitlines()
    assert set(trial) ^ set(service) == {
        line for line in (*trial, *service) if line.startswith(("Description=", "ExecStart="))
    }


def test_a_store_in_a_folder_gets_no_network_and_no_credential() -> None:
    text = units(SHARE, "escrow")["escrow-agent.service"]
    assert "PrivateNetwork=yes" in text
    assert "LoadCredential" not in text
    assert 'ReadWritePaths=/var/lib/escrow "-/mnt/nas one/vault"\n' in text


def test_sources_and_those_who_are_told_may_need_the_network() -> None:
    text = units(replace(SHARE, network=True), "escrow")["escrow-agent.service"]
    assert "PrivateNetwork" not in text
    assert "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n" in text
    assert "After=network-online.target" in text
    assert "LoadCredential" not in text


@pytest.mark.parametrize("user", ["", "Escrow", "a b", "root\n", "-x", "a" * 40])
def test_a_user_that_is_none_is_refused(user: str) -> None:
    with pytest.raises(UsageError, match="system account"):
        units(SHARE, user)


@pytest.mark.parametrize("path", ["/srv/a\nExecStart=/bin/evil", "/srv/\x00", "/srv/\x7f", "/srv/\u2028x"])
def test_a_path_cannot_add_a_line(path: str) -> None:
    with pytest.raises(UsageError, match="printable"):
        quote(path)


@given(st.text(st.sampled_from(" aé%$\"'\\;#-/`"), min_size=1, max_size=12))
def test_a_quoted_word_stays_one_word(word: str) -> None:
    text = quote(word)
    assert text.count("%") == 2 * word.count("%")
    if text.startswith('"'):
        inner = re.sub(r"\\(.)", r"\1", text[1:-1])
        assert not re.search(r'(?<!\\)(\\\\)*"', text[1:-1])
    else:
        inner = text
        assert not set(text) & set(" '\"\\;#$`")
    assert inner.replace("%%", "%") == word


NIGHT = """
import mmap, sys
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    sys.exit("memory that is written and run is still allowed")
except OSError:
    pass
import boto3
from pathlib import Path
from tests.engine.kit import NIGHTS, school
with __import__("tempfile").TemporaryDirectory() as folder:
    made = school(Path(folder), on_disk=True)
    assert made.night(NIGHTS[1]).seq == 1
    made.check_all_snapshots({1: NIGHTS[1]})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a Linux prctl")
def test_a_night_needs_no_memory_that_is_written_and_run() -> None:
    """MemoryDenyWriteExecute as newer systemd does it: prctl(PR_SET_MDWE), which children inherit (Linux 6.3)."""
    libc = ctypes.CDLL(None)
    if libc.prctl(66, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel has no PR_SET_MDWE")
    code = f"import ctypes\nassert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0\n{NIGHT}"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert run.returncode == 0, run.stderr
