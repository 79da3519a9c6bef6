"""The chain of charters: which one follows which, and by whose signatures (docs/format.md, section 4.1)."""

from typing import Literal

from escrow.errors import FormatError
from escrow.record import Charter
from escrow.seal import parse_recipient
from escrow.trust.findings import Findings, Severity
from escrow.trust.intake import Candidate, Intake, foreign
from escrow.trust.quorum import lacking, rule_of, voices


def accept_charters(
    intake: Intake, vault: str | None, fingerprint: str | None, findings: Findings
) -> tuple[Candidate[Charter], ...]:
    """The chain from charter 1, pinned by `vault` and `fingerprint` where they are known; tells of all others."""
    accepted: list[Candidate[Charter]] = []
    by_number: dict[int, dict[str, Candidate[Charter]]] = {}
    for found in intake.charters:
        by_number.setdefault(found.record.n, {})
        if found.record.n == 1 and fingerprint not in (None, found.sha256):
            detail = f"expected the fingerprint {fingerprint}, found {found.sha256}"
            findings.add("charter-fingerprint", found.name, detail)
        elif vault is None or not foreign(found, vault, findings):
            by_number[found.record.n].setdefault(found.name, found)
    for n in sorted(by_number):
        before = accepted[-1] if accepted else None
        if n != len(accepted) + 1:
            for name in by_number[n]:
                findings.add("charter-chain", name, f"expected charter {len(accepted) + 1} first, found none valid")
            continue
        valid: dict[str, Candidate[Charter]] = {}
        full: dict[str, Candidate[Charter]] = {}
        for found in by_number[n].values():
            rule = _rule(intake, found, before, findings)
            if rule:
                valid.setdefault(found.sha256, found)
            if rule == "full":
                full.setdefault(found.sha256, found)
        if len(valid) > 1:
            full |= {sha256: found for sha256, found in valid.items() if _endorsed(intake, found, by_number)}
        chosen = full or valid
        if len(valid) > 1:
            names = ", ".join(found.name for found in valid.values())
            severity: Severity = "error" if len(chosen) > 1 else "warning"
            findings.add("charter-fork", f"charter/{n:08d}", f"expected one charter {n}, found {names}", severity)
        if len(chosen) == 1:
            accepted += chosen.values()
    return tuple(accepted)


def _endorsed(intake: Intake, found: Candidate[Charter], by_number: dict[int, dict[str, Candidate[Charter]]]) -> bool:
    """Whether enough people signed a later version that rests on this one."""
    for later in by_number.get(found.record.n + 1, {}).values():
        if _form(later, found) is None:
            signers = intake.signers(later, voices(found.record) | voices(later.record))
            rule = rule_of(found.record, later.record, signers)
            if rule == "full" or (rule == "minor" and _endorsed(intake, later, by_number)):
                return True
    return False


def _rule(
    intake: Intake, found: Candidate[Charter], before: Candidate[Charter] | None, findings: Findings
) -> Literal["full", "minor"] | None:
    """By which rule a charter follows the one before; None, with a finding, when it does not."""
    charter, old = found.record, before.record if before else None
    problem = _form(found, before)
    if problem:
        findings.add(problem[0], found.name, problem[1])
        return None
    signers = intake.signers(found, voices(charter) | (voices(old) if old else frozenset()))
    rule = rule_of(old, charter, signers)
    missing = lacking(old, charter, signers)
    if signers and rule is None and missing:
        findings.add(missing[0], found.name, missing[1])
    return rule


def _form(found: Candidate[Charter], before: Candidate[Charter] | None) -> tuple[str, str] | None:
    """Code and sentence of what is amiss with a charter, whoever signed it."""
    charter = found.record
    try:
        for recipient in (*charter.recipients, *([charter.custodian.recipient] if charter.custodian else [])):
            parse_recipient(recipient)
    except FormatError as error:
        return "field-type", f"charter.recipients: {error}"
    if before is None:
        return None
    if charter.vault != before.record.vault:
        return "vault-mismatch", f"expected a record of vault {before.record.vault}, found one of {charter.vault}"
    if charter.prev != before.sha256:
        return "charter-chain", f"expected prev {before.sha256}, found {charter.prev}"
    dropped = {agent.key for agent in before.record.agents} - {agent.key for agent in charter.agents}
    if dropped:
        detail = "expected every agent of the charter before, revoked where need be; found one dropped"
        return "charter-chain", detail
    return None
