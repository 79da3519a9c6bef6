"""`escrow custodian watch`: hundreds of vaults held against what was seen of them, in one table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import EscrowError, UsageError

from .config import find_config, load_config
from .exits import Exit, exit_of, exit_of_codes, worst
from .options import ConfigOption, JsonOption
from .output import Output
from .standing import configs_in

if TYPE_CHECKING:
    from escrow.custody.watchfile import Seen, Watch
    from escrow.trust import Finding

    from .vault import OpenVault

_PARALLEL = 4
_HEAD = f"{'':<9}  {'notice':>6}  {'last night':<16}  {'event':>6}  school"


@dataclass(frozen=True, slots=True)
class _Looked:
    """One configuration: its vault, or why it could not be read."""

    config: Path
    vault: "OpenVault | EscrowError"


def watch(
    file: Annotated[Path, typer.Option(help="The watch file of all vaults; made when there is none.")],
    vaults: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CONFIG_OR_DIR", help="Several vaults: configurations, or folders of them."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold vaults against what was seen of them, and note their heads: one table, one exit code. Needs no key.

    One bad vault stops no other, and what is noted of it stays as it was. Of vaults that the file knows and no
    configuration names it is said that nobody looked.

    \b
    Example: escrow custodian watch --file heads.json schools
    """
    if vaults and config:
        raise UsageError("watch-options", "expected --config or configurations, found both", hint="leave --config out")
    output = Output(as_json)
    known = read_watch(file)
    paths = configs_in(vaults) if vaults else [find_config(config)]
    if not as_json:
        output.row(_HEAD)
    exits = []
    seen: set[str] = set()
    try:
        for looked in _look_at(paths):
            if not isinstance(looked.vault, EscrowError):
                seen.add(looked.vault.history.vault)
            known, exit = _hold(output, known, looked)
            exits.append(exit)
    finally:
        write_watch(file, known)
    if vaults:
        exits += [_unseen(output, one) for one in known.vaults if one.vault not in seen]
    well = exits.count(Exit.OK)
    text = f"{well} of {len(exits)} vaults show what was seen before, or more; {len(known.vaults)} are watched"
    output.finish(worst(exits), text, vaults=len(exits), well=well, watched=len(known.vaults))


def _look_at(paths: list[Path]) -> Iterator[_Looked]:
    """A few at a time; in their order."""
    from escrow.engine.ahead import ahead

    from .vault import read_vault

    def look(path: Path) -> _Looked:
        try:
            return _Looked(path, read_vault(load_config(path)))
        except EscrowError as error:
            return _Looked(path, error)

    return ahead(look, paths, _PARALLEL)


def _hold(output: Output, known: "Watch", looked: _Looked) -> "tuple[Watch, Exit]":
    from escrow.custody.watchfile import look

    if isinstance(looked.vault, EscrowError):
        exit = exit_of(looked.vault)
        _row(output, exit, str(looked.config), looked.config, error=looked.vault)
        return known, exit
    vault = looked.vault
    after, findings = look(known, vault.history, vault.store.describe(), datetime.now(UTC))
    exit = exit_of_codes(one.code for one in findings)
    one = (known if findings else after).of(vault.history.vault)
    nights = [night.store_time for night in vault.history.snapshots if night.on_main]
    _row(output, exit, "", looked.config, one, max(nights, default=None), findings)
    return after, exit


def _unseen(output: Output, one: "Seen") -> Exit:
    """A vault that is watched and that no configuration names."""
    error = UsageError("watch-unseen", f"nobody looked: no configuration here names it; it was in {one.place}")
    _row(output, Exit.USAGE, one.school, None, one, error=error)
    return Exit.USAGE


def _row(
    output: Output,
    exit: Exit,
    name: str,
    config: Path | None,
    one: "Seen | None" = None,
    night: datetime | None = None,
    findings: "tuple[Finding, ...]" = (),
    error: EscrowError | None = None,
) -> None:
    notice = one.head.seq if one and one.head else 0
    event = one.events.n if one and one.events else 0
    last = f"{night:%Y-%m-%d %H:%M}" if night else ""
    school = one.school if one else name
    told = [(finding.code, f"{finding.subject}: {finding.detail}") for finding in findings]
    told += [(error.code, str(error))] if error else []
    word = output.paint(f"{exit.word:<9}", exit)
    output.row(
        f"{word}  {notice or '':>6}  {last:<16}  {event or '':>6}  {school}",
        outcome=exit.word,
        school=school,
        vault=one.vault if one else None,
        config=str(config) if config else None,
        notice=notice,
        night=f"{night:%Y-%m-%dT%H:%M:%SZ}" if night else None,
        event=event,
        codes=[code for code, _ in told],
        details=[text for _, text in told],
    )
    for code, text in told if not output.as_json else ():
        output.row(f"{'':<9}  {code}: {text}")


def read_watch(file: Path) -> "Watch":
    """The watch file; an empty one when there is none. FormatError `watch-file`."""
    from escrow.custody.watchfile import EMPTY, parse_watch

    try:
        return parse_watch(file.read_bytes())
    except FileNotFoundError:
        return EMPTY
    except OSError as error:
        raise UsageError("watch-file", f"{file}: cannot be read ({error.strerror})") from error


def write_watch(file: Path, watch: "Watch") -> None:
    """Replace the watch file as a whole. UsageError `watch-file`."""
    from .public_folder import write_whole

    write_whole(file, watch.text() + b"\n")
