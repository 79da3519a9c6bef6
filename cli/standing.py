"""`escrow status`: is the vault well? One line a vault and one for each of its places, no keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import EscrowError, UsageError

from .config import NAME, Config, load_config
from .exits import Exit, exit_of, exit_of_codes, worst
from .options import ConfigOption, JsonOption
from .output import Output
from .places import Survey, survey
from .telling import Teller, warn_untold
from .units import age_text, parse_age, size_text, time_label

if TYPE_CHECKING:
    from escrow.engine.places import Standing
    from escrow.engine.status import Status
    from escrow.record import JsonValue

_SHOWN_CODES = 5


def status(
    vaults: Annotated[
        list[Path] | None, typer.Argument(metavar="CONFIG_OR_DIR", help="With --all: several vaults.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="A line for each configuration named or in a folder named.")
    ] = False,
    max_age: Annotated[str | None, typer.Option(help="How old the last night may be. Default: 36h.")] = None,
    tell: Annotated[bool, typer.Option("--tell", help="Tell everybody of [tell]; without --all.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether the vault is well: last night's age, verdict, its places and what is wrong. Needs no key.

    \b
    Example: escrow status --max-age 36h
    """
    output = Output(as_json)
    age = parse_age(max_age) if max_age else None
    if every != bool(vaults) or (every and tell):
        raise UsageError("status-options", "expected --all with configurations or folders, or neither")
    if not every:
        loaded = load_config(config)
        exit = _one(output, loaded, age, Teller(output, loaded) if tell else None)
    else:
        exit = worst([_one_of_many(output, path, age) for path in configs_in(vaults or [])])
    output.finish(exit)


