"""A charter as a page that a head, a governor or a parent can read. Pure."""

from datetime import date

from escrow.custody.quorum import hash_of
from escrow.paper.page import Block, Facts, Grid, Page, Points, Section, Words
from escrow.record import Charter, Holder, key_id_of
from escrow.seal import VerifyKey
from escrow.trust.handover import PURPOSES

SCHOOL_TYPES = {
    "community": "community school",
    "academy": "academy in a trust",
    "church": "church school",
    "other": "other",
}
CUSTODIANS = {"la": "local authority", "trust": "academy trust", "diocese": "diocese", "other": "other"}
TRIGGERS = {
    "closure-order": "The school is ordered to close, or its closure is decided.",
    "vendor-notice": "A supplier gives notice that it ends its service.",
    "vendor-insolvency": "A supplier is insolvent.",
    "school-instruction": "The school instructs it.",
    "trust-transfer": "The school moves to another trust.",
    "holders-statement": "At least two holders state in writing why, where no letter exists.",
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_UNSAID = "Nothing is written about this yet."


def charter_page(charter: Charter, fingerprint: str, signed_by: tuple[str, ...] = ()) -> Page:
    """The whole charter; `fingerprint` is the vault's, `signed_by` roles and names."""
    school = charter.school.name
    lead = (
        f"This is version {charter.n} of the agreement about the sealed archive of {school}, "
        f"made on {day(charter.created)}. It says who may open the archive, for what, and who takes it over.",
        "What is not written here does not happen.",
    )
    sections = (
        Section("The school", (_school(charter), *_controller(charter))),
        Section("Who holds keys", _holders(charter)),
        Section("The custodian", _custodian(charter)),
        Section("What keys may be used for", (_purposes(charter),)),
        Section("What nobody may do with the data", (_points(charter.forbidden),)),
        Section("Who else handles the data", (_processors(charter),)),
        Section("What is kept, and how long", _kept(charter)),
        Section("When the archive is handed over", _triggers(charter)),
        Section("Machines that deposit every night", (_agents(charter),)),
        Section("Whom to ask", (_contacts(charter), *_review(charter))),
        Section("Fingerprints", _prints(charter, fingerprint, signed_by)),
    )
    return Page(f"Charter of {school}", lead, sections)


def day(when: date) -> str:
    """A date for people: 1 September 2027."""
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def _points(items: tuple[str, ...] | None) -> Block:
    return Points(items) if items else Words(_UNSAID)


def _school(charter: Charter) -> Facts:
    school = charter.school
    rows = [("Name", school.name)]
    if school.type:
        rows.append(("Type", SCHOOL_TYPES[school.type]))
    if school.urn:
        rows.append(("URN", school.urn))
    if school.laestab:
        rows.append(("LAESTAB", f"{school.laestab[:3]}/{school.laestab[3:]}"))
    return Facts(tuple(rows))


def _controller(charter: Charter) -> tuple[Block, ...]:
    found = charter.controller
    if found is None:
        return (Words("The controller, who answers for the data, is not written here yet."),)
    rows = [("Controller", found.name)]
    rows += [("ICO registration", found.ico)] if found.ico else []
    rows += [("Lawful basis", found.lawful_basis)] if found.lawful_basis else []
    return (Words("The controller answers for the data."), Facts(tuple(rows)))


def policy_words(charter: Charter) -> tuple[str, ...]:
    """Who must come together to open, in sentences."""
    custody = charter.custody
    if custody is None:
        who = charter.holders[0].role
        return (f"One key file opens the archive. The {who} has it. A key ceremony would give it to several people.",)
    names = {group.name: f"{group.needed} of the {group.members} holders of {group.name}" for group in custody.groups}
    for group in custody.groups:
        if group.members == 1:
            names[group.name] = f"the one holder of {group.name}"
    if len(custody.groups) == 1:
        return (f"To open the archive {names[custody.groups[0].name]} must come together. Nobody can open it alone.",)
    return (
        f"The holders form {len(custody.groups)} groups. To open the archive {custody.groups_needed} of the groups "
        "must come together. Nobody can open it alone.",
        *(f"For the group {name}: {text}." for name, text in names.items()),
    )


def _holders(charter: Charter) -> tuple[Block, ...]:
    first, *rest = policy_words(charter)
    grouped = charter.custody is not None
    head = ("Role", "Group", "Belongs to") if grouped else ("Role",)
    rows = tuple((one.role, one.group or "", _party(one)) if grouped else (one.role,) for one in charter.holders)
    return (
        Words(first),
        *([Points(tuple(rest))] if rest else []),
        Words(
            f"A new version of this charter needs the signatures of {_signatures(charter)}, and of the custodian where "
            "one is named. One holder alone may change contacts and suppliers."
        ),
        Grid("Holders of keys", head, rows),
    )


def _signatures(charter: Charter) -> str:
    if len(charter.holders) == 1:
        return "its one holder"
    return f"at least {charter.threshold} of its {len(charter.holders)} holders"


def _party(holder: Holder) -> str:
    return {"custodian": "the custodian", "other": "somebody else"}.get(holder.party or "", "the school")


def _custodian(charter: Charter) -> tuple[Block, ...]:
    found = charter.custodian
    if found is None:
        return (Words("No custodian has joined yet. Until one does, nobody takes over when the school closes."),)
    return (
        Words(
            f"{found.name} ({CUSTODIANS[found.kind]}) takes the archive over when it is handed over. It cannot open "
            "the archive alone, and it signs every version of this charter."
        ),
    )


def _purposes(charter: Charter) -> Block:
    if charter.purposes is None:
        usual = ", ".join(sorted(PURPOSES))
        return Words(f"Nothing is written about this yet; until then only these are accepted: {usual}.")
    return Grid("Purposes", ("Purpose", "What it means"), tuple((one.id, one.text) for one in charter.purposes))


def _processors(charter: Charter) -> Block:
    if charter.processors is None:
        return Words(_UNSAID)
    rows = tuple(
        (
            one.name,
            one.role,
            one.purpose,
            day(one.contract_end) if one.contract_end else "not written",
            one.export or "not written",
            one.deletion or "not written",
        )
        for one in charter.processors
    )
    head = ("Name", "Role", "For", "Contract ends", "Owed: a copy", "Owed: deletion")
    return Grid("Processors and sub-processors", head, rows)


def _kept(charter: Charter) -> tuple[Block, ...]:
    rows = tuple(
        (one.name, one.about or "not written", f"{one.nights + one.keep_days} days") for one in charter.compartments
    )
    blocks: list[Block] = [
        Words(
            "The archive has parts with keys of their own. In a store that can lock, nobody can delete what is "
            f"deposited before its day, and no lock is longer than {charter.cap_days} days. "
            f"What no rule puts elsewhere goes to {charter.strictest}."
        ),
        Grid("Parts of the archive", ("Part", "Whose data, and which", "Locked for at most"), rows),
    ]
    if charter.retention:
        kept = tuple((one.id, one.compartment, retention(one.months, one.schedule)) for one in charter.retention)
        blocks.append(Grid("How long classes of data are kept", ("Class", "Part", "Kept"), kept))
    return tuple(blocks)


def retention(months: int | None, schedule: str | None) -> str:
    """How long a class is kept, in words."""
    return f"{months} months, rolling" if months else schedule or ""


def _triggers(charter: Charter) -> tuple[Block, ...]:
    if charter.triggers is None:
        return (Words(_UNSAID),)
    words = tuple(
        f"No night has arrived for {one.days} days." if one.days else TRIGGERS[one.kind] for one in charter.triggers
    )
    blocks: list[Block] = [Words("Only one of these can begin a handover:"), Points(words)]
    days = charter.cooling_off_days
    if days is not None:
        blocks.append(Words(f"Between the notice and the release of keys {days} days must pass."))
    if charter.cooling_off_except:
        kinds = ", ".join(kind.replace("-", " ") for kind in charter.cooling_off_except)
        blocks.append(Words(f"Where waiting would do harm, nobody waits after: {kinds}. The release then says why."))
    return tuple(blocks)


def _agents(charter: Charter) -> Block:
    if not charter.agents:
        return Words("None is named yet.")
    rows = tuple(
        (
            one.name,
            VerifyKey.parse(one.key).id,
            "in use" if one.revoked_after is None else f"revoked after night {one.revoked_after}",
        )
        for one in charter.agents
    )
    return Grid("Nightly machines", ("Name", "Key", "State"), rows)


def _contacts(charter: Charter) -> Block:
    return Facts(tuple((one.role, one.text) for one in charter.contacts)) if charter.contacts else Words(_UNSAID)


def _review(charter: Charter) -> tuple[Block, ...]:
    if charter.review is None:
        return (Words("No date is set on which this charter is looked at again."),)
    until = f"This charter is looked at again by {day(charter.review)}."
    return (Words(f"{until} Deposits go on after that day, and say that it is past."),)


def _prints(charter: Charter, fingerprint: str, signed_by: tuple[str, ...]) -> tuple[Block, ...]:
    rows = [("This version", groups(hash_of(charter))), ("The vault", groups(fingerprint))]
    rows += [("The version before", groups(charter.prev))] if charter.prev else []
    rows += [("The rescue kit", groups(charter.rescue))] if charter.rescue else []
    rows += [("Series keys are sealed to", ", ".join(key_id_of(one) for one in charter.recipients))]
    rows += [("Signed by", ", ".join(signed_by))] if signed_by else []
    return (Words("Compare these with what the holders' sheets and the custodian's copy say."), Facts(tuple(rows)))


def groups(digits: str) -> str:
    """A hash in groups of eight, to read aloud."""
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))
