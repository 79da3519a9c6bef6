"""`escrow list`, `show` and `diff`: what a vault holds."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from .config import load_config
from .exits import Exit, exit_of_codes
from .key_use import Use, open_nights, with_keys
from .options import ConfigOption, JsonOption
from .output import Output, printable, shown
from .restoring import open_views
from .units import size_text, time_label
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from escrow.engine.diff import Change
    from escrow.engine.reading import CompartmentView
    from escrow.trust import Snapshot

NightArgument = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="The night's number, or latest.")]


def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the nights in the vault. Needs no key.

    \b
    Example: escrow list
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    for one in vault.history.snapshots:
        branch = "" if one.on_main else f"  on another branch ({one.seq}-{one.sha256[:8]})"
        verdict = one.link.notice.verdict
        new = new_bytes(one)
        gone = vault.history.gone(one.parts)
        expired = f"  expired: {', '.join(gone)}" if gone else ""
        output.row(
            f"{one.seq:>6}  {time_label(one.store_time)}  {verdict.status:<4}  {size_text(new):>10}{branch}{expired}",
            snapshot=one.seq,
            sha256=one.sha256,
            store_time=one.store_time.isoformat(),
            verdict=verdict.status,
            new_bytes=new,
            on_main=one.on_main,
            expired=[*gone],
        )
    _end(output, vault, f"{len(vault.history.snapshots)} nights")


def new_bytes(snapshot: "Snapshot") -> int:
    """Sealed bytes that a night's notice names."""
    return sum(
        ref.size for part in snapshot.parts for ref in (*part.packs, *([part.manifest] if part.manifest else []))
    )


def _end(output: Output, vault: OpenVault, text: str) -> None:
    """Remember the head; a rolled-back store is told even by commands that look at other things."""
    errors = vault.warn(output)
    vault.remember()
    exit = exit_of_codes(finding.code for finding in errors)
    output.finish(exit if exit is Exit.ROLLBACK else Exit.OK, text, findings=len(errors))


@with_keys("check")
def show(
    snapshot: NightArgument,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one night: its notice, and with keys what is in it; that leaves an event.

    \b
    Example: escrow show latest --key /media/stick/fernhill/custody.key
    """
    from escrow.engine.reading import choose

    output = Output(as_json)
    vault = read_vault(load_config(config))
    one = choose(vault.history, snapshot)
    views = open_views(output, vault, snapshot, use, []) if use else []
    notice = one.link.notice
    output.row(
        f"night {one.seq}, deposited {time_label(one.store_time)} UTC by {notice.software}",
        snapshot=one.seq,
        sha256=one.sha256,
        store_time=one.store_time.isoformat(),
        agent_time=one.agent_time.isoformat(),
        agent=notice.agent,
        software=notice.software,
        verdict=notice.verdict.status,
        codes=list(notice.verdict.codes),
    )
    output.note(f"verdict {notice.verdict.status} {' '.join(notice.verdict.codes)}; notice {one.sha256}")
    for part in one.parts:
        size = sum(pack.size for pack in part.packs) + (part.manifest.size if part.manifest else 0)
        output.row(
            f"{part.compartment:<14} series {part.series}: {len(part.packs)} packs, {size_text(size)} new",
            compartment=part.compartment,
            series=part.series,
            packs=len(part.packs),
            new_bytes=size,
        )
    for view in views:
        _show_contents(output, view)
    _end(output, vault, "")


def _show_contents(output: Output, view: "CompartmentView") -> None:
    from escrow.record import FileEntry

    totals = view.manifest.totals
    text = f"{view.name:<14} {totals.files} files, {size_text(totals.bytes)}, {totals.links} links"
    output.row(
        f"{text}, {totals.unread} unreadable",
        compartment=view.name,
        files=totals.files,
        bytes=totals.bytes,
        dirs=totals.dirs,
        links=totals.links,
        unread=totals.unread,
    )
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    struck: Counter[tuple[int, bool]] = Counter()
    for entry in view.entries():
        erasure = view.left_out.erasure_of(entry.path)
        if erasure is not None:
            struck[erasure, view.left_out.whole(entry.path) is not None] += 1
        if isinstance(entry, FileEntry):
            files[entry.dataset] += 1
            sizes[entry.dataset] += entry.size
    for dataset, count in sorted(files.items()):
        output.row(
            f"  {count:>7} files  {size_text(sizes[dataset]):>10}  {printable(dataset)}",
            dataset=dataset,
            compartment=view.name,
            files=count,
            bytes=sizes[dataset],
        )
    for (erasure, whole), count in sorted(struck.items()):
        text = f"  {count:>7} entries are left out by erasure {erasure}" + (
            "" if whole else ", in part: rows of tables"
        )
        output.row(text, compartment=view.name, erasure=erasure, entries=count, whole=whole)
    for fault in view.left_out.faults:
        output.row(f"  {fault.code}: {fault}", compartment=view.name, code=fault.code)


@with_keys("check")
def diff(
    before: Annotated[str, typer.Argument(help="The earlier night.")],
    after: Annotated[str, typer.Argument(help="The later night, or latest.")],
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what changed between two nights: files, and for CSV tables the number of rows. Leaves an event.

    \b
    Example: escrow diff 11 latest --key /media/stick/fernhill/custody.key
    """
    from escrow.engine.diff import diff as changes
    from escrow.engine.reading import choose

    output = Output(as_json)
    vault = read_vault(load_config(config))
    chosen = [choose(vault.history, which) for which in (before, after)]
    old, new = open_nights(output, vault, use, chosen)
    counts: Counter[str] = Counter()
    for change in changes(old, new):
        counts[change.kind] += 1
        _show_change(output, change)
    text = ", ".join(f"{counts[kind]} {kind}" for kind in ("added", "removed", "changed"))
    _end(output, vault, text)


def _show_change(output: Output, change: "Change") -> None:
    rows = change.rows
    text = f"{change.kind:<8} {shown(change.path)}"
    if change.size_before is not None or change.size_after is not None:
        sizes = [size_text(size) for size in (change.size_before, change.size_after) if size is not None]
        text += f"  {' -> '.join(sizes)}"
    if rows:
        text += f"  rows: {rows.added} added, {rows.removed} removed, {rows.changed} changed"
    if change.erasure is not None:
        text += f"  left out, or rows of it, by erasure {change.erasure}"
    output.row(
        text,
        path=shown(change.path),
        change=change.kind,
        size_before=change.size_before,
        size_after=change.size_after,
        rows={"added": rows.added, "removed": rows.removed, "changed": rows.changed} if rows else None,
        erasure=change.erasure,
    )
