"""Restores a snapshot's files into a folder: plan, scatter, prove each file's SHA-256, move it into place.

Nothing is written outside the folder. A file is there under its name only when its content is proven. A rerun skips
what is already right, so that an interrupted restore goes on.
"""

import filecmp
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from escrow.engine.ports import Progress
from escrow.engine.reading import CompartmentView
from escrow.engine.restored import RestoreReport
from escrow.engine.rows import RowFilter, RowRule
from escrow.engine.scatter import Part, scatter
from escrow.errors import EscrowError, FormatError, IntegrityError, LimitError, StateError, UsageError
from escrow.limits import MIB
from escrow.record import DirEntry, Entry, FileEntry, LinkEntry, UnreadEntry
from escrow.source import Collisions, escape_component, extended, safe_target

_BATCH_EXTENTS = 200_000
_BATCH_FILES = 5_000
_SUFFIX = ".escrow-part"
_ROWS_SUFFIX = ".escrow-rows"


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """`wanted` chooses by path; `overwrite` replaces files that differ; `escape` writes hostile names as `%XX`."""

    wanted: Callable[[bytes], bool]
    overwrite: bool = False
    escape: bool = False


def restore(views: list[CompartmentView], folder: Path, options: RestoreOptions, progress: Progress) -> RestoreReport:
    """Restore every wanted entry of `views` below `folder`.

    Raises StateError (`restore-space`, `restore-unwritable`), and IntegrityError (`erasure-missing`, `erasure-damaged`)
    before anything is written; what is wrong with single files stands in the report.
    """
    report = RestoreReport()
    for view in views:
        view.left_out.check()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        run = _Restore(folder, options, progress, report)
        _check_space(folder, sum(view.manifest.totals.bytes for view in views), options)
        progress.stage("restore", sum(view.manifest.totals.bytes for view in views))
        for view in views:
            run.compartment(view)
        run.finish_links()
    except OSError as error:
        raise StateError(
            "restore-unwritable",
            f"{folder}: cannot be written ({error.strerror or error})",
            hint="free space or choose another folder, then run the same command again: it goes on where it stopped",
        ) from error
    return report


