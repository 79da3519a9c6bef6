"""From the configuration to what profiles and judges a night, and its findings in words."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import UsageError

from .config import Config
from .output import Output

if TYPE_CHECKING:
    from escrow.completeness import Expectation, Finding
    from escrow.engine.profiling import Watch

NAME = "expectations.toml"


def expectations_file(config: Config) -> Path:
    """Where what is expected stands: beside the configuration."""
    return config.file.with_name(NAME)


def load_expectation(config: Config) -> "Expectation | None":
    """What is expected; None where nothing was learned yet. UsageError `expectation`."""
    from escrow.completeness.expectation_toml import parse

    file = expectations_file(config)
    try:
        return parse(file.read_bytes().decode("utf-8-sig"), str(file))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        hint = "check its rights, and that it is saved as UTF-8"
        raise UsageError("expectation", f"{file}: cannot be read ({error})", hint=hint) from error


def watch_of(config: Config) -> "Watch":
    """What profiles and judges a night. An expectation that cannot be understood stops none: it is told."""
    from escrow.completeness.reader import FileReader
    from escrow.engine.profile_memory import remembered_nights
    from escrow.engine.profiling import Watch

    nights = remembered_nights(config.state)
    try:
        return Watch(FileReader, load_expectation(config), nights)
    except UsageError as error:
        return Watch(FileReader, None, nights, trouble=str(error))


def show_findings(output: Output, findings: "Iterable[Finding]") -> None:
    """Each finding and what to do, to stdout; `dataset` is said where it is known."""
    for one in findings:
        where = " ".join(filter(None, (one.alias, f"({one.dataset})" if one.dataset else "")))
        output.row(
            f"{one.severity}: {one.code}: {where or 'a file: run escrow source check'}: {one.detail}: {one.advice}",
            code=one.code,
            severity=one.severity,
            alias=one.alias,
            dataset=one.dataset,
            detail=one.detail,
            advice=one.advice,
        )
