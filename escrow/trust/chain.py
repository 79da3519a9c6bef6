"""The chain of notices: links, gaps, forks, and the packs that each notice can see (section 9, step 5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from escrow.record import Notice, NoticeSeries, ObjectRef
from escrow.trust.findings import Findings
from escrow.trust.intake import Candidate


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A notice in its place. `before` is the notice that it follows; `cited` is False when that is a guess:

    the notice that `prev` cites is not there, so the highest one below stands in for it.
    """

    notice: Notice
    sha256: str
    name: str
    before: "Link | None"
    cited: bool

    def back(self) -> Iterator["Link"]:
        """This notice and those before it on its branch, newest first."""
        link: Link | None = self
        while link is not None:
            yield link
            link = link.before

    def part(self, series: str) -> NoticeSeries | None:
        """What this notice says of one series."""
        return next((part for part in self.notice.series if part.series == series), None)

    def packs(self, series: str) -> "Packs":
        """The packs of a series, up to this notice on its branch."""
        parts: list[NoticeSeries] = []
        for link in self.back():
            part = link.part(series)
            if part is not None:
                parts.append(part)
                if part.first_pack == 0 and part.packs:
                    break
        packs = Packs()
        for part in reversed(parts):
            packs.lay(part)
        return packs


@dataclass(slots=True)
class Packs:
    """A series' packs by ordinal; None where a gap hides one. A gap takes no memory, however long it is said to be."""

    _known: dict[int, ObjectRef] = field(default_factory=dict)
    _count: int = 0

    def lay(self, part: NoticeSeries) -> None:
        """Add one night's packs at their ordinals."""
        if part.first_pack < self._count:
            self._known = {ordinal: ref for ordinal, ref in self._known.items() if ordinal < part.first_pack}
        self._known.update(enumerate(part.packs, part.first_pack))
        self._count = part.first_pack + len(part.packs)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, ordinal: int) -> ObjectRef | None:
        if not 0 <= ordinal < self._count:
            raise IndexError(ordinal)
        return self._known.get(ordinal)


def link_notices(found: Iterable[Candidate[Notice]], findings: Findings) -> tuple[Link, ...]:
    """Every notice in its place, by number, then payload hash. Tells of gaps, wrong predecessors and forks."""
    links: dict[str, Link] = {}
    by_number: list[list[Link]] = []
    for candidate in sorted(found, key=lambda found: (found.record.seq, found.sha256)):
        notice = candidate.record
        if candidate.sha256 in links:
            continue
        rivals = by_number.pop() if by_number and _number(by_number[-1]) == notice.seq else []
        below = by_number[-1] if by_number else []
        adjacent = below if below and _number(below) == notice.seq - 1 else []
        before = next((link for link in adjacent if link.sha256 == notice.prev), None)
        cited = before is not None or notice.seq == 1
        before = before or (below[0] if below else None)
        link = Link(notice, candidate.sha256, candidate.name, before, cited)
        if not cited:
            _tell_break(link, findings)
        links[candidate.sha256] = link
        by_number.append([*rivals, link])
    for rivals in by_number:
        if len(rivals) > 1:
            names = ", ".join(link.name for link in rivals)
            subject = f"notices/{rivals[0].notice.seq:08d}"
            findings.add("notice-fork", subject, f"expected one notice of this number, found {names}")
    _check_ordinals(links.values(), findings)
    return tuple(links.values())


def _number(rivals: list[Link]) -> int:
    return rivals[0].notice.seq


def main_branch(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """The longest continuation: one that cites its predecessor before one that does not, then by lowest hash."""
    heights: dict[str, int] = {}
    after: dict[str, list[Link]] = {}
    for link in reversed(links):
        before = link.before.sha256 if link.before else ""
        heights[link.sha256] = heights.get(link.sha256, 0) + 1
        heights[before] = max(heights.get(before, 0), heights[link.sha256])
        after.setdefault(before, []).append(link)
    branch: list[Link] = []
    at = ""
    while at in after:
        branch.append(min(after[at], key=lambda link: (not link.cited, -heights[link.sha256], link.sha256)))
        at = branch[-1].sha256
    return tuple(branch)


def _tell_break(link: Link, findings: Findings) -> None:
    seq, before = link.notice.seq, link.before
    reached = before.notice.seq if before else 0
    if before is not None and reached == seq - 1:
        detail = f"expected prev {before.sha256}, the notice before, found {link.notice.prev}"
        findings.add("notice-prev", link.name, detail)
    else:
        detail = f"expected notices {reached + 1} to {seq - 1} before notice {seq}, found none"
        findings.add("notice-gap", f"notices/{reached + 1:08d}", detail)


def _check_ordinals(links: Iterable[Link], findings: Findings) -> None:
    """`pack-ordinal`; nothing is known of a series' packs before a break in the chain."""
    counts: dict[str, dict[str, int]] = {}
    broken: set[str] = set()
    for link in links:
        before = link.before.sha256 if link.before else ""
        count = dict(counts.get(before, {})) if link.cited else {}
        if not link.cited or before in broken:
            broken.add(link.sha256)
        for part in link.notice.series:
            unknown = part.first_pack if link.sha256 in broken else 0
            wanted = count.get(part.series, unknown)
            if part.first_pack != wanted:
                detail = f"series {part.series}: expected first_pack {wanted}, found {part.first_pack}"
                findings.add("pack-ordinal", link.name, detail)
            count[part.series] = part.first_pack + len(part.packs)
        counts[link.sha256] = count
