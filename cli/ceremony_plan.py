"""From the options of `escrow keys ceremony` to the vault's plan: a bare charter, or the whole text that was agreed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import UsageError

from .charter_files import card_loader, read_text
from .keys import DEFAULT_COMPARTMENTS, parse_compartment, read_card

if TYPE_CHECKING:
    from escrow.custody import Plan
    from escrow.custody.quorum import Whole
    from escrow.record import Charter, School

_CAP_DAYS = 2000


def plan_of(
    school: "School", agents: Sequence[Path], compartments: Sequence[str] | None, cap_days: int | None
) -> "Plan":
    """The plan that options say. UsageError `compartment`, `card`."""
    from escrow.custody import Plan

    parts = [parse_compartment(text) for text in compartments or DEFAULT_COMPARTMENTS]
    return Plan(
        school=school,
        role="",
        agents=[read_card(path) for path in agents],
        compartments=parts,
        strictest=parts[-1].name,
        cap_days=cap_days or _CAP_DAYS,
    )


def whole_of(file: Path | None, options: Mapping[str, object], agents: Sequence[Path]) -> "Whole | None":
    """What makes the charter that the text in `file` says; None without one.

    UsageError `charter-both` where one of `options` says a part too, `ceremony-school`, `ceremony-agent` where nobody
    says who the school and the nightly machine are.
    """
    if file is None:
        if options["--school"] is None:
            raise UsageError("ceremony-school", "expected --school or --charter, found neither", hint="name the school")
        _check_agents(len(agents))
        return None
    both = next((name for name, value in options.items() if value is not None), None)
    if both:
        raise UsageError("charter-both", f"expected --charter or {both}, found both", hint=f"leave {both} out")
    text, load = read_text(file), card_loader(file.parent)

    def whole(bare: "Charter") -> "Charter":
        from escrow.custody.charter_toml import amend

        agreed = amend(text, bare, load)
        if agents and agreed.agents != bare.agents:
            hint = "leave --agent out, or remove [[agents]] from the text"
            raise UsageError(
                "charter-both", "expected nightly machines from --agent or the text, found both", hint=hint
            )
        _check_agents(len(agreed.agents))
        return agreed

    return whole


def _check_agents(count: int) -> None:
    if not count:
        hint = "make it with escrow agent card on the nightly machine"
        raise UsageError("ceremony-agent", "expected the card of a nightly machine, found none", hint=hint)
