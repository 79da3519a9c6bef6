"""`escrow vendor`: a vendor stops. Begins the case, tells what is to be done by when, notes what was done."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .config import load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .public_folder import write_whole
from .vault import read_vault
from .vendor_case import FOLDER, TEXTS, CaseOption, DayOption, Leaving, day_of, hash_of, open_case_in, rules_of, today
from .vendor_dump import dump
from .vendor_end import close, deleted
from .vendor_letters import letters, replies

if TYPE_CHECKING:
    from escrow.record import JsonObject
    from escrow.vendor.plan import Step

app = typer.Typer(
    help="A vendor stops: what to recover by when, letters, its last dump, the end.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_PAINTED = {"overdue": Exit.INTEGRITY, "open": Exit.PARTIAL, "done": Exit.OK}


@app.command()
def start(
    processor: Annotated[str, typer.Argument(metavar="PROCESSOR", help="Its name in the charter, or its beginning.")],
    reason: Annotated[str, typer.Option(help="vendor-notice, vendor-insolvency, contract-end, access-lost, dispute.")],
    began: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="When the school heard of it, or lost access."),
    ],
    contract_end: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="When access ends. Default: the charter's."),
    ] = None,
    sub_processor: Annotated[
        list[str] | None, typer.Option(help="Of the charter; may be repeated. Default: all of its sub-processors.")
    ] = None,
    case: CaseOption = FOLDER,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Begin the case of a vendor that stops: a folder with what happened, what is to be done by when, and the texts.

    Deadlines (exit.toml) and letters (texts/) are laid into the folder to be corrected there. Needs no key.

    \b
    Example: escrow vendor start "Acme MIS" --reason vendor-notice --began 2026-11-20
    """
    from escrow.vendor.case import NAME, begin, case_text
    from escrow.vendor.letter import LETTERS, letter_text
    from escrow.vendor.plan import NAME as RULES
    from escrow.vendor.plan import rules_text

    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    if (case / NAME).exists():
        hint = "escrow vendor status shows it; --case names another folder"
        raise UsageError("vendor-exists", f"expected no case in {case}, found one", hint=hint)
    if case.absolute().is_relative_to(vault.config.state.absolute()):
        hint = "choose a folder of the school's office: --case"
        raise UsageError("vendor-place", f"{case}: expected a folder of the school's, found the agent's own", hint=hint)
    charter = vault.history.charter
    assert charter is not None
    rules = rules_of(case)
    made = begin(
        charter,
        vault.history.vault,
        processor,
        reason=reason,
        reasons=rules.reasons,
        began=began.date(),
        today=today(),
        contract_end=contract_end.date() if contract_end else None,
        sub_processors=tuple(sub_processor or ()),
    )
    for name, text in ((RULES, rules_text()), *((f"{TEXTS}/{one}.toml", letter_text(one)) for one in LETTERS)):
        if not (case / name).exists():
            write_whole(case / name, text.encode())
    write_whole(case / NAME, case_text(made))
    counts = _show(output, Leaving(case, vault, rules, made))
    output.finish(Exit.OK, f"begun in {case}: {_words(counts)}", **counts)