def _check_space(folder: Path, needed: int, options: RestoreOptions) -> None:
    if options.wanted is everything and needed > (free := _free(folder) + _present(folder)):
        raise StateError(
            "restore-space", f"{folder}: {needed} bytes are needed, {free} are free", hint="choose another disk"
        )


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _present(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def everything(_path: bytes) -> bool:
    """Chooses all paths."""
    return True


class _Restore:
    def __init__(self, folder: Path, options: RestoreOptions, progress: Progress, report: RestoreReport) -> None:
        self._folder = Path(extended(str(folder.resolve()))) if os.name == "nt" else folder.resolve()
        self._options = options
        self._progress = progress
        self._report = report
        self._collisions = Collisions(ignore_case=_ignores_case(folder))
        self._room = _free(folder)
        self._folders: set[Path] = set()
        self._links: list[tuple[LinkEntry, Path]] = []

    def compartment(self, view: CompartmentView) -> None:
        for batch in self._batches(view):
            spoilt = scatter(view.packs, batch, self._progress)
            with ThreadPoolExecutor(2, "prove") as pool:
                for number, (part, proven) in enumerate(zip(batch, pool.map(_prove, batch), strict=True)):
                    self._settle(part, spoilt.get(number) or proven, view.left_out.rows.get(part.entry.path, ()))

    def _settle(self, part: Part, error: EscrowError | None, rules: Sequence[RowRule]) -> None:
        entry = part.entry
        try:
            if error:
                raise error
            size = self._leave_out_rows(part, rules) if rules else entry.size
        except EscrowError as fault:
            part.temporary.unlink(missing_ok=True)
            if fault.code == "erasure-whole":
                self._report.omit(entry, min(rule.n for rule in rules), str(fault))
            else:
                self._report.fail(entry.path, fault)
            return
        if size is None:
            return
        os.utime(part.temporary, ns=(entry.mtime, entry.mtime))
        if entry.mode is not None and os.name == "posix":
            part.temporary.chmod(entry.mode & 0o777)
        part.temporary.replace(part.target)
        self._report.files += 1
        self._report.size += size

    def _leave_out_rows(self, part: Part, rules: Sequence[RowRule]) -> int | None:
        """The proven table without its erased rows, in place of the whole one: its bytes; None where it is there."""
        short = part.temporary.with_name(part.temporary.name.removesuffix(_SUFFIX) + _ROWS_SUFFIX)
        short.unlink(missing_ok=True)
        try:
            with part.temporary.open("rb") as whole, short.open("xb") as file:
                table = RowFilter(iter(lambda: whole.read(MIB), b""), rules)
                file.writelines(table)
            if os.path.lexists(part.target) and _same_bytes(short, part.target):
                part.temporary.unlink()
                self._report.already += 1
            else:
                self._check_free(part.target)
                short.replace(part.temporary)
        finally:
            short.unlink(missing_ok=True)
        there = not part.temporary.exists()
        size = (part.target if there else part.temporary).stat().st_size
        self._report.omit_rows(part.entry, table.left_out, size)
        return None if there else size

    def _batches(self, view: CompartmentView) -> Iterator[list[Part]]:
        batch: list[Part] = []
        extents = 0
        for entry in view.entries():
            if not self._options.wanted(entry.path):
                continue
            erasure = view.left_out.whole(entry.path)
            if erasure is not None:
                self._report.omit(entry, erasure)
                self._progress.advance(entry.size if isinstance(entry, FileEntry) else 0)
                continue
            part = self._place(entry, shortened=entry.path in view.left_out.rows)
            if part:
                batch.append(part)
                extents += len(part.entry.extents)
            if extents >= _BATCH_EXTENTS or len(batch) >= _BATCH_FILES:
                yield batch
                batch, extents = [], 0
                self._room = _free(self._folder)
        if batch:
            yield batch

    def _place(self, entry: Entry, *, shortened: bool) -> Part | None:
        """Prepare the place of one entry; a Part when bytes have to be written. `shortened`: rows of it will go."""
        if isinstance(entry, UnreadEntry):
            self._report.unread.append((entry.path, entry.reason))
            return None
        try:
            return self._place_at(self._target(entry), entry, shortened=shortened)
        except (FormatError, UsageError) as error:
            self._report.fail(entry.path, error)
            return None

    def _place_at(self, target: Path, entry: FileEntry | DirEntry | LinkEntry, *, shortened: bool) -> Part | None:
        if isinstance(entry, DirEntry):
            self._make_folder(target)
        elif isinstance(entry, LinkEntry):
            self._links.append((entry, target))
        else:
            self._make_folder(target.parent)
            return self._file_part(entry, target, shortened=shortened)
        return None

    def _target(self, entry: Entry) -> Path:
        if self._options.escape:
            components = tuple(escape_component(part) for part in entry.path.split(b"/"))
        else:
            components = safe_target(entry.path)
        self._collisions.add(components, folder=isinstance(entry, DirEntry))
        return self._folder.joinpath(*components)

    def _make_folder(self, path: Path) -> None:
        if path in self._folders or path == self._folder:
            return
        self._make_folder(path.parent)
        if path.is_symlink():
            raise UsageError(
                "restore-link", f"{path} is a link: nothing is written through it", hint="restore to an empty folder"
            )
        if os.path.lexists(path) and not path.is_dir():
            raise UsageError("restore-exists", f"{path} is a file, not a folder", hint="use an empty folder")
        path.mkdir(exist_ok=True)
        self._folders.add(path)

    def _check_free(self, target: Path) -> None:
        """Refuses a place that holds something else. UsageError restore-exists."""
        if os.path.lexists(target) and not (self._options.overwrite and (target.is_symlink() or not target.is_dir())):
            raise UsageError("restore-exists", "another file is there", hint="use --overwrite or an empty folder")

    def _file_part(self, entry: FileEntry, target: Path, *, shortened: bool) -> Part | None:
        if not shortened:
            if os.path.lexists(target) and _is_right(target, entry):
                self._report.already += 1
                self._progress.advance(entry.size)
                return None
            self._check_free(target)
        if entry.size > self._room:
            raise LimitError(
                "restore-space", f"{entry.size} bytes are needed, {self._room} are free", hint="choose another disk"
            )
        self._room -= entry.size
        short = hashlib.sha256(entry.path).hexdigest()[:16]
        temporary = target.with_name(f".{short}{_SUFFIX}")
        temporary.unlink(missing_ok=True)  # what lies there may be a link
        with temporary.open("xb") as file:
            file.truncate(entry.size)
        return Part(entry, temporary, target)

    def finish_links(self) -> None:
        """Make the links that stay inside the folder, where the system can; count the others."""
        for entry, target in self._links:
            if os.path.lexists(target):
                continue
            text = os.fsdecode(entry.target)
            if os.name != "posix" or not self._stays_inside(target, text):
                self._report.links += 1
                continue
            try:
                self._make_folder(target.parent)
            except UsageError as error:
                self._report.fail(entry.path, error)
                continue
            target.symlink_to(text)

    def _stays_inside(self, target: Path, text: str) -> bool:
        """Up only at its beginning, where folders are real ones: a later `..` could climb out of another link."""
        parts = Path(text).parts
        ups = sum(1 for _ in takewhile("..".__eq__, parts))
        depth = len(target.parent.relative_to(self._folder).parts)
        return not Path(text).is_absolute() and ups <= depth and ".." not in parts[ups:]


def _is_right(target: Path, entry: FileEntry) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_size != entry.size:
        return False
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


def _same_bytes(one: Path, other: Path) -> bool:
    return other.is_file() and not other.is_symlink() and filecmp.cmp(one, other, shallow=False)


def _prove(part: Part) -> IntegrityError | None:
    with part.temporary.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == part.entry.sha256:
        return None
    return IntegrityError(
        "file-hash",
        f"expected SHA-256 {part.entry.sha256[:16]}…, found {found[:16]}…",
        hint="run escrow verify; restore the file from another night or copy",
    )


def _ignores_case(folder: Path) -> bool:
    """Whether `folder` takes two names that differ in case for one."""
    probe = folder / ".escrow-CASE-probe"
    try:
        probe.touch()
        return (folder / ".escrow-case-probe").exists()
    finally:
        with suppress(OSError):
            probe.unlink()
