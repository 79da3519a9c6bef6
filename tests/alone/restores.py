"""Restores a vault where `escrow` is not importable, by both ways of its README, and compares every hash.

`python -I restores.py WORK PATH`, in a virtual environment that has cryptography and zstandard alone. WORK holds
copy/ (the vault), README.txt and RESCUE/ (its kit), custody.key, case.json (`passphrase`, `wanted`: paths and their
SHA-256) and sheets/, where the key is dealt. PATH is where age and zstd are. Ends with code 0 when all came back.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from readme import commands, section, typed  # type: ignore[import-not-found]

READER = "python3 RESCUE/escrow_rescue.py"


def prove_alone() -> None:
    """This Python and whatever it starts know nothing of the software that wrote the vault."""
    for name in ("escrow", "escrow_cli", "cli"):
        assert importlib.util.find_spec(name) is None, f"{name} is importable"
    try:
        import escrow  # noqa: F401
    except ModuleNotFoundError:
        print("import escrow: ModuleNotFoundError")  # noqa: T201
    else:
        raise AssertionError("escrow is importable")


def hashes(folder: Path) -> dict[str, str]:
    """Every file below a folder, and its SHA-256."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Case:
    """One vault and what opens it."""

    def __init__(self, work: Path, path: str) -> None:
        self.work, self.path = work, path
        self.case = json.loads((work / "case.json").read_text("utf-8"))
        self.sheets = " ".join(f"sheets/{one.name}" for one in sorted((work / "sheets").glob("*")))
        self.way2 = commands(section((work / "README.txt").read_text("utf-8"), "WAY 2: STOCK TOOLS"))
        assert self.way2.count("age -d") == 3

    def run(self, name: str, script: str, out: str) -> None:
        """Runs one way; what it leaves in `out` must be the files as they were deposited."""
        code, told = typed(script, self.work, self.case["passphrase"], self.path)
        assert code == 0, f"{name}: code {code}\n{told}"
        found, wanted = hashes(self.work / out), self.case["wanted"]
        differing = sorted(one for one in found.keys() | wanted.keys() if found.get(one) != wanted.get(one))
        assert found == wanted, f"{name}: {differing[:5]} differ\n{told}"
        print(f"{name}: {len(found)} files, every SHA-256 right")  # noqa: T201
        for left in (out, "raw"):
            shutil.rmtree(self.work / left, ignore_errors=True)

    def ways(self) -> None:
        """Both ways by the key file, and where there are sheets by these."""
        self.run("the Python program, by the key file", f"{READER} restore copy out --key custody.key", "out")
        self.run("stock tools, by the key file", self.way2, "out")
        if self.sheets:
            self.run("the Python program, by sheets", f"{READER} restore copy out --sheets {self.sheets}", "out")
            opened = f"{READER} key copy --sheets {self.sheets} > identity.txt"
            self.run("stock tools, by sheets", self.way2.replace(OPEN_KEY, opened), "out")


OPEN_KEY = "age -d -o identity.txt custody.key"


def main() -> None:
    """Both ways for the vault in the folder that is named."""
    prove_alone()
    case = Case(Path(sys.argv[1]), os.pathsep.join([str(Path(sys.executable).parent), sys.argv[2], os.defpath]))
    assert OPEN_KEY in case.way2
    code, told = typed("python3 -c 'import escrow'", case.work, "", case.path)
    assert (code, "ModuleNotFoundError" in told) == (1, True), told
    case.ways()


if __name__ == "__main__":
    main()
