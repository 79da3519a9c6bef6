"""What happened, in one order: the case's entries, the vault's signed events and its nights. Pure."""

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta

from escrow.trust import EventLink, History, Snapshot
from escrow.vendor.case import Case
from escrow.vendor.families import plain_cell

_NIGHTS_BEFORE = 14
"""Days before the case began from which single nights are told."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One line: its day, what, and where it is told: `case`, `event 12`, `notice 312`; `sha256` proves it."""

    on: date
    what: str
    source: str
    sha256: str = ""


def good_nights(history: History) -> list[Snapshot]:
    """Nights on the main branch that nobody complained of."""
    return [one for one in history.snapshots if one.on_main and one.link.notice.verdict.status == "pass"]


def chronology(case: Case, history: History) -> list[Happened]:
    """Everything since the charter, nights singly from two weeks before the case began."""
    found = [
        Happened(date.fromisoformat(one.on), _entry(one.text, one.about, one.file), "case", one.sha256 or "")
        for one in case.entries
    ]
    if history.charter:
        found.append(
            Happened(
                history.charter.created.date(),
                f"version {history.charter.n} of the charter agreed",
                f"charter {history.charter.n}",
                history.charter_sha256,
            )
        )
    found += [
        Happened(link.event.created.date(), _event(link), f"event {link.event.n}", link.sha256)
        for link in history.events
        if not link.refused
    ]
    nights = [one for one in history.snapshots if one.on_main]
    since = date.fromisoformat(case.began) - timedelta(days=_NIGHTS_BEFORE)
    for at, night in enumerate(nights):
        on = night.store_time.date()
        if at == 0 or on >= since:
            verdict = night.link.notice.verdict
            seen = "no complaint" if verdict.status == "pass" else f"complaints: {', '.join(verdict.codes)}"
            words = "first night deposited" if at == 0 else "night deposited"
            found.append(Happened(on, f"{words}; {seen}", f"notice {night.seq}", night.sha256))
    order = {"charter": 0, "case": 1, "event": 2, "notice": 3}
    return sorted(found, key=lambda one: (one.on, order[one.source.partition(" ")[0]]))


def _event(link: EventLink) -> str:
    one = link.event
    about = one.purpose or one.about or one.trigger or one.why
    return f"{one.kind.replace('-', ' ')}{f' ({about})' if about else ''}, by {', '.join(one.by)}"


def _entry(text: str, about: str | None, file: str | None) -> str:
    return f"{text}{f' ({about})' if about else ''}{f'; file {file}' if file else ''}"


def chronology_csv(happened: list[Happened]) -> bytes:
    """For a spreadsheet; no cell a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("date", "what", "record", "sha256"))
    writer.writerows((one.on.isoformat(), plain_cell(one.what), one.source, one.sha256) for one in happened)
    return b"\xef\xbb\xbf" + text.getvalue().encode()