@app.command()
def status(case: CaseOption = FOLDER, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell what is to be done by when, what is overdue, and what to recover. Needs no key.

    \b
    Example: escrow vendor status
    """
    output = Output(as_json)
    leaving = open_case_in(output, case, config)
    counts = _show(output, leaving)
    closed = leaving.case.closed
    late = counts["overdue"] and not closed
    text = f"closed on {closed}" if closed else _words(counts)
    output.finish(Exit.OVERDUE if late else Exit.OK, text, closed=closed, **counts)


@app.command()
def note(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What happened, in a sentence.")] = "",
    step: Annotated[
        str | None, typer.Option(help="The step that this closes, as escrow vendor status names it.")
    ] = None,
    about: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Of which processor the step is.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="A letter or e-mail: its hash is kept, the file stays yours.")
    ] = None,
    on: DayOption = None,
    case: CaseOption = FOLDER,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note something in the chronology: a letter that was sent, an answer, a step that is done or not needed, and why.

    \b
    Example: escrow vendor note "sent by recorded post" --step return --file return.pdf
    """
    output = Output(as_json)
    leaving = open_case_in(output, case, config)
    found = _step_of(leaving, step, about) if step else None
    words = text or (found.rule.title if found else "")
    if not words:
        raise UsageError("vendor-text", "expected what happened, found nothing", hint='escrow vendor note "..."')
    proof = (file.name, hash_of(file)) if file else None
    leaving.note(words, day_of(on), step=step, about=found.about if found else about, proof=proof)
    output.finish(
        Exit.OK, f"noted, entry {len(leaving.case.entries)} of the chronology", entries=len(leaving.case.entries)
    )


def _step_of(leaving: Leaving, name: str, about: str | None) -> "Step":
    """The step that can be closed. UsageError `vendor-step`."""
    steps = leaving.steps()
    found = [one for one in steps if one.rule.id == name and about in (None, one.about)]
    if len(found) != 1:
        known = ", ".join(dict.fromkeys(one.rule.id for one in steps))
        hint = f"say whose with --by: {', '.join(str(one.about) for one in found)}" if found else f"one of {known}"
        raise UsageError("vendor-step", f"expected one step of the case, found {len(found)} for {name!r}", hint=hint)
    if leaving.case.done(name, found[0].about):
        raise UsageError(
            "vendor-step", f"expected a step that is open, found {name} done", hint="note it without --step"
        )
    return found[0]


def _show(output: Output, leaving: Leaving) -> dict[str, int]:
    """Everything for people and programs; gives how many steps are in which state."""
    from escrow.vendor.plan import due_again

    case, steps = leaving.case, leaving.steps()
    reason = leaving.rules.reasons.get(case.reason, case.reason)
    output.row(f"{case.processor}: {reason}, on {case.began}", **_facts(leaving))
    _show_end(output, leaving)
    for one in steps:
        _show_step(output, one)
    if not case.closed and case.done("dump") is None:
        if not output.as_json:
            output.row(f"to recover{f' by {case.contract_end}' if case.contract_end else ', as soon as can be'}:")
        for wanted in leaving.rules.recover:
            output.row(f"  - {wanted.what}", recover=wanted.what, why=wanted.why, by=case.contract_end)
    if due_again(leaving.rules, today()):
        output.note(f"exit.toml was compared with its sources on {leaving.rules.reviewed}: look at them again")
    return {state: sum(one.state == state for one in steps) for state in ("overdue", "open", "waiting", "done")}


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def _facts(leaving: Leaving) -> "JsonObject":
    case = leaving.case
    return {
        "processor": case.processor,
        "sub_processors": [*case.sub_processors],
        "reason": case.reason,
        "began": case.began,
        "contract_end": case.contract_end,
    }


def _show_end(output: Output, leaving: Leaving) -> None:
    end = leaving.case.contract_end
    if end is None:
        output.note("no end of the contract is known: name it in the charter, or begin with --contract-end DATE")
        return
    left = (date.fromisoformat(end) - today()).days
    words = (
        f"in {left} days" if left > 0 else "today" if left == 0 else f"{-left} days ago: ask for access all the same"
    )
    output.row(f"contract ends {end}, {words}", contract_end=end, days_left=left)


def _show_step(output: Output, one: "Step") -> None:
    when = str((one.done_on if one.state == "done" else one.due) or "")
    about = f" ({one.about})" if one.about else ""
    state = output.paint(f"{one.state:<10}", _PAINTED.get(one.state, Exit.OK))
    output.row(
        f"{state}  {when:<10}  {one.rule.id:<10}  {one.rule.title}{about}",
        step=one.rule.id,
        about=one.about,
        state=one.state,
        due=one.due.isoformat() if one.due else None,
        done=one.done_on.isoformat() if one.done_on else None,
        title=one.rule.title,
        how=one.rule.how,
        source=one.rule.source,
        as_of=one.rule.as_of,
    )
    if one.state in ("overdue", "open") and not output.as_json:
        output.row(f"{'':<36}{one.rule.how}")
        if one.state == "overdue":
            output.row(f"{'':<36}{one.rule.source} (as of {one.rule.as_of})")


app.command()(letters)
app.command()(dump)
app.command()(deleted)
app.command()(close)
app.command()(replies)
