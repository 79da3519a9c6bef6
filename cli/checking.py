"""`escrow verify`: looks at what was deposited, as deep as it is told."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import DeniedError, IntegrityError, StoreError, UsageError

from .config import Config, load_config
from .exits import exit_of_codes
from .key_use import Use, with_keys
from .options import ConfigOption, JsonOption
from .output import Output
from .places import Attached, Survey, survey
from .restoring import open_views
from .units import parse_share, size_text
from .vault import anchor_of, read_vault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from escrow.engine.ports import Progress
    from escrow.engine.verify import Checked, Expected
    from escrow.store import Store
    from escrow.trust import Finding, History

_SHOWN = 100
_BATCH = 16
_LOSSES = ("object-", "name-hash")


@with_keys("check")
def verify(
    read: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Download and hash the next share of all objects: 1/30, or 1.")
    ] = None,
    deep: Annotated[
        str | None, typer.Option(metavar="SNAPSHOT", help="Open every file of this night too. Needs a key or sheets.")
    ] = None,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the store and every copy that is there: the chain of notices, and the listing against it. Needs no key.

    The listing is the store's own word; --read looks at the bytes, and its shares add up to everything.
    --deep opens files, with a key.

    \b
    Example: escrow verify --read 1/30
    """
    from escrow.engine.places import judge_keys
    from escrow.engine.ports import SystemClock
    from escrow.engine.verify import verify_open

    part = parse_share(read) if read else None
    if (deep is None) == bool(use):
        raise UsageError("verify-options", "expected --deep SNAPSHOT and a key or sheets together, found one")
    output = Output(as_json)
    loaded = load_config(config)
    found = survey(loaded)
    findings = list(found.findings)
    standings = list(found.standings)
    lacking: dict[str, int] = {}
    with output.progress() as progress:
        for number, place in enumerate(found.places):
            if place.store:
                told = _check_place(output, found, number, part, progress)
                findings += told if number == 0 else [_of(place.place.name, one) for one in told]
                bad = {one.subject for one in told if one.severity == "error" and one.code.startswith(_LOSSES)}
                lacking[place.place.name] = len(bad)
                standings[number] = standings[number].without_keys(bad)
        if deep:
            result = verify_open(open_views(output, read_vault(loaded), deep, use, []), progress)
            _show_level(output, "L2 files", "", result)
            findings += result.findings
    findings += judge_keys(found.history, standings, SystemClock().now())
    exit = exit_of_codes(finding.code for finding in findings if finding.severity == "error")
    show_findings(output, findings)
    found.remember(lacking)
    ending = found.history.ending
    if ending.expired or ending.shredded:
        gone = f"{len(ending.expired)} series expired, {len(ending.shredded)} keys were destroyed"
        output.note(f"{gone}: what is missing of them is not missed (escrow retention report)")
    nights = len(found.history.snapshots)
    words = f"{nights} nights, {len(findings)} findings"
    output.finish(exit, f"{output.paint(exit.word, exit)}: {words}", nights=nights, findings=len(findings))


def _of(name: str, finding: "Finding") -> "Finding":
    return replace(finding, subject=f"{name}: {finding.subject}" if finding.subject else name)


def _check_place(
    output: Output, found: Survey, number: int, share: float | None, progress: "Progress"
) -> "list[Finding]":
    """The store against the whole history; a copy, which may be behind, against the history up to its last notice."""
    from escrow.engine.places import up_to
    from escrow.engine.reading import load_history
    from escrow.engine.rescue import read_kit
    from escrow.engine.verify import verify_listing
    from escrow.trust import Finding

    place, seen = found.places[number], found.standings[number].seen
    assert place.store is not None and seen is not None
    name, history, findings = place.place.name, found.history, list[Finding]()
    try:
        if number:
            own = load_history(place.store, anchor_of(found.config))
            findings += own.findings
            history = up_to(history, seen.head, own)
        checked = [("L1a listing", verify_listing(place.store, history, progress))]
        if place.place.holds == "all":
            findings += read_kit(place.store, history.charters)[1]
        if share:
            checked.append(("L1b bytes", _read_share(found.config, place, history, share, progress)))
    except IntegrityError as error:
        empty = next(place.store.list("charter/"), None) is None
        return [] if empty else [Finding(error.code, "charter/", str(error))]
    except StoreError as error:
        if number == 0:
            raise
        return [Finding("copy-away", "", str(error))]
    for level, result in checked:
        _show_level(output, level, name, result)
        findings += result.findings
    return findings


def _read_share(config: Config, place: Attached, history: "History", share: float, progress: "Progress") -> "Checked":
    """All of it, or the next share of this place's own cycle; where it is interrupted, the next run goes on."""
    from escrow.engine.memory import keep_cursor, new_cursor, verify_cursor
    from escrow.engine.places import STORE
    from escrow.engine.ports import NoProgress
    from escrow.engine.shares import next_share
    from escrow.engine.verify import Checked, expected_objects

    assert place.store is not None
    expected = expected_objects(history)
    if share == 1:
        return _read(place.store, expected, progress)
    name = "" if place.place.name == STORE else place.place.name
    chosen = next_share(expected, verify_cursor(config.state, name), new_cursor(), share)
    progress.stage("verify bytes", sum(one.size for one, _ in chosen))
    read = []
    for begin in range(0, len(chosen), _BATCH):
        batch = chosen[begin : begin + _BATCH]
        read.append(_read(place.store, [one for one, _ in batch], NoProgress()))
        keep_cursor(config.state, batch[-1][1], name)
        progress.advance(read[-1].size)
    findings = tuple(dict.fromkeys(finding for one in read for finding in one.findings))
    return Checked(sum(one.count for one in read), sum(one.size for one in read), findings)


def _read(store: "Store", chosen: "Sequence[Expected]", progress: "Progress") -> "Checked":
    """L1b; without the sealed keys where the credential may not read those, as the watcher's."""
    from escrow.engine.verify import Checked, verify_bytes
    from escrow.trust import Finding

    try:
        return verify_bytes(store, chosen, progress)
    except DeniedError as error:
        rest = [one for one in chosen if not one.name.startswith("stock/")]
        if error.code != "store-denied" or len(rest) == len(chosen):
            raise
        read = verify_bytes(store, rest, progress)
        unseen = Finding("object-unseen", "stock/", "sealed keys were not read: this credential may not", "warning")
        return Checked(read.count, read.size, (*read.findings, unseen))


def _show_level(output: Output, level: str, place: str, result: "Checked") -> None:
    where = f" of {place}" if place else ""
    output.row(
        f"{level}{where}: {result.count} checked, {size_text(result.size)}, {len(result.findings)} findings",
        level=level.split(maxsplit=1)[0],
        place=place or None,
        checked=result.count,
        bytes=result.size,
        findings=len(result.findings),
    )


def show_findings(output: Output, findings: "Sequence[Finding]") -> None:
    """Findings, errors first; for people at most a hundred."""
    ordered = sorted(findings, key=lambda finding: finding.severity)
    for finding in ordered if output.as_json else ordered[:_SHOWN]:
        output.row(
            f"{finding.severity} {finding.code}: {finding.subject}: {finding.detail}",
            finding=finding.code,
            severity=finding.severity,
            subject=finding.subject,
            detail=finding.detail,
        )
    if len(ordered) > _SHOWN and not output.as_json:
        output.note(f"and {len(ordered) - _SHOWN} more; --json shows all")
