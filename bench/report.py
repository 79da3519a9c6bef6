"""What was measured, judged against the targets, as a Markdown table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.measure import Run, medians

OPERATIONS = ("first night", "later night", "whole restore", "one file")
MB = 1e6


@dataclass
class Results:
    """All samples of one run of the bench: `runs` and `added` (bytes) by tool and operation."""

    mb: int
    nights: int
    repeats: int
    quick: bool
    machine: dict[str, str]
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    added: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def add(self, peer: str, operation: str, run: Run, added: int | None) -> None:
        """Keep one sample; `added` is None for operations that deposit nothing."""
        self.runs.setdefault(peer, {}).setdefault(operation, []).append(run)
        if added is not None:
            self.added.setdefault(peer, {}).setdefault(operation, []).append(added)

    def value(self, peer: str, operation: str, quantity: str) -> float | None:
        """Median MB ("bytes"), seconds ("wall", "cpu") or largest MiB ("memory"); None where not measured."""
        if quantity == "bytes":
            sizes = self.added.get(peer, {}).get(operation)
            return median(sizes) / MB if sizes else None
        runs = self.runs.get(peer, {}).get(operation)
        if not runs:
            return None
        run = medians(runs)
        return {"wall": run.wall, "cpu": run.cpu, "memory": run.rss_mib}[quantity]

    def peak(self, peer: str) -> float | None:
        """MiB of the largest process in any operation."""
        found = [run.rss_mib for runs in self.runs.get(peer, {}).values() for run in runs]
        return max(found) if found else None


@dataclass(frozen=True)
class Target:
    """escrow's `quantity` in an operation, as a ratio to `against`, or in MiB when `against` is empty."""

    what: str
    operation: str
    quantity: str
    against: str
    at_most: float
    stretch: float | None


TARGETS = (
    Target("bytes added per later night", "later night", "bytes", "restic", 0.12, 0.08),
    Target("bytes added per later night", "later night", "bytes", "borg-small", 0.4, None),
    Target("wall per later night", "later night", "wall", "restic", 0.5, 0.35),
    Target("CPU per later night", "later night", "cpu", "restic", 0.4, 0.3),
    Target("first night, wall", "first night", "wall", "restic", 1.0, 0.7),
    Target("whole restore, wall", "whole restore", "wall", "restic", 1.0, 0.7),
    Target("peak memory, any of these", "", "memory", "", 200, 150),
)
QUICK_TARGETS = (
    Target("bytes added per later night", "later night", "bytes", "restic", 0.6, None),
    Target("peak memory, any of these", "", "memory", "", 200, 150),
)
"""At 40 MB a night adds so little that escrow's smallest pack, and every tool's start, would be what is measured."""


@dataclass(frozen=True)
class Verdict:
    """A target and what was found (a ratio, or MiB); None when a tool it needs was not measured."""

    target: Target
    found: float | None

    @property
    def held(self) -> bool:
        """True when it was measured and is at most the target."""
        return self.found is not None and self.found <= self.target.at_most

    @property
    def words(self) -> str:
        """pass, stretch, FAIL or not measured."""
        if self.found is None:
            return "not measured"
        if not self.held:
            return "FAIL"
        return "stretch" if self.target.stretch is not None and self.found <= self.target.stretch else "pass"


def judge(results: Results) -> list[Verdict]:
    """Every target of this size of run, with what was found."""
    verdicts = []
    for target in QUICK_TARGETS if results.quick else TARGETS:
        if not target.against:
            verdicts.append(Verdict(target, results.peak("escrow")))
            continue
        ours = results.value("escrow", target.operation, target.quantity)
        theirs = results.value(target.against, target.operation, target.quantity)
        verdicts.append(Verdict(target, ours / theirs if ours is not None and theirs else None))
    return verdicts


def table(results: Results) -> str:
    """The measurements, the verdicts, the machine and the versions, as Markdown."""
    peers = list(results.runs)
    lines = [
        f"A school's export of about {results.mb} MB, {results.nights} later nights.",
        "",
        *_table(["", "", *peers, *(f"{p} / restic" for p in peers if p != "restic")], _rows(results, peers)),
        "",
        *_table(["target for escrow", "against", "at most", "stretch", "found", ""], _verdict_rows(results)),
        "",
        f"Medians over fresh processes: {results.repeats} of the first night and of each restore, one of each later"
        " night; memory is the largest single process of any run. Warm page cache (the source is read before each"
        " night); tools take turns in rotating order. Bytes are the growth of the repository (for borg, of its data"
        " segments). Every restore was compared with the source by SHA-256, the first night's too.",
        "",
        *(f"- {key}: {words}" for key, words in results.machine.items()),
        *(f"- {name}: {words}" for name, words in results.versions.items()),
        *(f"- {name}, not measured: {reason}" for name, reason in results.skipped.items()),
    ]
    return "\n".join(lines) + "\n"


def _rows(results: Results, peers: Sequence[str]) -> list[list[str]]:
    rows = []
    for operation in OPERATIONS:
        for quantity, unit in (("bytes", "MB added"), ("wall", "s wall"), ("cpu", "s CPU"), ("memory", "MiB peak")):
            values = {p: results.value(p, operation, quantity) for p in peers}
            if all(v is None for v in values.values()):
                continue
            base = values.get("restic")
            ratios = [v / base if v is not None and base else None for p, v in values.items() if p != "restic"]
            rows.append([operation, unit, *map(_number, values.values()), *map(_number, ratios)])
    return rows


def _verdict_rows(results: Results) -> list[list[str]]:
    rows = []
    for verdict in judge(results):
        target, unit = verdict.target, " x" if verdict.target.against else " MiB"
        numbers = (target.at_most, target.stretch, verdict.found)
        shown = ["-" if n is None else _number(n) + unit for n in numbers]
        rows.append([target.what, target.against or "-", *shown, verdict.words])
    return rows


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
