"""The record of processing activities (UK GDPR Art 30(1)) for the archive, from its charter. Pure."""

from escrow.custody.charter_page import CUSTODIANS, day, groups, policy_words, retention
from escrow.custody.quorum import hash_of
from escrow.paper.page import Block, Facts, Grid, Page, Points, Section, Words
from escrow.record import Charter

_UNSAID = "Not written in the charter yet."


def article_30(charter: Charter) -> Page:
    """One section for each letter of Art 30(1); what the charter does not say is told as missing."""
    lead = (
        f"Record of the processing activity “sealed archive of the school's records”, {charter.school.name}, "
        f"from version {charter.n} of its charter of {day(charter.created)}.",
        f"Charter: {groups(hash_of(charter))}",
    )
    sections = (
        Section("(a) Controller and data protection officer", (_who(charter),)),
        Section("(b) Purposes", _purposes(charter)),
        Section("(c) Whose data, and which", (_categories(charter),)),
        Section("(d) To whom the data are disclosed", (_recipients(charter),)),
        Section(
            "(e) Transfers abroad",
            (Words("The charter names none. Where a processor's place of storage is abroad, write it in its entry."),),
        ),
        Section("(f) Time limits", (_limits(charter),)),
        Section("(g) Security", (_security(charter),)),
    )
    return Page(f"Article 30 record: {charter.school.name}", lead, sections)


def _who(charter: Charter) -> Block:
    found = charter.controller
    rows = [("Controller", found.name if found else _UNSAID)]
    rows += [("ICO registration", found.ico)] if found and found.ico else []
    rows += [(one.role, one.text) for one in charter.contacts or ()]
    return Facts(tuple(rows))


def _purposes(charter: Charter) -> tuple[Block, ...]:
    basis = charter.controller.lawful_basis if charter.controller else None
    texts = tuple(one.text for one in charter.purposes or ())
    return (
        Points(texts) if texts else Words(_UNSAID),
        Words(f"Lawful basis: {basis}" if basis else "Lawful basis: not written in the charter yet."),
    )


def _categories(charter: Charter) -> Block:
    rows = tuple((one.name, one.about or _UNSAID) for one in charter.compartments)
    return Grid("Categories of data subjects and personal data", ("Part", "Whose data, and which"), rows)


def _recipients(charter: Charter) -> Block:
    rows = [(one.name, one.role, one.purpose) for one in charter.processors or ()]
    if charter.custodian:
        kind = CUSTODIANS[charter.custodian.kind]
        rows.append((charter.custodian.name, f"custodian ({kind})", "takes the archive over after a release"))
    rows = rows or [(_UNSAID, "", "")]
    return Grid("Categories of recipients", ("Name", "Role", "For"), tuple(rows))


def _limits(charter: Charter) -> Block:
    rows = tuple((one.id, one.compartment, retention(one.months, one.schedule)) for one in charter.retention or ())
    rows = rows or tuple(
        (one.name, one.name, f"locked for at most {one.nights + one.keep_days} days") for one in charter.compartments
    )
    return Grid("Time limits for erasure", ("Class", "Part", "Kept"), rows)


def _security(charter: Charter) -> Block:
    return Points(
        (
            "Sealed before it leaves the school (age; X25519 and ML-KEM-768): the storage provider cannot read it.",
            "The machine that deposits can write and never read; a store that can lock keeps objects from deletion.",
            *policy_words(charter),
            "Every deposit and every use of a key is signed and leaves a record.",
            "Deposits are checked every night without keys, and opened for proof when a quorum meets.",
        )
    )
