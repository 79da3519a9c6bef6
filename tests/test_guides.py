"""The guides' commands, run as they stand: several machines, and what people carry between them.

The network manager's guide is run by tests/cli/test_guide.py, the storage guide by tests/infra/test_guide.py.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from escrow_cli import demo_school
from escrow_cli.exits import Exit

from escrow.custody.custodian import open_custodian
from escrow.seal import Secret

from .custody.closing import draft_for
from .engine.kit import ClockedFolder, FixedClock, School
from .seal.peers import find_age

DOCS = Path(__file__).parents[1] / "docs"
PASSPHRASE = "six words that nobody else has"
MAKE_KEYS = 'escrow keys new --school "Fernhill School" --agent ../server/server.card --out ../holder/stick'

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the guides' boxes are for a POSIX shell")


def blocks(guide: str, kind: str = "sh") -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", (DOCS / guide).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(commands: str, folder: Path, *tools: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESCROW_")}
    path = os.pathsep.join(map(str, (Path(sys.executable).parent, *tools, os.environ["PATH"])))
    environment |= {"PATH": path, "ESCROW_PASSPHRASE": PASSPHRASE, "AGE_PASSPHRASE": PASSPHRASE}
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (commands, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def machines(folder: Path) -> tuple[Path, Path]:
    """The nightly machine with exports and a card, and the holder's."""
    server, holder = folder / "server", folder / "holder"
    demo_school.create(server / "exports", 7)
    holder.mkdir()
    run("escrow agent card --name server --out server.card", server)
    return server, holder


def first_night(server: Path, holder: Path) -> str:
    shutil.copytree(holder / "stick" / "public", server / "public")
    told = run("escrow init --public public --store ../vault --source mis=exports && escrow snapshot", server)
    keys = 'name = "holder"\npayer = "the head"\noffline = true\nholds = "keys"\n'
    with (server / "escrow.toml").open("a", encoding="utf-8") as file:
        file.write(f'[[copy]]\nurl = "{holder / "stick" / "public"}"\n{keys}')
    return told


def test_the_guide_to_a_key_file(tmp_path: Path) -> None:
    server, holder = machines(tmp_path)
    make, copy, drill, clean = blocks("guide-key-file.md")
    shutil.copy(server / "server.card", holder)
    made = run(make, holder)
    run(copy, holder)
    joined = first_night(server, holder)
    (fingerprint,) = set(re.findall(r"\b[0-9a-f]{64}\b", made))
    assert fingerprint in joined

    shutil.copy(server / "escrow.toml", holder)
    run(drill, holder)
    restored = contents(holder / "drill" / "mis")
    wanted = contents(server / "exports")
    assert restored == {name: data for name, data in wanted.items() if name.endswith(".csv") and "/" not in name}
    assert restored
    run(clean, holder)
    assert not (holder / "drill").exists()
    for data in contents(server).values():
        assert PASSPHRASE.encode() not in data


