"""Makes the golden vault of the kit: `python -m tests.rescue.golden`. Its keys are random: what it makes differs.

An erasure leaves out a folder and the rows of one pupil.
"""

import hashlib
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from escrow import record as r
from escrow.custody import Plan, new_vault, signing_key
from escrow.custody.erasure import Wish, draft_erasures, erasable_keys
from escrow.engine.night import Agent, Work, run_night
from escrow.engine.ports import NoProgress
from escrow.engine.state import State
from escrow.engine.sync import Anchor
from escrow.seal import ScryptRecipient, Secret, SigningKey, armor, seal
from escrow.source import FolderSource
from escrow.trust import accept
from tests.engine.kit import ClockedFolder, FixedClock, write_tree

from .reader import KIT

GOLDEN = KIT / "golden.tar"
PASSPHRASE = "golden vault"
FILES = {
    "pupils.csv": b"upn,name\r\n" + b"A1,Ann\r\nA2,Bob\r\n" * 30,
    "letters/Gŵyl Dewi.txt": b"Annwyl riant,\n" * 20,
    "letters/empty.txt": b"",
}
"""What comes back."""
DEPOSITED = FILES | {
    "pupils.csv": FILES["pupils.csv"].replace(b"A2,Bob\r\n", b'A2,Bob\r\nA3,"Erased,\r\nas asked"\r\n'),
    "letters/erased/letter.txt": b"This was erased.\n",
}
ERASED = (
    r.ErasedPath(b"golden/letters/erased"),
    r.ErasedRows(b"golden/pupils.csv", "upn", "A3"),
)


def make(folder: Path) -> None:
    """Writes vault/, golden.key and sha256sums.txt below `folder`."""
    clock = FixedClock(datetime(2026, 11, 24, 2, 0, tzinfo=UTC))
    key = SigningKey.generate()
    plan = Plan(
        school=r.School(name="Golden vault, for tests of readers"),
        role="nobody",
        agents=(r.Agent(key=key.public().encode(), name="a test"),),
        compartments=(r.Compartment(name="records", nights=400, keep_days=0),),
        strictest="records",
        cap_days=400,
    )
    vault = new_vault(plan, clock.now())
    store = ClockedFolder(folder / "vault", clock)
    for name, data in vault.public.items():
        store.put(name, data)
    with TemporaryDirectory() as aside:
        write_tree(Path(aside) / "exports", DEPOSITED)
        state = State.open(Path(aside) / "state")
        agent = Agent(store, state, key, clock, Anchor(vault.vault, vault.fingerprint))
        run_night(agent, Work([FolderSource("golden", Path(aside) / "exports")], (), lambda: True), NoProgress())
        state.close()
    history = accept([(info.key, store.get(info.key)) for info in store.list()], vault=vault.vault)
    signer = signing_key(Secret(vault.key_file.secret), vault.vault)
    keys = sorted(erasable_keys(history, ()))
    for name, data in draft_erasures(history, Wish(ERASED, frozenset(), None), keys, [signer], clock.now()):
        store.put(name, data)
    sealed = seal(vault.key_file.text(), [ScryptRecipient(Secret(PASSPHRASE.encode()), 12)])
    (folder / "golden.key").write_text(armor(sealed), "ascii", newline="\n")
    (folder / "passphrase.txt").write_text(f"{PASSPHRASE}\n", "ascii", newline="\n")
    sums = [f"{hashlib.sha256(data).hexdigest()}  golden/{name}\n" for name, data in sorted(FILES.items())]
    (folder / "sha256sums.txt").write_text("".join(sums), "utf-8", newline="\n")


def pack(folder: Path) -> None:
    """Puts the folder into the kit, as `golden` of a tar."""
    with tarfile.open(GOLDEN, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(f"golden/{path.relative_to(folder).as_posix()}")
            member.size, member.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                tar.addfile(member, file)


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        make(Path(made))
        pack(Path(made))
