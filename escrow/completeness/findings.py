"""What may be wrong with a dataset, how bad that is, and what the network manager should do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`dataset`: its key; `alias`: as the confirmed expectation calls it, else "". `detail`: numbers and columns."""

    code: str
    severity: Severity
    dataset: str
    alias: str
    detail: str

    @property
    def advice(self) -> str:
        """What to do."""
        return ADVICE[self.code]

    @property
    def public(self) -> str:
        """The code for the signed notice: no names of files or columns."""
        return f"{self.code}_{self.alias}" if self.alias else self.code


_RUN_AGAIN = "run the export again by hand and look at what it says"
ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "column-empty": "a permission or a scope may have been withdrawn: ask the MIS vendor which; compare with the "
        "same report on the screen",
        "column-missing": "the report was changed, or a permission withdrawn: put the column back, or take it out of "
        "expectations.toml",
        "counts-differ": "the export stopped part-way, or filters rows: " + _RUN_AGAIN,
        "dataset-missing": "the export did not run, or writes to another folder: look at its scheduled task",
        "encoding-differs": "the export's settings changed, or a program in between saved it anew: set the encoding "
        "back, or correct expectations.toml",
        "expectation": "run escrow source check, which says what cannot be understood in expectations.toml",
        "form-changed": "the file is no longer formed as it was: open it, look at the first rows, and " + _RUN_AGAIN,
        "identical": "this is yesterday's file: the export did not run, or answers are cached: look at its task",
        "ids-gone": "rows cannot be told apart any more: in SIMS give the account the Third Party Reporter permission, "
        "elsewhere ask which right the account has lost",
        "ids-invalid": "many identifiers fail their check: compare some with the MIS; temporary ones are no fault",
        "key-in-url": "a credential stands in the data: have the vendor change it, and export without it",
        "newest-old": "the export runs, but on old data: look at the connection between the export and the MIS",
        "not-judged": "a fault of escrow, please report it: what the night holds is deposited, and was not looked at",
        "password-column": "passwords stand in clear text: export without that column, and have them changed",
        "rows-fell": "rows are missing: look for a filter, a half-finished export or a real deletion; if it is right, "
        "confirm with escrow source learn",
        "rows-multiplied": "rows repeat for the same person: the report joins two lists (a cross product): split it",
        "stopped-growing": "the file changes but gains no rows: look whether today's entries are in the MIS, and "
        + _RUN_AGAIN,
        "unreadable": "the file is damaged, cut off or of another format: " + _RUN_AGAIN,
    }
)
"""By code, what to do."""

SPOILS = frozenset(
    {
        "column-empty",
        "column-missing",
        "counts-differ",
        "dataset-missing",
        "ids-gone",
        "rows-fell",
        "rows-multiplied",
        "unreadable",
    }
)
"""Codes of datasets that later nights are not to be held against."""


def status_of(findings: "tuple[Finding, ...]") -> Literal["pass", "warn", "fail"]:
    """The worst of some findings."""
    if not findings:
        return "pass"
    return "fail" if any(finding.severity == "fail" for finding in findings) else "warn"


def public_codes(findings: "tuple[Finding, ...]") -> list[str]:
    """What the notice says: codes with aliases, sorted; at most 100 of them, the rest without."""
    named = sorted({finding.public for finding in findings})
    if len(named) <= 100:
        return named
    return sorted({finding.code for finding in findings})