def test_the_guide_for_the_day_on_which_the_vendor_stops(tmp_path: Path) -> None:
    server, holder = machines(tmp_path)
    run(f"{MAKE_KEYS} --compartment records:31:400", holder)
    first_night(server, holder)
    look, propose, confirm, opened, bag = blocks("guide-vendor-stopped.md")
    assert "1 nights" in run(look, server)
    proposed = subprocess.run(
        ["sh", "-c", propose],
        cwd=server,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ESCROW_PASSPHRASE": PASSPHRASE,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert proposed.returncode == Exit.USAGE
    assert "mapping-unconfirmed" in proposed.stderr
    run(confirm, server)
    assert (server / "monday" / "continuity.pdf").read_bytes().startswith(b"%PDF")
    assert "exported" in run(opened, server)
    assert (server / "open" / "school.sqlite").exists()
    run(bag, server)
    assert (server / "bag" / "bagit.txt").exists()


def closing_school(root: Path) -> Path:
    """The school of a vault whose charter names the custodian of `office/safe`: two nights, notice, a release."""
    data = (root / "office" / "safe" / "gwynedd.key").read_bytes()
    draft, made = draft_for(open_custodian(data, Secret(PASSPHRASE.encode())))
    clock = FixedClock()
    school = School(root / "school", ClockedFolder(root / "vault", clock), clock, made)
    school.nights(2)
    lines = f'vault = "{made.vault}"\nfingerprint = "{made.fingerprint}"\n'
    source = '[[source]]\nname = "school"\npath = "exports"\n[[rule]]\ncompartment = "records"\nglobs = ["*.csv"]\n'
    (school.folder / "escrow.toml").write_text(f'{lines}state = "seen"\n[store]\nurl = "../vault"\n{source}', "utf-8")
    for sheet in draft.sheets[:2]:
        (school.folder / f"{sheet.holder.role.split()[0]}.txt").write_text(" ".join(sheet.share.words()), "ascii")
    (school.folder / "letter.pdf").write_bytes(b"%PDF the administrator's letter")
    run("escrow handover start --trigger vendor-insolvency --evidence letter.pdf --share head.txt", school.folder)
    sheets = "--share head.txt --share chair.txt"
    run(f'escrow handover release --compartment records --clause "7.2 of the contract" {sheets}', school.folder)
    return school.folder


def test_the_records_officers_guide(tmp_path: Path) -> None:
    make, watch, take, use, rehearse, _ = blocks("guide-la-records-officer.md")
    fernhill = tmp_path / "office" / "fernhill"
    fernhill.mkdir(parents=True)
    made = run(make, tmp_path / "office")
    assert made.count("fingerprint") == 2
    school = closing_school(tmp_path)
    places = '[store]\nurl = "../../vault"\npayer = "the school"\n[[copy]]\nname = "b"\nurl = "../b"\npayer = "b"\n'
    public = "".join((school / "escrow.toml").read_text("utf-8").splitlines(keepends=True)[:2])
    (tmp_path / "office" / "b").mkdir()
    (fernhill / "escrow.toml").write_text(f"{public}{places}", "utf-8")
    run("escrow store copy", fernhill)
    assert "2 vaults are watched" not in run(watch, fernhill)
    assert "state        transferred, with Gwynedd Council" in run(take, fernhill)
    assert (fernhill / "certificate.pdf").read_bytes().startswith(b"%PDF")
    own = '[store]\nurl = "../archive/fernhill"\n'
    (fernhill / "escrow.toml").write_text(f"{public}{own}", "utf-8")
    assert "key-use" in run(use, fernhill)
    assert contents(fernhill / "restored" / "school") == {
        name: data for name, data in contents(school / "exports").items() if name.endswith(".csv")
    }
    assert "pupil-files" in (fernhill / "events.csv").read_text("utf-8")
    run(rehearse, school)


def test_the_records_officers_guide_without_escrow(tmp_path: Path) -> None:
    age = find_age()
    office = tmp_path / "office"
    office.mkdir()
    run('escrow custodian new --name "Gwynedd Council" --out safe/gwynedd.key', office)
    closing_school(tmp_path)
    shutil.copy(office / "safe" / "gwynedd.key", tmp_path)
    *_, commands = blocks("guide-la-records-officer.md")
    opened: dict[str, int] = {}
    for series in sorted((tmp_path / "vault" / "series").iterdir()):
        (record,) = series.glob("series-*.json")
        key = json.loads(base64.b64decode(json.loads(record.read_bytes())["payload"]))["key"]
        released = list((tmp_path / "vault" / "releases").glob(f"{key}-*.age"))
        if not released:
            continue
        script = commands.replace("age -d ../gwynedd.key", "age -d -j batchpass ../gwynedd.key")
        for name, value in {
            "KEY": released[0].stem,
            "SERIES": series.name,
            "MANIFEST": next((series / "manifests").iterdir()).stem,
            "PACK": next((series / "packs").iterdir()).stem,
        }.items():
            script = re.sub(rf"\b{name}\b", value, script)
        run(script, tmp_path / "vault", age.parent)
        manifest = json.loads((tmp_path / "manifest.json").read_bytes())
        opened[manifest["compartment"]] = (tmp_path / "pack.raw").stat().st_size
    assert opened.keys() == {"records"}
    assert opened["records"] > 100


def test_every_exit_code_has_an_answer() -> None:
    guide = (DOCS / "guide-network-manager.md").read_text("utf-8")
    rows = re.findall(r"^\| ([0-9, ]+) \|", guide, re.MULTILINE)
    assert sorted(int(code) for row in rows for code in row.split(",")) == sorted(Exit)


@pytest.mark.parametrize("guide", sorted(path.name for path in DOCS.glob("guide-*.md")))
def test_every_block_says_what_it_is(guide: str) -> None:
    opened = re.findall(r"^```(\w*)$", (DOCS / guide).read_text("utf-8"), re.MULTILINE)
    assert set(opened[::2]) <= {"sh", "toml", "console"}
    assert set(opened[1::2]) <= {""}
