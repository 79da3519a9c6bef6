"""A charter with a vendor, its host and a store, and the case of the vendor's exit."""

from dataclasses import replace
from datetime import date

from escrow import record as r
from escrow.vendor.case import Case, begin
from escrow.vendor.plan import parse_rules, rules_text
from tests.custody.closing import drafted
from tests.engine.kit import T0

RULES = parse_rules(rules_text())
TODAY = date(2026, 11, 24)
EXPORT = "a full copy, at no charge"
CHARTER = replace(
    drafted()[0].charter,
    processors=(
        r.Processor(
            name="Acme MIS",
            role="processor",
            purpose="the MIS",
            contract_end=T0.replace(year=2026, month=12, day=31),
            export=EXPORT,
        ),
        r.Processor(name="Acme Hosting", role="sub-processor", purpose="hosting"),
        r.Processor(name="Store Ltd", role="processor", purpose="keeps the vault"),
    ),
)


def case(reason: str = "vendor-notice", began: date = date(2026, 11, 20), name: str = "Acme MIS") -> Case:
    return begin(CHARTER, "ab" * 16, name, reason=reason, reasons=RULES.reasons, began=began, today=TODAY)
