"""`escrow source`: what the sources hold, and what is usual."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .completeness import NAME, expectations_file, load_expectation, show_findings, watch_of
from .config import Config, load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .source_recipes import recipes
from .units import size_text
from .vault import sources_of

if TYPE_CHECKING:
    from escrow.completeness import Finding, Night, Profile
    from escrow.record import JsonValue

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command("recipes")(recipes)
_SHOWN_NIGHTS = 7


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read all sources now, judge what they hold, and deposit nothing.

    \b
    Example: escrow source check
    """
    output = Output(as_json)
    loaded = load_config(config)
    load_expectation(loaded)
    night, findings = _look(output, loaded)
    for key, seen in sorted(night.datasets.items()):
        output.row(f"{_rows(seen.profile):>10} rows  {key}  {_about(seen.profile)}", **_fields(key, seen.profile))
    show_findings(output, findings)
    exit = _exit(findings)
    output.finish(exit, f"{len(night.datasets)} datasets: {exit.word}", datasets=len(night.datasets))


@app.command()
def learn(
    again: Annotated[
        list[str] | None, typer.Option(metavar="ALIAS", help="Learn this dataset anew. May be repeated.")
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who confirms what stands in the file: nights may fail then.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what is usual into expectations.toml, from the nights that are remembered, or the sources as they are now.

    What stands in the file already stays, but for comments. A person reads it, corrects it and confirms it.

    \b
    Example: escrow source learn --confirm "S. Patel"
    """
    from escrow.completeness import Expectation
    from escrow.completeness.expectation_toml import to_toml
    from escrow.completeness.learn import learn as learned
    from escrow.completeness.terms import written_terms

    output = Output(as_json)
    loaded = load_config(config)
    known = load_expectation(loaded)
    today = datetime.now(UTC)
    if known is None:
        known = Expectation(terms=written_terms(today.year if today.month >= 8 else today.year - 1))
    unknown = sorted(set(again or ()) - {one.alias for one in known.datasets})
    if unknown:
        raise UsageError("expectation", f"expected an alias of {NAME}, found {unknown[0]!r}")
    kept = tuple(one for one in known.datasets if one.alias not in (again or ()))
    new = learned(_good_nights(output, loaded), known.terms, kept)
    confirmed = f"{today:%Y-%m-%d} by {confirm}" if confirm else "" if new else known.confirmed
    made = replace(known, confirmed=confirmed, datasets=(*kept, *new))
    _write(loaded, to_toml(made))
    for one in new:
        traits = [name for name in ("required", "grows", "changes") if getattr(one, name)]
        output.row(f"{one.alias:<24} {one.path}  {', '.join(traits)}", alias=one.alias, path=one.path, traits=[*traits])
    then = f"confirmed {confirmed}" if confirmed else "read it, correct it, then escrow source learn --confirm NAME"
    output.finish(
        Exit.OK, f"{expectations_file(loaded)}: {len(new)} new datasets, {len(kept)} kept; {then}", new=len(new)
    )


@app.command()
def show(
    dataset: Annotated[str | None, typer.Argument(help="An alias or a path: its columns.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the last nights held: rows by dataset and night, or one dataset's columns.

    \b
    Example: escrow source show pupils
    """
    from escrow.engine.profile_memory import remembered_nights

    output = Output(as_json)
    loaded = load_config(config)
    nights = remembered_nights(loaded.state)
    if not nights:
        hint = "run escrow snapshot, or escrow source check to look at the sources now"
        raise UsageError("source-no-nights", "expected nights that are remembered, found none", hint=hint)
    expectation = load_expectation(loaded)
    aliases = {one.alias: one.path for one in expectation.datasets} if expectation else {}
    if dataset is None:
        _show_nights(output, nights)
    else:
        _show_dataset(output, nights[-1], aliases.get(dataset, dataset))
    output.finish(Exit.OK)


def _look(output: Output, config: Config) -> "tuple[Night, tuple[Finding, ...]]":
    from escrow.engine.profiling import look

    watch = watch_of(config)
    with output.progress() as progress:
        progress.stage("read")
        look(sources_of(config), watch, progress.advance)
    return watch.judge(datetime.now(UTC))


def _good_nights(output: Output, config: Config) -> "list[Night]":
    from escrow.engine.profile_memory import remembered_nights

    nights = remembered_nights(config.state) or [_look(output, config)[0]]
    return [
        replace(one, datasets={key: seen for key, seen in one.datasets.items() if key not in one.failed})
        for one in nights
    ]


def _write(config: Config, text: str) -> None:
    file = expectations_file(config)
    new = file.with_name(NAME + ".new")
    new.write_text(text, "utf-8")
    new.replace(file)


def _exit(findings: "tuple[Finding, ...]") -> Exit:
    severities = {one.severity for one in findings}
    return Exit.INCOMPLETE if "fail" in severities else Exit.SUSPICIOUS if severities else Exit.OK


def _show_nights(output: Output, nights: "list[Night]") -> None:
    shown = nights[-_SHOWN_NIGHTS:]
    output.row("  ".join(f"{night.day:%d %b}".rjust(9) for night in shown), days=[str(night.day) for night in shown])
    for key in sorted({key for night in shown for key in night.datasets}):
        seen = [night.datasets.get(key) for night in shown]
        rows = [None if one is None else one.profile.rows for one in seen]
        text = "  ".join(
            ("-" if one is None else "opaque" if one.profile.rows is None else str(one.profile.rows)).rjust(9)
            for one in seen
        )
        output.row(f"{text}  {key}", dataset=key, rows=[*rows])


def _show_dataset(output: Output, night: "Night", key: str) -> None:
    seen = night.datasets.get(key)
    if seen is None:
        raise UsageError("source-dataset", f"expected a dataset of the night of {night.day}, found {key!r}")
    profile = seen.profile
    output.row(f"{_rows(profile)} rows, {size_text(seen.size)}  {_about(profile)}", **_fields(key, profile))
    for column in profile.columns:
        mark = {"exact": "", "estimate": "~", "at-least": ">="}[column.certainty]
        newest = f"newest {column.most}" if column.most else ""
        wrong = f"{column.invalid} fail the check of {column.identifier}" if column.invalid else ""
        extra = "; ".join(filter(None, (newest, wrong)))
        output.row(
            f"  {column.name:<28} {column.nulls:>9} blank  {mark + str(column.distinct):>9} distinct  {extra}".rstrip(),
            column=column.name,
            nulls=column.nulls,
            distinct=column.distinct,
            certainty=column.certainty,
            newest=column.most,
            invalid=column.invalid,
        )


def _rows(profile: "Profile") -> str:
    return "?" if profile.rows is None else str(profile.rows)


def _about(profile: "Profile") -> str:
    parts = (profile.format, profile.encoding, f"{len(profile.columns)} columns" if profile.columns else "")
    return ", ".join([*filter(None, parts), *profile.notes])


def _fields(key: str, profile: "Profile") -> "dict[str, JsonValue]":
    return {
        "dataset": key,
        "rows": profile.rows,
        "format": profile.format,
        "encoding": profile.encoding,
        "columns": len(profile.columns),
        "notes": [*profile.notes],
    }