def configs_in(paths: list[Path]) -> list[Path]:
    """The configurations named, and those in the folders named. UsageError `status-options` for none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted({*path.glob("*.toml"), *path.glob(f"*/{NAME}")})
        else:
            found.append(path)
    if not found:
        raise UsageError("status-options", "expected a configuration in the folders named, found none")
    return found


def _one(output: Output, config: Config, max_age: timedelta | None, teller: Teller | None) -> Exit:
    """One vault; whatever comes of it is told."""
    try:
        exit = report_status(output, config, max_age, teller=teller)
    except EscrowError as error:
        if teller:
            teller.failed(error, datetime.now(UTC))
        raise
    if not teller:  # what fails now is said already
        warn_untold(output, config)
    return exit


def _one_of_many(output: Output, path: Path, max_age: timedelta | None) -> Exit:
    try:
        return report_status(output, load_config(path), max_age, brief=True)
    except EscrowError as error:
        exit = exit_of(error)
        output.row(
            f"{output.paint(exit.word, exit)}: {path}: {error.code}: {error}",
            config=str(path),
            result=exit.word,
            code=error.code,
            message=str(error),
        )
        return exit


def report_status(
    output: Output, config: Config, max_age: timedelta | None, *, brief: bool = False, teller: Teller | None = None
) -> Exit:
    """One vault and its places, and the exit code that they mean; `brief`: in one line."""
    from escrow.engine.places import judge_keys
    from escrow.engine.ports import SystemClock
    from escrow.engine.status import judge_status
    from escrow.watch.probing import overdue

    clock = SystemClock()
    found = survey(config)
    status = judge_status(found.history, clock, config.max_age if max_age is None else max_age)
    keys = judge_keys(found.history, found.standings, clock.now())
    store = found.places[0].store
    probed = overdue(config.state, store.describe(), clock.now()) if store else ()
    status = replace(status, findings=tuple(dict.fromkeys([*found.findings, *status.findings, *keys, *probed])))
    exit = judge(status)
    _say(output, found, status, exit, brief)
    if teller:
        teller.status(status, found.history.head, exit, clock.now())
    found.remember()
    return exit


def judge(found: "Status") -> Exit:
    """What a status means for a scheduler or a monitor."""
    exits = [exit_of_codes(finding.code for finding in found.findings if finding.severity == "error")]
    if found.stale:
        exits.append(Exit.STALE)
    if found.verdict not in (None, "pass") and set(found.verdict_codes) != {"charter-expired"}:
        exits.append(Exit.INCOMPLETE if found.verdict == "fail" else Exit.SUSPICIOUS)
    return worst(exits)


def _say(output: Output, vault: Survey, found: "Status", exit: Exit, brief: bool) -> None:
    from escrow.engine.places import three_two_one

    text = f"{output.paint(exit.word, exit)}: {found.school}: "
    if found.latest is None or found.latest_time is None or found.age is None:
        text += "no night yet"
    else:
        verdict = " ".join(filter(None, (found.verdict, *found.verdict_codes[:_SHOWN_CODES])))
        text += f"night {found.latest}, {age_text(found.age)} old ({time_label(found.latest_time)} UTC), {verdict}"
        text += f"; {found.snapshots} nights, {size_text(found.size)}"
    if found.custodian:
        text += f"; handed over to {found.custodian}"
    errors = [finding for finding in found.findings if finding.severity == "error"]
    deep = [finding for finding in errors if exit_of_codes([finding.code]) in (Exit.INTEGRITY, Exit.ROLLBACK)]
    if errors:
        advice = "run escrow verify" if deep else "run escrow status"
        text += (
            f"; {len(errors)} findings, such as {(deep or errors)[0].code}: {advice if deep or brief else 'see below'}"
        )
    reminders = [
        one for one in found.findings if one.severity == "warning" and one.code.startswith(("charter-", "probe-"))
    ]
    rule = three_two_one(vault.standings)
    output.row(
        text,
        config=str(vault.config.file),
        vault=found.vault,
        school=found.school,
        result=exit.word,
        latest=found.latest,
        latest_time=found.latest_time.isoformat() if found.latest_time else None,
        age_minutes=int(found.age.total_seconds() // 60) if found.age is not None else None,
        verdict=found.verdict,
        codes=list(found.verdict_codes),
        nights=found.snapshots,
        custodian=found.custodian,
        bytes=found.size,
        findings=[finding.code for finding in errors],
        details=[{"code": one.code, "subject": one.subject, "detail": one.detail} for one in errors],
        reminders=[{"code": one.code, "detail": one.detail} for one in reminders],
        keys_left={name: one.keys_left for name, one in found.compartments.items()},
        places=[_fields(one) for one in vault.standings],
        three_two_one=list(rule),
    )
    if brief or output.as_json:
        return
    keys = sum(key.id not in vault.history.ending.shredded for key in vault.history.sealings)
    for one in vault.standings:
        output.row(_line(one, keys))
    copies, kinds, apart = rule
    output.row(
        f"  3-2-1: {copies} {'copy' if copies == 1 else 'copies'}, {_counted(kinds, 'kind')}, "
        f"{apart} under another payer or offline"
    )
    for finding in errors:
        if finding not in deep:
            output.row(f"  {finding.code}: {finding.subject}: {finding.detail}")
    for finding in reminders:
        output.row(f"  {finding.code}: {finding.detail}")


def _line(one: "Standing", keys: int) -> str:
    place, seen = one.place, one.seen
    kind = "keys" if place.holds == "keys" else place.kind
    if seen is None:
        text = "away" if not one.attached else "nothing of this vault yet"
    else:
        text = (
            f"{len(seen.keys)} of {keys} keys" if place.holds == "keys" else _counted(one.behind, "night") + " behind"
        )
        text += f", lacks {_counted(seen.lacking, 'object')}" if seen.lacking else ""
        text += "" if one.attached else f"; last seen {seen.at:%Y-%m-%d}"
    return f"  {place.name:<10} {kind:<7} {place.payer or 'no payer named':<16} {text}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _fields(one: "Standing") -> "dict[str, JsonValue]":
    place, seen = one.place, one.seen
    return {
        "name": place.name,
        "payer": place.payer,
        "kind": place.kind,
        "offline": place.offline,
        "holds": place.holds,
        "attached": one.attached,
        "whole": one.whole,
        "nights_behind": None if place.holds == "keys" else one.behind,
        "last_seen": seen.at.isoformat() if seen else None,
        "keys": len(seen.keys) if seen else None,
        "lacking": seen.lacking if seen else None,
        "findings": [finding.code for finding in one.findings],
    }
