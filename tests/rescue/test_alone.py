"""The rescue reader stands alone: it imports nothing of ours, and runs where there is nothing of ours."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import PASSPHRASE, World, change, files_of

from .reader import KIT, NAMES, SCRIPT, plain, rescue, seals

FOREIGN = {"cryptography", "zstandard", "compression"}


def run(
    folder: Path, *arguments: str | Path, given: str = "", script: str = SCRIPT.name
) -> subprocess.CompletedProcess[str]:
    """The script in an isolated interpreter that has the two packages alone, in a folder without `escrow`."""
    lib = folder / "lib"
    if not lib.is_dir():
        lib.mkdir()
        for package in ("cryptography", "zstandard", "cffi", "_cffi_backend"):
            module = sys.modules.get(package) or pytest.importorskip(package)
            place = Path(str(module.__file__))
            if place.name == "__init__.py":
                shutil.copytree(place.parent, lib / package)
            else:
                shutil.copy(place, lib)
    start = (
        f"import sys; sys.path = [p for p in sys.path if 'site-packages' not in p] + [{str(lib)!r}, {str(folder)!r}]\n"
        "import importlib.util as u; assert u.find_spec('escrow') is None, 'escrow is importable'\n"
        f"import runpy; sys.argv = ['escrow_rescue.py', *sys.argv[1:]]; runpy.run_path({str(folder / script)!r}, "
        "run_name='__main__')"
    )
    for name in (*(f"{one}.py" for one in NAMES), "words.txt"):
        shutil.copy(KIT / name, folder)
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        input=given,
        check=False,
        timeout=120,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ESCROW"))},
    )


def test_it_imports_the_two_packages_and_the_standard_library_alone() -> None:
    imported = {name: set(imports(KIT / f"{name}.py")) for name in NAMES}
    every = set().union(*imported.values())
    assert every - set(sys.stdlib_module_names) <= {*FOREIGN, *NAMES}
    assert every >= {"cryptography", "zstandard"}
    assert "escrow_judge" not in every, "the judge needs the reader, and not the other way round"
    assert sorted(path.stem for path in KIT.glob("*.py")) == sorted(NAMES)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield str(node.module).partition(".")[0]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_written_for_python_3_9(name: str) -> None:
    ast.parse((KIT / f"{name}.py").read_text("utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("name", NAMES[1:])
def test_whatever_gets_files_out_is_short(name: str) -> None:
    assert len((KIT / f"{name}.py").read_text("utf-8").splitlines()) <= 600


def test_it_restores_where_escrow_is_not_importable(world: World, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "passphrase.txt").write_text(PASSPHRASE)
    key = ("--key", world.key, "--passphrase-file", "passphrase.txt")
    done = run(alone, "restore", world.vault, "out", *key)
    assert done.returncode == 0, done.stdout + done.stderr
    files = {f"mis/{name}": data for name, data in files_of(world.exports).items() if not name.endswith(".tmp")}
    assert files_of(alone / "out") == files
    one = run(alone, "restore", world.vault, "one", *key, "--night", "1", "--only", "*/first.txt")
    assert (one.returncode, list(files_of(alone / "one"))) == (0, ["mis/letters/first.txt"])
    again = run(alone, "restore", world.vault, "out", *key)
    assert (again.returncode, "3 files are in" in again.stdout) == (0, True)


def test_its_exit_codes_and_words(world: World, tmp_path: Path) -> None:
    (tmp_path / "passphrase.txt").write_text(PASSPHRASE)
    (tmp_path / "wrong.txt").write_text("wrong")
    key = ("--key", world.key, "--passphrase-file")
    assert run(tmp_path, "check", world.vault).returncode == 0
    listed = run(tmp_path, "list", world.vault)
    assert "Vault of Fernhill" in listed.stdout
    assert listed.stdout.count("records, safeguarding") == 2
    wrong = run(tmp_path, "files", world.vault, *key, "wrong.txt")
    assert (wrong.returncode, "(age-key)" in wrong.stderr) == (3, True)
    (tmp_path / "empty").mkdir()
    nowhere = run(tmp_path, "list", "empty")
    assert (nowhere.returncode, "No vault here, or several" in nowhere.stdout) == (3, True)
    assert run(tmp_path, "files", world.vault).returncode == 2
    assert run(tmp_path, "files", world.vault, *key, "passphrase.txt", "--night", "9").returncode == 2
    assert run(tmp_path, "files", world.vault, "--key", "none.key").returncode == 2
    foreign = run(tmp_path, "check", world.vault, "--fingerprint", "00" * 32)
    assert (foreign.returncode, "charter-missing" in foreign.stdout) == (3, True)
    later = run(tmp_path, "check", world.vault, "--head", f"3-{'0' * 64}", script="escrow_judge.py")
    assert (later.returncode, "(rollback)" in later.stdout) == (1, True)
    heads = [line.split()[0] for line in listed.stdout.splitlines() if line.endswith("records, safeguarding")]
    for head, code in ((heads[0], 0), (heads[1], 0), (f"{heads[1][:-1]}x", 2), ("1-00000000", 1), ("2", 2)):
        seen = run(tmp_path, "check", world.vault, "--head", head, script="escrow_judge.py")
        assert (seen.returncode, "Traceback" in seen.stderr) == (code, False), (head, seen.stdout, seen.stderr)
    pack = next(world.vault.glob("series/*/packs/*.age"))
    change(pack, pack.read_bytes()[:-1])
    spoilt = run(tmp_path, "check", world.vault)
    assert (spoilt.returncode, f"AMISS {pack.stem}: " in spoilt.stdout) == (1, True)
    for each in (wrong, nowhere, foreign, later, spoilt):
        assert "Traceback" not in each.stderr


def test_it_says_what_it_could_not_check(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(seals, "MLDSA65PublicKey", None)
    assert rescue.main(["check", str(world.vault)]) == 0
    told = capsys.readouterr().out
    assert "NOT CHECKED: the ML-DSA-65 half of every signature" in told
    assert "NOT CHECKED: what is inside" in told


def test_python_3_14_has_its_own_zstd(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same module under its name for older Pythons."""
    (tmp_path / "passphrase.txt").write_text(PASSPHRASE)
    key = ["--key", str(world.key), "--passphrase-file", str(tmp_path / "passphrase.txt")]
    monkeypatch.setattr(plain, "zstd", pytest.importorskip("backports.zstd"), raising=False)
    monkeypatch.setattr(plain, "zstandard", None)
    assert rescue.main(["check", str(world.vault), *key]) == 0, capsys.readouterr().out
    with pytest.raises(rescue.Problem):
        rescue.open_frame(b"\x28\xb5\x2f\xfd\x20\x05", 100, "segment-size")


HOSTILE = ["c:/x", "s/con", "s/NUL.txt", "s/a:stream", "s/dot.", "s/blank ", "s/a\\b", "s/COM1", "s/q?", "s/lpt9.csv"]


@pytest.mark.parametrize("path", HOSTILE)
def test_names_that_windows_reserves(path: str) -> None:
    with pytest.raises(rescue.Problem) as refused:
        rescue.safe_parts(path.encode(), True)
    assert refused.value.code == "path-hostile"
    assert rescue.safe_parts(path.encode(), False) == path.split("/")
    assert rescue.safe_parts(b"s/good.csv", True) == ["s", "good.csv"]
