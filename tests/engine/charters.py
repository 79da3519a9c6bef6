"""What tests of series and of charters share: why series began, and another charter."""

from dataclasses import replace
from datetime import timedelta

from escrow import record as r
from escrow.custody import signing_key
from escrow.engine.night import NightReport
from escrow.seal import Secret
from escrow.trust import sign_record
from tests.engine.kit import School

DAY = timedelta(days=1)


def why(report: NightReport) -> set[str | None]:
    return {one.new_series for one in report.compartments.values()}


def charter_2(place: School, **change: object) -> r.Charter:
    """Sign and put a charter that follows the one in force."""
    history = place.history()
    assert history.charter is not None
    charter = replace(
        history.charter,
        n=history.charter.n + 1,
        prev=history.charter_sha256,
        **change,  # type: ignore[arg-type]
    )
    holder = signing_key(Secret(place.vault.key_file.secret), place.vault.vault)
    envelope = sign_record(charter, [holder])
    place.store.put(r.charter_name(charter.n, envelope), envelope, retain_until=place.clock.at + 900 * DAY)
    return charter
