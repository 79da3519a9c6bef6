"""Who may say what: the chain of charters, the stocks of keys, the series (docs/format.md, sections 4.1 to 4.3)."""

from dataclasses import dataclass

from escrow.errors import FormatError, IntegrityError
from escrow.record import Agent, Charter, Series, StockKey, key_id_of, parse_series_key
from escrow.seal import HybridIdentity, VerifyKey, parse_identities
from escrow.trust.charters import accept_charters
from escrow.trust.findings import Findings
from escrow.trust.intake import Candidate, Intake, foreign
from escrow.trust.stocks import accept_stocks


@dataclass(frozen=True, slots=True)
class Authority:
    """The accepted charters in order, the keys of all stocks by id as sealed last, all sealings, the series records."""

    charters: tuple[Candidate[Charter], ...]
    keys: dict[str, StockKey]
    sealings: tuple[StockKey, ...]
    series: dict[str, tuple[Candidate[Series], ...]]
    agents: dict[str, tuple[VerifyKey, Agent]]


def accept_authority(
    intake: Intake, vault: str | None, fingerprint: str | None, findings: Findings
) -> Authority | None:
    """Steps 1 to 3 of section 9; None, with `charter-missing`, when no charter 1 is valid."""
    charters = accept_charters(intake, vault, fingerprint, findings)
    if not charters:
        findings.add("charter-missing", "charter/", "expected one valid charter 1, found none or a fork")
        return None
    agents = {}
    for agent in charters[-1].record.agents:
        key = VerifyKey.parse(agent.key)
        agents[key.id] = (key, agent)
    keys = accept_stocks(intake, charters, findings)
    series = _series(intake, charters[0].record.vault, keys.newest, agents, findings)
    return Authority(charters, keys.newest, tuple(keys.sealings), series, agents)


def open_series_key(text: bytes, key: StockKey, vault: str) -> HybridIdentity:
    """The identity in an opened `stock/<key-id>-<sha16>.age`, held against the stock (section 5.1).

    FormatError key-file; IntegrityError key-mismatch.
    """
    found = parse_series_key(text)
    identity = parse_identities(found.identity)[0]
    if not isinstance(identity, HybridIdentity):
        raise FormatError("key-file", "expected a post-quantum identity, found another kind")
    said = (found.vault, found.key_id, found.compartment)
    recipient = str(identity.recipient())
    if said != (vault, key.id, key.compartment) or recipient != key.recipient:
        raise IntegrityError(
            "key-mismatch",
            f"expected the key {key.id} of compartment {key.compartment} in vault {vault}, "
            f"found {key_id_of(recipient)}, which calls itself {found.key_id} of {found.compartment} "
            f"in {found.vault}",
            hint="the sealed key is not the one that the holders signed: use another copy of it",
        )
    return identity


def _series(
    intake: Intake,
    vault: str,
    keys: dict[str, StockKey],
    agents: dict[str, tuple[VerifyKey, Agent]],
    findings: Findings,
) -> dict[str, tuple[Candidate[Series], ...]]:
    accepted: dict[str, dict[str, Candidate[Series]]] = {}
    for found in intake.series:
        record = found.record
        if foreign(found, vault, findings):
            continue
        if record.agent not in agents:
            detail = f"expected an agent of the charter, found {record.agent}"
            findings.add("series-agent", found.name, detail)
            continue
        if not intake.signed_by(found, agents[record.agent][0]):
            continue
        key = keys.get(record.key)
        if key is None or key.compartment != record.compartment:
            of = "none in a stock" if key is None else f"one of {key.compartment}"
            detail = f"expected key {record.key} of compartment {record.compartment}, found {of}"
            findings.add("series-key", found.name, detail)
            continue
        accepted.setdefault(record.series, {}).setdefault(found.sha256, found)
    for series, records in accepted.items():
        if len(records) > 1:
            names = ", ".join(found.name for found in records.values())
            findings.add("series-fork", f"series/{series}", f"expected one series record, found {names}")
    return {series: tuple(records.values()) for series, records in accepted.items()}
