"""`escrow status`: is the vault well? One line a vault, no keys."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import EscrowError, UsageError

from .config import NAME, Config, load_config
from .exits import Exit, exit_of, exit_of_codes, worst
from .options import ConfigOption, JsonOption
from .output import Output
from .units import age_text, parse_age, size_text, time_label
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from escrow.engine.status import Status


def status(
    vaults: Annotated[
        list[Path] | None, typer.Argument(metavar="CONFIG_OR_DIR", help="With --all: several vaults.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="A line for each configuration named or in a folder named.")
    ] = False,
    max_age: Annotated[str | None, typer.Option(help="How old the last night may be. Default: 36h.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say in one line whether the vault is well: last night's age, verdict, what is wrong. Needs no key.

    \b
    Example: escrow status --max-age 36h
    """
    output = Output(as_json)
    age = parse_age(max_age) if max_age else None
    if every != bool(vaults):
        raise UsageError("status-options", "expected --all with configurations or folders, or neither")
    if not every:
        loaded = load_config(config)
        exit = report_status(output, loaded, age)
    else:
        exit = worst([_one_of_many(output, path, age) for path in _configs(vaults or [])])
    output.finish(exit)


def _configs(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted({*path.glob("*.toml"), *path.glob(f"*/{NAME}")})
        else:
            found.append(path)
    if not found:
        raise UsageError("status-options", "expected a configuration in the folders named, found none")
    return found


def _one_of_many(output: Output, path: Path, max_age: timedelta | None) -> Exit:
    try:
        return report_status(output, load_config(path), max_age)
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


def report_status(output: Output, config: Config, max_age: timedelta | None) -> Exit:
    """One vault's line, and the exit code that it means."""
    from escrow.engine.ports import SystemClock
    from escrow.engine.status import judge_status

    vault = read_vault(config)
    found = judge_status(vault.history, SystemClock(), config.max_age if max_age is None else max_age)
    exit = judge(found)
    _say(output, vault, found, exit)
    vault.remember()
    return exit


def judge(found: "Status") -> Exit:
    """What a status means for a scheduler or a monitor."""
    exits = [exit_of_codes(finding.code for finding in found.findings if finding.severity == "error")]
    if found.stale:
        exits.append(Exit.STALE)
    if found.verdict not in (None, "pass"):
        exits.append(Exit.SUSPICIOUS)
    return worst(exits)


def _say(output: Output, vault: OpenVault, found: "Status", exit: Exit) -> None:
    text = f"{output.paint(exit.word, exit)}: {found.school}: "
    if found.latest is None or found.latest_time is None or found.age is None:
        text += "no night yet"
    else:
        text += (
            f"night {found.latest}, {age_text(found.age)} old ({time_label(found.latest_time)} UTC), {found.verdict}"
        )
        text += f"; {found.snapshots} nights, {size_text(found.size)}"
    errors = [finding for finding in found.findings if finding.severity == "error"]
    if errors:
        text += f"; {len(errors)} findings, such as {errors[0].code}: run escrow verify"
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
        nights=found.snapshots,
        bytes=found.size,
        findings=[finding.code for finding in errors],
        keys_left={name: one.keys_left for name, one in found.compartments.items()},
    )
