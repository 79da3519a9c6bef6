"""Pure: which objects a hold covers, which series is meant, which objects an end would take."""

from collections.abc import Collection, Iterable

from escrow.errors import UsageError
from escrow.record import ParsedName, manifest_name, pack_name
from escrow.trust import History, Hold

_LEAST = 4


def named_series(history: History, wanted: Iterable[str]) -> tuple[str, ...]:
    """The series that these ids, or beginnings of four digits or more, mean. UsageError `series-unknown`."""
    found = set()
    for text in wanted:
        fitting = [series for series in history.series if series.startswith(text)] if len(text) >= _LEAST else []
        if len(fitting) != 1:
            said = "none" if not fitting else f"{len(fitting)} of them"
            hint = "escrow retention report shows the series and their ids"
            raise UsageError("series-unknown", f"expected the id of one series, found {said} for {text!r}", hint=hint)
        found.update(fitting)
    return tuple(sorted(found))


def held_in(history: History, hold: Hold) -> frozenset[str]:
    """The series that a hold covers, of those that there are."""
    return frozenset(filter(hold.covers, history.series))


def covered(history: History, name: ParsedName, series: Collection[str]) -> bool:
    """Whether an object is a pack or manifest of these series, or a sealing of one of their keys."""
    if name.kind in ("pack", "manifest"):
        return name.series in series
    if name.kind in ("key", "released-key"):
        return any(history.series[one].key == name.key_id for one in series)
    return False


def sealed_objects(history: History, series: Collection[str]) -> dict[str, int]:
    """Packs and manifests of these series on all branches, by name, with their bytes."""
    found: dict[str, int] = {}
    for link in history.links:
        for part in link.notice.series:
            if part.series in series:
                found.update({pack_name(part.series, one.sha256): one.size for one in part.packs})
                if part.manifest:
                    name = manifest_name(part.series, link.notice.seq, part.manifest.sha256)
                    found[name] = part.manifest.size
    return found
