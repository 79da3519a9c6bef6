"""`escrow demo handover`: told step by step; each step fails loudly when it is not as it should be."""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import EscrowError

from .exits import Exit
from .output import Output

if TYPE_CHECKING:
    from escrow.engine.ports import Progress

    from .demo_closing import DemoClosing


@dataclass
class _Story:
    """What was told so far, and whether all of it was as it should be."""

    output: Output
    started: float = field(default_factory=time.perf_counter)
    good: bool = True

    def tell(self, text: str, *, good: bool = True, **fields: "str | int") -> None:
        seconds = time.perf_counter() - self.started
        self.good &= good
        words = text if good else f"{text}: NOT AS IT SHOULD BE"
        self.output.row(f"{seconds:5.1f} s  {words}", step=text, good=good, **fields)

    def refuse(self, code: str, text: str, call: Callable[[], object]) -> None:
        """`call` must be refused with this code."""
        try:
            call()
        except EscrowError as error:
            self.tell(f"{text}: refused ({error.code})", good=error.code == code, code=error.code)
        else:
            self.tell(f"{text}: NOT REFUSED", good=False)


def run(output: Output, folder: Path | None, *, keep: bool) -> None:
    """The whole story, in a temporary folder unless one is given."""
    from .demo_closing import DemoClosing

    root = (folder or Path(tempfile.mkdtemp(prefix="escrow-demo-"))).absolute()
    story = _Story(output)
    try:
        with output.progress() as progress:
            demo = DemoClosing(root)
            _before(story, demo, progress)
            _first_release(story, demo, progress)
            _after(story, demo, progress)
            _certificates(story, demo, root)
        if folder or keep:
            output.note(f"left in {root}; the authority's copy is {demo.archive}")
    finally:
        if not (folder or keep):
            shutil.rmtree(root, ignore_errors=True)
    words = "handed over, and every step was as it should be" if story.good else "SOMETHING IS WRONG, see above"
    output.finish(Exit.OK if story.good else Exit.INTEGRITY, words)


def _before(story: _Story, demo: "DemoClosing", progress: "Progress") -> None:
    demo.begin(progress)
    story.tell("two nights deposited: records, documents and safeguarding, each under keys of its own")
    story.refuse("share-too-few", "the head opens the vault alone", lambda: demo.board("head"))
    story.refuse("handover-phase", "two holders release it, with no notice given", lambda: demo.release("records"))
    demo.give_notice()
    story.tell("the school is ordered to close: the head gives notice, and nothing is opened")
    story.refuse("handover-cooling-off", "two holders release it the same day", lambda: demo.release("records"))
    demo.a_week_later()


def _first_release(story: _Story, demo: "DemoClosing", progress: "Progress") -> None:
    story.refuse(
        "share-too-few", "a week later one holder releases it", lambda: demo.release("records", roles=("head",))
    )
    keys = demo.release("records", "documents")
    story.tell(f"head and chair of governors release {keys} keys to the authority: records and documents", keys=keys)
    tested = demo.accept(progress)
    files = sum(one.files for one in tested.restored)
    text = f"the authority copies {tested.copied.count} objects, reads them back, opens and restores {files} files"
    story.tell(f"{text}, and signs", good=not tested.differences and files > 0, files=files)
    pupils = demo.restore("records", progress)
    same = all((demo.exports / name).read_bytes() == data for name, data in pupils.items())
    story.tell(f"it restores the pupils: {len(pupils)} tables, byte for byte", good=same and "pupils.csv" in pupils)
    story.refuse("key-not-released", "it opens safeguarding", lambda: demo.restore("safeguarding", progress))
    demo.transfer()
    story.tell("it takes the vault over, and says what for")
    story.refuse("vault-transferred", "the school's machine deposits a night", lambda: demo.night(progress))


def _after(story: _Story, demo: "DemoClosing", progress: "Progress") -> None:
    demo.release("safeguarding", roles=("chair of governors", "LA records officer"))
    story.tell("later the chair and the LA's records officer release safeguarding too")
    tested = demo.accept(progress)
    concerns = demo.restore("safeguarding", progress)
    good = bool(concerns) and not tested.differences
    story.tell(f"the authority restores it: {len(concerns)} files, and signs again", good=good)
    history = demo.history()
    receipts = len(history.deeds.receipts)
    story.tell(f"{receipts} receipts verify without a key", good=receipts == 2 and not history.findings)
    for name in ("receipts/", "releases/"):
        codes = demo.without(name)
        story.tell(f"one is taken out of {name}: found ({', '.join(codes)})", good=bool(codes))


def _certificates(story: _Story, demo: "DemoClosing", root: Path) -> None:
    from escrow.custody.certificate import custody_certificate, handover_certificate
    from escrow.paper.pdf import pdf

    history = demo.history()
    for name, page in (("custody", custody_certificate(history)), ("handover", handover_certificate(history))):
        data = pdf("page", page.values())
        (root / f"{name}.pdf").write_bytes(data)
        whole = data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
        story.tell(f"certificate of {name}: a PDF of {len(data) // 1024} KiB", good=whole)
