"""What an escrow vault's records say, and what history they prove: charters, stocks of keys, notices, erasures.

escrow_rescue.py beside this file uses it; format.md is the specification. It checks what bears on which files there are
and whose; escrow_judge.py checks every other rule too.
"""

import collections
import re

import escrow_seals as seals
from escrow_seals import MAX_INTEGER, Problem, key_ref, read_canonical, sha256, signers

# ------------------------------------------------ what the records say, as far as it is used here (sections 2, 4, 7)
# One kind of object a line: its members as member:form, with ? where they may be absent. A form is one of WORDS, a
# number, an extent, or another line; /null says that null will do, * makes it a list. All other rules of form are left
# to escrow_judge.py.

WORDS = {
    "hex16": "[0-9a-f]{16}",
    "hex32": "[0-9a-f]{32}",
    "hex64": "[0-9a-f]{64}",
    "name": "[a-z0-9][a-z0-9_-]{0,63}",
    "text": "[^\x00-\x1f]{1,1000}",
    "cell": "[^\x00-\x1f ]([^\x00-\x1f]{0,998}[^\x00-\x1f ])?",
    "any": ".*",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z",
    "key": "escrow-sig-1:[A-Za-z0-9_-]{2645}[AQgw]",
    "recipient": "age1pq1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{6,4096}",
}
TABLE = """
school    name:text
holder    role:text key:key group?:name member?:number
agent     key:key revoked_after?:number
group     name:name needed:number members:number
custody   epoch:number set:number groups_needed:number groups:group* stock?:hex64
custodian name:text key:key
contact   role:text text:text
charter   vault:hex32 n:number prev:hex64/null school:school holders:holder* threshold:number recipients:recipient*
charter   agents:agent* custody?:custody custodian?:custodian contacts?:contact*
stockkey  id:hex16 compartment:name recipient:recipient sha256:hex64 size:number
stock     vault:hex32 n:number prev:hex64/null keys:stockkey*
object    sha256:hex64 size:number
part      compartment:name series:hex16 key:hex16 first_pack:number packs:object* manifest?:object
notice    vault:hex32 seq:number prev:hex64/null kind:name agent:hex16 store_time:time series:part*
to        key:key
event     vault:hex32 n:number kind:name charter:hex64 deed?:hex64 to?:to keys?:hex16* series?:hex16*
erasure   vault:hex32 n:number charter:hex64 keys:hex16* until?:number sealed:any
filelist  size:number sha256:hex64 extents:extent*
totals    files:number bytes:number dirs:number links:number unread:number
manifest  vault:hex32 series:hex16 compartment:name seq:number packs:number list:filelist totals:totals
file      mtime:time mode?:number size:number sha256:hex64 extents:extent*
dir       mtime:time
link      mtime:time
unread    reason:name
erased    kind:name
register  entries:erased*
rows      column:cell value:cell
"""
MEMBERS = {}
for _kind, *_members in map(str.split, TABLE.strip().splitlines()):
    MEMBERS.setdefault(_kind, []).extend(member.partition(":")[::2] for member in _members)


def demand(holds, at):
    if not holds:
        raise Problem("field-type", "%s: another form than format.md gives" % at)


def check(value, form, at):
    """Raises unless a value has a form."""
    if form.endswith("/null"):
        return None if value is None else check(value, form[:-5], at)
    if form.endswith("*"):
        demand(isinstance(value, list), at)
        for one in value:
            check(one, form[:-1], at)
    elif form == "number":
        demand(type(value) is int and 0 <= value <= MAX_INTEGER, at)
    elif form == "extent":
        check(value, "number*", at)
        demand(len(value) == 3 and value[2], at)
    elif form in MEMBERS:
        demand(isinstance(value, dict), at)
        for name, inner in MEMBERS[form]:
            if name.rstrip("?") in value:
                check(value[name.rstrip("?")], inner, at + "." + name)
            elif not name.endswith("?"):
                raise Problem("field-missing", "%s.%s is missing" % (at, name))
    else:
        demand(isinstance(value, str) and re.fullmatch(WORDS[form], value, re.ASCII | re.DOTALL), at)


def read_record(payload, kind):
    """The record of one kind that canonical bytes say."""
    value = read_canonical(payload)
    if not isinstance(value, dict) or value.get("type") != kind:
        raise Problem("payload-type", "expected a %s, found another record" % kind)
    if type(value.get("version")) is not int or value["version"] != seals.VERSION:
        raise Problem("version-unknown", "the record is not of version %d" % seals.VERSION)
    if "crit" in value:
        raise Problem("crit-unknown", "the record needs a reader that knows %s" % value["crit"])
    check(value, kind, kind)
    for part in value["series"] if kind == "notice" else []:
        demand(("manifest" in part) == (value["kind"] == "snapshot"), "notice.series")
    return value


# --------------------------------------------------------- the history that the records prove (sections 4, 9 and 13)


def board(charter):
    return {holder["key"] for holder in charter["holders"]}


def voices(charter):
    return board(charter) | ({charter["custodian"]["key"]} if "custodian" in charter else set())


def shortfall(charter, signed):
    """What these signers lack to speak for the holders of a charter; "" when nothing."""
    mine = [holder for holder in charter["holders"] if holder["key"] in signed]
    if len({holder["key"] for holder in mine}) < charter["threshold"]:
        return "%d of %d holders of charter %d signed" % (len(mine), charter["threshold"], charter["n"])
    custody = charter.get("custody", {"groups": [], "groups_needed": 0})
    there = collections.Counter(holder.get("group") for holder in mine)
    whole = [one for one in custody["groups"] if there[one["name"]] >= one["needed"]]
    if len(whole) < custody["groups_needed"]:
        return "%d groups of holders of charter %d signed whole" % (len(whole), charter["n"])
    return ""


def charter_rule(found, before):
    """By which rule a charter follows the one before: full, or minor (contacts and processors alone)."""
    charter, old = found.record, before.record if before else found.record
    if charter["vault"] != old["vault"]:
        raise Problem("vault-mismatch", "a charter of vault %s" % charter["vault"])
    if before and (charter["prev"] != before.sha256 or not agents_of(old).keys() <= agents_of(charter).keys()):
        raise Problem("charter-chain", "it does not follow the charter before")
    signed, problems = signers(found, voices(charter) | voices(old)), []
    if not signed:
        raise Problem("signature", "nobody who may has signed it")
    for one in [old, charter]:
        if shortfall(one, signed):
            problems.append(Problem("charter-threshold", shortfall(one, signed)))
        if voices(one) - board(one) - signed:
            problems.append(Problem("charter-custodian", "the custodian has not signed"))
    free = ("n", "prev", "created", "contacts", "processors")
    changed = [one for one in {*old, *charter}.difference(free) if old.get(one) != charter.get(one)]
    if problems and not (before and not changed and signed & board(old)):
        raise problems[0]
    return "minor" if problems else "full"


def agents_of(charter):
    return {key_ref(agent["key"]): agent for agent in charter["agents"]}


class History:
    """What a vault's records prove. Whatever is left out, missing or contradictory stands in `findings`."""

    kinds = ("charter", "stock", "notice", "event", "erasure")
    read_record = staticmethod(read_record)
    unchecked = (
        "whether the newest nights were taken away",
        "events, releases, receipts, records of series, rules of form that bear on no file: ask escrow_judge.py",
    )

    def __init__(self, envelopes, fingerprint=None):
        self.findings, self.charters, self.keys, self.links, self.erasures = [], [], {}, [], []
        self.expired, self.shredded = {}, {}
        self.records = {kind: [] for kind in self.kinds}
        self.take(envelopes)
        self.follow_charters(fingerprint)
        if self.charters:
            self.charter, self.vault = self.charters[-1].record, self.charters[0].record["vault"]
            self.fingerprint = self.charters[0].sha256
            self.everyone = set().union(*(voices(one.record) for one in self.charters))
            for kind in self.kinds[1:]:
                self.records[kind] = [found for found in self.records[kind] if not self.is_foreign(found)]
            self.follow_stocks()
            self.follow_notices()
            self.follow_events()
        else:
            self.tell("charter-missing", "charter/", "no valid charter 1")

    def tell(self, code, subject, text, warning=False):
        if (code, subject, text, warning) not in self.findings:
            self.findings.append((code, subject, text, warning))

    def take(self, envelopes):
        """Records of good form. Several envelopes of one payload are one record: their signatures add up."""
        known = {}
        for name, data in envelopes:
            kind = re.search(rb'"payloadType":"application/vnd[.]escrow[.]([a-z]+)[+]json"', data)
            if kind and kind[1].decode() in self.kinds:
                try:
                    found = seals.open_envelope(data, kind[1].decode(), self.read_record)
                except Problem as problem:
                    self.tell(problem.code, name, str(problem))
                    continue
                found.name = name
                if known.setdefault(found.sha256, found) is found:
                    self.records[kind[1].decode()].append(found)
                else:
                    known[found.sha256].signatures += found.signatures

    def is_foreign(self, found):
        if found.record["vault"] != self.vault:
            self.tell("vault-mismatch", found.name, "a record of vault %s" % found.record["vault"])
        return found.record["vault"] != self.vault

    def signers(self, found, keys):
        signed = signers(found, keys)
        if not signed:
            self.tell("signature", found.name, "nobody who may has signed it")
        return signed

    def follow_charters(self, fingerprint):
        """Each charter is signed by enough holders of its own and of the one before (section 4.1)."""
        while True:
            n, before = len(self.charters) + 1, self.charters[-1] if self.charters else None
            rivals = {"full": [], "minor": []}
            for found in self.records["charter"]:
                if found.record["n"] == n and (before or fingerprint in (None, found.sha256)):
                    try:
                        rivals[charter_rule(found, before)].append(found)
                    except Problem as problem:
                        self.tell(problem.code, found.name, str(problem))
            chosen = rivals["full"] or rivals["minor"]
            if len(rivals["full"] + rivals["minor"]) > 1:
                self.tell("charter-fork", "charter/%08d" % n, "two charters of one number", len(chosen) == 1)
            if len(chosen) != 1:
                return
            self.charters += chosen

    def follow_stocks(self):
        """The series keys that enough holders of a charter listed (section 4.2)."""
        ranked, seen = [], {}
        for found in sorted(self.records["stock"], key=lambda one: one.record["n"]):
            signed = self.signers(found, set().union(*(board(one.record) for one in self.charters)))
            ranks = [at for at, one in enumerate(self.charters) if not shortfall(one.record, signed)]
            if ranks:
                ranked.append((ranks[-1], found))
            else:
                self.tell("stock-threshold", found.name, shortfall(self.charter, signed))
        chain = {found.sha256: found.record["prev"] for _, found in ranked}
        for rank, found in list(ranked):
            if self.is_late(found, rank, chain):
                self.tell("stock-late", found.name, "signed by holders who had no say any more")
                ranked.remove((rank, found))
                continue
            if seen.setdefault(found.record["n"], found.sha256) != found.sha256:
                self.tell("stock-chain", found.name, "two stocks of one number")
            if found.record["prev"] != seen.get(found.record["n"] - 1):
                self.tell("stock-chain", found.name, "the stock before it is missing")
        for _, found in sorted(ranked, key=lambda one: one[0]):
            for key in found.record["keys"]:
                if key["id"] != sha256(key["recipient"].encode())[:16]:
                    self.tell("key-id", found.name, "key %s is not that of its recipient" % key["id"])
                elif self.keys.get(key["id"], key)["compartment"] != key["compartment"]:
                    self.tell("stock-compartment", found.name, "key %s changes its compartment" % key["id"])
                else:
                    self.keys[key["id"]] = key

    def is_late(self, found, rank, chain):
        """Whether later holders had named an earlier stock as the last of those who signed this one."""
        for before, after in zip(self.charters[rank:], self.charters[rank + 1 :]):
            custody = after.record.get("custody", {})
            if custody != before.record.get("custody", {}) and "stock" in custody:
                link, known = custody["stock"], set()
                while link and link not in known:
                    known.add(link)
                    link = chain.get(link)
                return found.sha256 not in known
        return False

    def is_notice(self, found):
        agent = agents_of(self.charter).get(found.record["agent"])
        if not agent:
            self.tell("notice-agent", found.name, "its agent is none of the charter's")
        elif self.signers(found, [agent["key"]]):
            if found.record["seq"] <= agent.get("revoked_after", MAX_INTEGER):
                return True
            self.tell("notice-revoked", found.name, "its agent was revoked after notice %d" % agent["revoked_after"])
        return False

    def follow_notices(self):
        """Every notice in its place: `before` is the one it follows, `cited` whether it says so itself (section 9)."""
        good, below, level = {}, [], []
        for found in self.records["notice"]:
            if self.is_notice(found):
                good.setdefault(found.sha256, found)
        for found in sorted(good.values(), key=lambda one: (one.record["seq"], one.sha256)):
            seq = found.record["seq"]
            if level and level[0].record["seq"] != seq:
                below, level = level, []
            reached = below[0].record["seq"] if below else 0
            cited = [one for one in below if reached == seq - 1 and one.sha256 == found.record["prev"]]
            found.cited, found.before = bool(cited) or seq == 1, (cited or below or [None])[0]
            if not found.cited and below and reached == seq - 1:
                self.tell("notice-prev", found.name, "it does not follow the notice before")
            elif not found.cited:
                self.tell("notice-gap", "notices/%08d" % (reached + 1), "notices up to %d are missing" % (seq - 1))
            level.append(found)
            if len(level) == 2:
                self.tell("notice-fork", "notices/%08d" % seq, "two notices of one number")
            self.links.append(found)

    def follow_events(self):
        """What events tell of erasures, and of what was deleted. Neither their chain nor their rules are judged here:
        an erasure too many is the safer fault, and what is called deleted and is there is read."""
        owners, charters, granted = set(), {one.sha256: one.record for one in self.charters}, {}
        deeds = {one.sha256: one for one in self.records["erasure"]}
        for found in sorted(self.records["event"], key=lambda one: one.record["n"]):
            event, charter = found.record, charters.get(found.record["charter"])
            signed, keys = signers(found, self.everyone | set(granted)), set(event.get("keys", []))
            theirs = set().union(*(granted.get(key, set()) for key in signed))
            if charter and (not shortfall(charter, signed) or owners & signed):
                gone = {"expired": (self.expired, "series"), "shredded": (self.shredded, "keys")}.get(event["kind"])
                for one in event.get(gone[1], []) if gone else []:
                    gone[0].setdefault(one, event["n"])
            if not charter or (shortfall(charter, signed) and not keys <= theirs):
                continue
            if event["kind"] == "transferred":
                owners |= signed & set(granted)
            elif event["kind"] == "released" and "to" in event:
                granted.setdefault(event["to"]["key"], set()).update(keys)
            elif event["kind"] == "erased":
                deed = deeds.get(event.get("deed"))
                same = deed and all(deed.record[one] == event.get(one) for one in ("n", "keys", "charter"))
                if not same or not signers(deed, signed):
                    self.tell("erasure-missing", found.name, "the erasure that it tells of is not there, or another")
                    deed = None
                self.erasures.append((event["n"], keys, deed and deed.record))

    def explain(self, problem, part):
        """What is missing because it was deleted, as an event says, is no damage."""
        if problem.code == "object-missing" and part["series"] in self.expired:
            return Problem("series-expired", "event %d says that it was deleted" % self.expired[part["series"]])
        if problem.code == "object-missing" and part["key"] in self.shredded:
            return Problem("key-shredded", "event %d says that its key was destroyed" % self.shredded[part["key"]])
        return problem

    def tell_gone(self, tell):
        for series, number in sorted(self.expired.items()):
            tell("series-expired", "series/" + series, "its nights were deleted, event %d says" % number, True)
        for key, number in sorted(self.shredded.items()):
            tell("key-shredded", "stock/" + key, "the key was destroyed, event %d says" % number, True)

    def nights(self):
        return [link for link in self.links if link.record["kind"] == "snapshot"]

    def latest(self):
        return self.nights()[-1:]


def packs_of(link, series):
    """How many packs a series has, up to this notice on its branch, and those that no gap hides, by ordinal."""
    branch, packs, number = [], {}, 0
    while link:
        branch.append(link)
        link = link.before
    for part in [part for one in reversed(branch) for part in one.record["series"] if part["series"] == series]:
        packs = {ordinal: packs[ordinal] for ordinal in packs if ordinal < part["first_pack"]}
        packs.update(enumerate(part["packs"], part["first_pack"]))
        number = part["first_pack"] + len(part["packs"])
    return number, packs
