#!/usr/bin/env python3
"""Judges an escrow vault by every rule of format.md that needs nobody's key: what escrow_rescue.py does, and the rest.

The commands and options are those of escrow_rescue.py, which lies beside this file with escrow_records.py and
escrow_seals.py. This adds: the strict form of every record and line, names, records of series, the main branch of the
notices, a head that was seen before (--head), and the chain of events with its releases, receipts and erasures.
"""

import datetime
import functools
import os
import re
import sys
from types import SimpleNamespace as Thing

sys.dont_write_bytecode = True  # nothing beside this file is ever changed, the vault's copy included

import escrow_records as records  # noqa: E402
import escrow_rescue as rescue  # noqa: E402
import escrow_seals as seals  # noqa: E402
from escrow_records import board, demand, shortfall, voices  # noqa: E402
from escrow_seals import MAX_INTEGER, MAX_RECORD, MIB, Problem, sha256  # noqa: E402

# ----------------------------------------- what members a record has, and of which form (sections 2, 4, 7 and 8)
# One kind of object a line: its members as member:form, or member?:form where it may be absent. A form is a word of
# WORDS, an integer 1..16, a choice a|b, another line; then /null, or + and * for lists with and without a least item,
# and what the list is sorted by (- is the item itself).

WORDS = {
    **records.WORDS,
    "digits6": "[0-9]{6}",
    "digits7": "[0-9]{7}",
    "ftime": records.WORDS["time"],
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "sealed": "(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
}
TRIGGERS = "closure-order|vendor-notice|vendor-insolvency|silence|school-instruction|trust-transfer|holders-statement"
EVENT_NEEDS = {
    "key-use": {"purpose"},
    "notice-given": {"purpose", "trigger", "evidence"},
    "withdrawn": {"notice"},
    "released": {"purpose", "notice", "deed", "to", "keys"},
    "accepted": {"deed", "release"},
    "transferred": {"release", "purposes", "final"},
    "drill": {"purpose"},
    "custody": {"why", "deed"},
    "erased": {"deed", "keys"},
    "evidence": {"evidence", "about"},
    "held": {"hold"},
    "hold-cleared": {"deed"},
    "expired": {"series"},
    "shredded": {"keys", "clause"},
}
EVENT_MAY = {"clause", "keys", "series", "sealed"}
EVENT_ALL = {"vault", "ext", "crit", "n", "prev", "kind", "created", "charter", "by"}
OBJECTS = """
school      name:text urn?:digits6 laestab?:digits7 type?:community|academy|church|other
holder      role:text key:key group?:name member?:1..16 party?:school|custodian|other
agent       key:key name:text revoked_after?:0..99999999
compartment name:name nights:1..400 keep_days:0..36500 about?:text
group       name:name needed:1..16 members:1..16
custody     epoch:1..99999999 set:0..32767 groups_needed:1..16 groups:group+ stock?:hex64
controller  name:text ico?:text lawful_basis?:text
processor   name:text role:processor|sub-processor purpose:text contract_end?:time export?:text deletion?:text
custodian   name:text kind:la|trust|diocese|other key:key recipient:recipient
purpose     id:name text:text
trigger     kind:TRIGGERS days?:1..36500
retention   id:name compartment:name months?:1..1200 schedule?:text
contact     role:text text:text
charter     n:1..99999999 prev:hex64/null created:time school:school holders:holder+ threshold:1..16
charter     recipients:recipient+ agents:agent* compartments:compartment+ strictest:name cap_days:1..36500
charter     custody?:custody controller?:controller processors?:processor+ forbidden?:text+ custodian?:custodian
charter     purposes?:purpose+ triggers?:trigger+ cooling_off_days?:0..366 cooling_off_except?:TRIGGERS+
charter     retention?:retention+ contacts?:contact+ review?:time rescue?:hex64
stockkey    id:hex16 compartment:name recipient:recipient sha256:hex64 size:0..
stock       n:1..99999999 prev:hex64/null created:time keys:stockkey*
series      series:hex16 compartment:name key:hex16 agent:hex16 charter:hex64 started:time ends:time retain_until:time
series      why:first|planned|state-lost|state-rolled-back|charter-changed|agent-changed|store-rolled-back
object      sha256:hex64 size:0.. head_sha256:hex64
part        compartment:name series:hex16 record:hex64 key:hex16 first_pack:0.. packs:object* manifest?:object
place       n:1..99999999 sha256:hex64
verdict     status:pass|warn|fail codes:name*-
notice      seq:1..99999999 prev:hex64/null kind:snapshot|progress charter:hex64 events:place/null agent:hex16
notice      agent_time:time store_time:time series:part*compartment verdict:verdict software:text
to          name:text key:key recipient:recipient
seen        seq:1..99999999 sha256:hex64
newpurpose  name:name text:text
event       n:1..99999999 prev:hex64/null kind:name created:time charter:hex64 by:text+- purpose?:name clause?:text
event       why?:ceremony|reshare|rekey|stock about?:name hold?:name
event       trigger?:name evidence?:hex64 notice?:hex64 deed?:hex64 release?:hex64 to?:to keys?:hex16+- series?:hex16+-
event       purposes?:newpurpose+name final?:seen sealed?:sealed
released    id:hex16 compartment:name sha256:hex64 size:0..
release     n:1..99999999 created:time charter:hex64 notice:hex64 trigger:name purpose:name to:to keys:released+id
release     series:hex16*- clause?:text final?:seen
proof       count:0.. bytes:0.. wrong:0..
returned    compartment:name seq:1..99999999 listed_files:0.. listed_bytes:0.. files:0.. bytes:0..
receipt     n:1..99999999 created:time release:hex64 head:seen keep_until:time copied:proof read:proof opened:proof
receipt     restored:returned*compartment differences:text*-
erasure     n:1..99999999 created:time charter:hex64 keys:hex16+- sealed:sealed until?:1..99999999 clause?:text
filelist    size:0.. sha256:hex64 extents:extent*
totals      files:0.. bytes:0.. dirs:0.. links:0.. unread:0..
file        type:name mtime:ftime mode?:0.. dataset:text size:0..70368744177664 sha256:hex64 extents:extent*
file        profile?:ext
dir         type:name mtime:ftime mode?:0..
link        type:name mtime:ftime mode?:0..
unread      type:name reason:name
manifest    series:hex16 compartment:name seq:1..99999999 created:time packs:0.. list:filelist totals:totals
"""
SIGNED = ("charter", "stock", "series", "notice", "event", "release", "receipt", "erasure")
RECORDS = (*SIGNED, "manifest")
SHAPES = {}
for _line in OBJECTS.strip().splitlines():
    _kind, *_members = _line.split()
    if _kind in RECORDS:
        SHAPES.setdefault(_kind, {"vault": ("hex32", False), "ext": ("ext", True), "crit": ("name+-", True)})
    for _member in _members:
        _name, _, _form = _member.partition(":")
        SHAPES.setdefault(_kind, {})[_name.rstrip("?")] = (_form, _name.endswith("?"))


@functools.lru_cache(None)
def form_of(form):
    """A form taken apart: what (one of five kinds), its argument."""
    form = form.replace("TRIGGERS", TRIGGERS)
    if form.endswith("/null"):
        return "null", form[:-5]
    listed = re.fullmatch(r"([a-zA-Z0-9|-]+)([*+])([a-z-]*)", form)
    if listed:
        return "list", listed.groups()
    if form in SHAPES:
        return "object", SHAPES[form]
    if ".." in form:
        low, high = form.split("..")
        return "integer", (int(low), int(high or MAX_INTEGER))
    return "word", re.compile(WORDS.get(form, form), re.ASCII | re.DOTALL).fullmatch


def check_form(value, form, at):
    """Raises unless the value has the form; members that must agree with each other are checked behind it."""
    if form == "ext":
        return demand(isinstance(value, dict), at)
    if form == "extent":
        demand(isinstance(value, list) and len(value) == 3 and all(type(one) is int for one in value), at)
        return demand(min(value) >= 0 and value[2] >= 1, at)
    what, rule = form_of(form)
    if what == "null":
        return None if value is None else check_form(value, rule, at)
    if what == "integer":
        return demand(type(value) is int and rule[0] <= value <= rule[1], at)
    if what == "word":
        demand(isinstance(value, str) and rule(value), at)
        if form == "time":
            parse_time(value[:-1], at)
        elif form == "sealed":
            demand(len(value) <= MIB, at)
    elif what == "list":
        item, least, by = rule
        demand(isinstance(value, list) and len(value) >= (least == "+"), at)
        for number, one in enumerate(value):
            check_form(one, item, "%s[%d]" % (at, number))
        keys = [one if by == "-" else one[by] for one in value] if by else []
        demand(all(a < b for a, b in zip(keys, keys[1:])), at)
    else:
        demand(isinstance(value, dict), at)
        for name in value:
            if name not in rule:
                raise Problem("field-unknown", "%s.%.64s: no such member" % (at, name))
        for name, (inner, optional) in rule.items():
            if name in value:
                check_form(value[name], inner, "%s.%s" % (at, name))
            elif not optional:
                raise Problem("field-missing", "%s.%s is missing" % (at, name))
        if form in AGREE:
            AGREE[form](value, at)


def parse_time(text, at):
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return demand(False, at)


def once(values, at):
    values = list(values)
    demand(len(set(values)) == len(values), at)


def agree_charter(charter, at):
    agree_first(charter, at)
    names, kinds = (
        [one["name"] for one in charter["compartments"]],
        [one["kind"] for one in charter.get("triggers", [])],
    )
    keys, kept = [one["key"] for one in charter["holders"]], charter.get("retention", [])
    excepted = charter.get("cooling_off_except", [])
    for values in (names, kinds, keys, excepted, charter["recipients"], [one["key"] for one in charter["agents"]]):
        once(values, at)
    for listed in (kept, charter.get("purposes", [])):
        once((one["id"] for one in listed), at)
    places = {(one["name"], member) for one in groups_of(charter) for member in range(1, one["members"] + 1)}
    held = [(one.get("group"), one.get("member")) for one in charter["holders"] if "group" in one or "member" in one]
    demand(set(held) == places and len(held) == len(places), at)
    demand(charter["strictest"] in names and charter["threshold"] <= len(keys), at)
    demand(charter.get("custodian", {}).get("key") not in keys, at)
    demand(not excepted or ("cooling_off_days" in charter and set(excepted) <= set(kinds)), at)
    demand({one["compartment"] for one in kept} <= set(names), at)


def agree_custody(custody, at):
    once((one["name"] for one in custody["groups"]), at)
    demand(custody["groups_needed"] <= len(custody["groups"]) <= 16, at)
    for one in custody["groups"]:
        demand(one["needed"] <= one["members"] and (one["needed"] > 1 or one["members"] == 1), at)


def agree_first(record, at):
    demand((record.get("n", record.get("seq")) == 1) == (record["prev"] is None), at + ".prev")


def agree_stock(stock, at):
    agree_first(stock, at)
    once((key["id"] for key in stock["keys"]), at)


def agree_notice(notice, at):
    agree_first(notice, at)
    for part in notice["series"]:
        if ("manifest" in part) != (notice["kind"] == "snapshot"):
            code = "field-unknown" if "manifest" in part else "field-missing"
            raise Problem(code, "%s: manifests stand in snapshots, and in no other notice" % at)


def agree_event(event, at):
    agree_first(event, at)
    if event["kind"] in EVENT_NEEDS:
        needs, own = EVENT_NEEDS[event["kind"]], set(event) - EVENT_ALL
        if needs - own:
            raise Problem("field-missing", "%s: an event of kind %s has more members" % (at, event["kind"]))
        if own - needs - EVENT_MAY:
            raise Problem("field-unknown", "%s: an event of kind %s has fewer members" % (at, event["kind"]))


def agree_list(listed, at):
    if sum(extent[2] for extent in listed["extents"]) != listed["size"]:
        raise Problem("extent-sum", "%s: the extents do not add up to the size" % at)


AGREE = {
    "charter": agree_charter,
    "custody": agree_custody,
    "stock": agree_stock,
    "notice": agree_notice,
    "event": agree_event,
    "filelist": agree_list,
    "trigger": lambda one, at: demand((one["kind"] == "silence") == ("days" in one), at),
    "retention": lambda one, at: demand(("months" in one) != ("schedule" in one), at),
}


def groups_of(charter):
    return charter.get("custody", {}).get("groups", [])


def read_record(payload, kind):
    """The record of one kind that canonical bytes say."""
    value = seals.read_canonical(payload)
    demand(isinstance(value, dict), kind)
    for member in ("type", "version"):
        if member not in value:
            raise Problem("field-missing", "%s.%s is missing" % (kind, member))
    if value["type"] != kind:
        raise Problem("payload-type", "expected a %s, found another record" % kind)
    if type(value["version"]) is not int or value["version"] != seals.VERSION:
        raise Problem("version-unknown", "the record is not of version %d" % seals.VERSION)
    members = {member: value[member] for member in value if member not in ("type", "version")}
    event = members.get("kind", "") if kind == "event" else ""
    if isinstance(event, str) and re.fullmatch(WORDS["name"], event, re.ASCII) and event not in EVENT_NEEDS:
        members = {member: members[member] for member in members if member in EVENT_ALL}  # of a later minor
    check_form(members, kind, kind)
    for extension in value.get("crit", []):
        demand(extension in value.get("ext", {}), kind + ".crit")
        raise Problem("crit-unknown", "the record needs a reader that knows %s" % extension)
    return value


# ------------------------------------------------------ names, and the history (sections 1, 9 and 13)

PURPOSES = ("restore", "check", "drill", "handover")
FOLDERS = ("charter/", "stock/", "series/", "notices/", "events/", "releases/", "receipts/", "erasures/")
NUMBER, SHA16, SERIES = "((?!0{8})[0-9]{8})", "([0-9a-f]{16})", "series/([0-9a-f]{16})/"
GRAMMAR = {
    "charter": "charter/%s-%s.json" % (NUMBER, SHA16),
    "stock": "stock/%s-%s.json" % (NUMBER, SHA16),
    "key": "stock/([0-9a-f]{16})-%s.age" % SHA16,
    "series": SERIES + "series-%s.json" % SHA16,
    "pack": SERIES + "packs/([0-9a-f]{64}).age",
    "manifest": SERIES + "manifests/%s-([0-9a-f]{64}).age" % NUMBER,
    "notice": "notices/%s-%s.json" % (NUMBER, SHA16),
    "event": "events/%s-%s.json" % (NUMBER, SHA16),
    "release": "releases/%s-%s.json" % (NUMBER, SHA16),
    "released-key": "releases/([0-9a-f]{16})-%s.age" % SHA16,
    "receipt": "receipts/%s-%s.json" % (NUMBER, SHA16),
    "erasure": "erasures/%s-%s.json" % (NUMBER, SHA16),
}
GRAMMAR = {kind: re.compile(pattern.replace(".", "[.]"), re.ASCII) for kind, pattern in GRAMMAR.items()}


def kind_of(name):
    """The kind of object that a name says, its first part (number, series or key id) and its digest."""
    for kind, pattern in GRAMMAR.items():
        match = pattern.fullmatch(name)
        if match:
            return kind, match[1], match[match.lastindex]
    return "", "", ""


class History(records.History):
    """What a vault's records say and prove, by all rules. Objects are pairs of a name and bytes."""

    kinds = SIGNED
    unchecked = ("whether the newest nights were taken away, unless --head says which was seen last",)
    read_record = staticmethod(read_record)

    def __init__(self, objects, vault=None, fingerprint=None, remembered=None):
        self.pinned, self.main, self.series, self.handover = vault, [], {}, Handover()
        self.events, self.releases = [], []
        super().__init__(objects, fingerprint)
        if self.charters and remembered:
            self.unchecked = ()
            self.check_rollback(*remembered)

    def take(self, objects):
        """Records of good form, whose name fits their bytes."""
        misfits, fits = {}, set()
        for name, data in sorted(objects):
            kind, part, digest = kind_of(name)
            if kind not in SIGNED:
                if not kind and name.startswith(FOLDERS):
                    self.tell("name-grammar", name, "no object of a vault has such a name", True)
            elif not sha256(data).startswith(digest):
                misfits[name] = "its bytes are not those that its name promises: look for an older version"
            else:
                fits.add(name)
                try:
                    found = seals.open_envelope(data, kind, self.read_record)
                except Problem as problem:
                    self.tell(problem.code, name, str(problem))
                    continue
                said = found.record[{"notice": "seq", "series": "series"}.get(kind, "n")]
                if said != (part if kind == "series" else int(part)):
                    self.tell("name-place", name, "the record is of %s" % said, True)
                    continue
                found.name = name
                self.records[kind].append(found)
        for name, text in misfits.items():
            self.tell("name-hash", name, text, name in fits)

    def follow_charters(self, fingerprint):
        numbers = {}
        for found in self.records["charter"]:
            rivals = numbers.setdefault(found.record["n"], [])
            if found.record["n"] == 1 and fingerprint not in (None, found.sha256):
                self.tell("charter-fingerprint", found.name, "expected the fingerprint %s" % fingerprint)
            elif self.pinned not in (None, found.record["vault"]):
                self.tell("vault-mismatch", found.name, "a record of vault %s" % found.record["vault"])
            else:
                rivals.append(found)
        for n in sorted(numbers):
            valid, whole = {}, {}
            for found in numbers[n]:
                if n != len(self.charters) + 1:
                    self.tell("charter-chain", found.name, "charter %d is missing" % (len(self.charters) + 1))
                    continue
                try:
                    rule = charter_rule(found, self.charters[-1] if self.charters else None)
                except Problem as problem:
                    self.tell(problem.code, found.name, str(problem))
                    continue
                valid.setdefault(found.sha256, found)
                if rule == "full":
                    whole.setdefault(found.sha256, found)
            if len(valid) > 1:
                whole.update((one.sha256, one) for one in valid.values() if self.endorsed(one, numbers))
            chosen = whole or valid
            if len(valid) > 1:
                self.tell("charter-fork", "charter/%08d" % n, "two charters of one number", len(chosen) == 1)
            if len(chosen) == 1:
                self.charters += chosen.values()

    def endorsed(self, found, numbers):
        """Whether enough people signed a later charter that rests on this one."""
        for later in numbers.get(found.record["n"] + 1, []):
            try:
                if charter_rule(later, found) == "full" or self.endorsed(later, numbers):
                    return True
            except Problem:
                continue
        return False

    def follow_stocks(self):
        super().follow_stocks()
        agents = records.agents_of(self.charter)
        for found in self.records["series"]:
            series = found.record
            if series["agent"] not in agents:
                self.tell("series-agent", found.name, "its agent %s is none of the charter's" % series["agent"])
            elif self.signers(found, [agents[series["agent"]]["key"]]):
                if self.keys.get(series["key"], {}).get("compartment") != series["compartment"]:
                    self.tell("series-key", found.name, "no stock has its key for this compartment")
                else:
                    self.series.setdefault(series["series"], {}).setdefault(found.sha256, found)
        for series, rivals in self.series.items():
            if len(rivals) > 1:
                self.tell("series-fork", "series/" + series, "two records of one series")

    def is_notice(self, found):
        good = super().is_notice(found)
        if good and found.record["charter"] not in {charter.sha256 for charter in self.charters}:
            self.tell("notice-charter", found.name, "it cites a charter that is not there")
        return good

    def follow_notices(self):
        super().follow_notices()
        for link in self.links:
            self.count_packs(link)
            self.check_series(link)
        self.main_branch()

    def count_packs(self, link):
        """`pack-ordinal`. Behind a break in the chain nothing is known of a series' packs but what first_pack says."""
        before = link.before
        link.counts = dict(before.counts) if before and link.cited else {}
        link.broken = not link.cited or bool(before and before.broken)
        for part in link.record["series"]:
            wanted = link.counts.get(part["series"], part["first_pack"] if link.broken else 0)
            if part["first_pack"] != wanted:
                self.tell("pack-ordinal", link.name, "expected first_pack %d in %s" % (wanted, part["series"]))
            link.counts[part["series"]] = part["first_pack"] + len(part["packs"])

    def main_branch(self):
        heights, after = {}, {}
        for link in reversed(self.links):
            before = link.before.sha256 if link.before else ""
            heights[link.sha256] = heights.get(link.sha256, 0) + 1
            heights[before] = max(heights.get(before, 0), heights[link.sha256])
            after.setdefault(before, []).append(link)
        at = ""
        while at in after:
            best = min(after[at], key=lambda link: (not link.cited, -heights[link.sha256], link.sha256))
            self.main.append(best)
            at = best.sha256

    def check_series(self, link):
        for part in link.record["series"]:
            rivals = self.series.get(part["series"])
            if not rivals:
                self.tell("notice-series", "series/" + part["series"], "the record of the series is missing")
                continue
            found = rivals.get(part["record"])
            said = (part["compartment"], part["key"], link.record["agent"])
            if not found or said != tuple(found.record[member] for member in ("compartment", "key", "agent")):
                self.tell("notice-series", link.name, "it does not agree with the record of %s" % part["series"])

    def check_rollback(self, seq, digest):
        subject = "notices/%08d" % seq
        if not self.main or self.main[-1].record["seq"] < seq:
            self.tell("rollback", subject, "the vault ends before this notice, which was seen once")
        elif not any(link.sha256.startswith(digest) for link in self.main):
            self.tell("rollback-other", subject, "another notice than the one that was seen once")

    # ---- events, releases, receipts (section 13)

    def follow_events(self):
        """The chain of events up to its first gap; those that break a rule stand in it and do nothing."""
        places = {found.sha256: at for at, found in enumerate(self.charters)}
        heads, known, highest = [link.record["events"] for link in self.main], [], 0
        for head, link in zip(heads, self.main):
            highest = max(highest, head["n"] if head else 0)
            if highest and link.record["charter"] in places:
                known.append((highest, places[link.record["charter"]]))
        before, place, reached, numbers = set(), 0, 0, {}
        for found in self.records["event"]:
            numbers.setdefault(found.record["n"], {}).setdefault(found.sha256, []).append(found)
        for n in sorted(numbers):
            if n != reached + 1:
                self.tell("event-gap", "events/%08d" % (reached + 1), "events are missing")
                break
            taken, highest = [], place
            for _, envelopes in sorted(numbers[n].items()):
                found, event = envelopes[0], envelopes[0].record
                found.refused = ""
                if event["prev"] is not None and event["prev"] not in before:
                    self.tell("event-prev", found.name, "it does not follow the event before")
                    continue
                if event["charter"] not in places:
                    self.tell("event-charter", found.name, "it cites a charter that is not there")
                    continue
                trusted = self.everyone | {grant.to["key"] for grant in self.handover.all}
                found.signers = set().union(*(self.signers(one, trusted) for one in envelopes))
                if not found.signers:
                    continue
                taken.append(found)
                if event["kind"] not in EVENT_NEEDS:
                    found.refused = "event-kind"
                    self.tell("event-kind", found.name, "a newer escrow knows what %s is" % event["kind"], True)
                    continue
                try:
                    at = places[event["charter"]]
                    if at < max([place, *(one for head, one in known if head < n)]):
                        raise Problem("event-charter", "its charter was not in force any more")
                    self.check_silence(event, self.charters[at].record)
                    self.check_end(event, self.charters[at].record)
                    self.handover.step(event, found.sha256, found.signers, self.charters[at].record)
                    highest = max(highest, at)
                except Problem as problem:
                    found.refused = problem.code
                    self.tell(problem.code, found.name, str(problem))
            if len(taken) > 1:
                self.tell("event-fork", "events/%08d" % n, "two events of one number")
            self.events += taken
            before, place, reached = {one.sha256 for one in taken}, highest, n if taken else reached
        there = {(one.record["n"], one.sha256) for one in self.events}
        lost = [head for head in heads if head and (head["n"], head["sha256"]) not in there]
        if lost:
            self.tell("event-rollback", "events/%08d" % lost[0]["n"], "a notice has seen an event that is not there")
        self.expired, self.shredded = self.handover.expired, self.handover.shredded
        self.releases = [deed for _, deed in self.deeds("release", "released") if deed]
        self.deeds("receipt", "accepted")
        told = self.deeds("erasure", "erased")
        self.erasures = sorted(((event["n"], set(event["keys"]), deed) for event, deed in told), key=lambda one: one[0])

    def check_silence(self, event, charter):
        days = [one["days"] for one in charter.get("triggers", []) if one["kind"] == "silence"]
        if event.get("trigger") == "silence" and event["kind"] == "notice-given" and days:
            made = parse_time(event["created"][:-1], "created")
            nights = [parse_time(link.record["store_time"][:-1], "store_time") for link in self.main]
            if any(datetime.timedelta(0) <= made - night < datetime.timedelta(days[0]) for night in nights):
                raise Problem("handover-silence", "there was a night in the %d days before" % days[0])

    def check_end(self, event, charter):
        """Whether a series may be called expired, or a key destroyed (section 13.8)."""
        if event["kind"] not in ("expired", "shredded"):
            return
        if self.handover.phase in ("notice-given", "released"):
            raise Problem("handover-phase", "a handover is under way")
        about, known = set(event.get("series", [])), self.known_series()
        if event["kind"] == "shredded":
            allowed = {
                one["compartment"]
                for one in charter.get("retention", [])
                if one["id"] == event["clause"] and one["id"].startswith("shred")
            }
            about = {series for series, one in known.items() if one.key in event["keys"]}
            if not set(event["keys"]) <= {one.key for one in known.values() if one.compartment in allowed}:
                raise Problem("shred-clause", "no clause of the charter allows to destroy these keys")
        if any(covered is None or covered & about for covered in self.handover.holds.values()):
            raise Problem("hold-covers", "it is under a hold")
        made = [
            (link.record["store_time"]) for link in self.main if (link.record["events"] or {"n": 0})["n"] >= event["n"]
        ]
        made = min([event["created"], *made])
        for series in about if event["kind"] == "expired" else []:
            if series not in known or not known[series].until or known[series].until > made:
                raise Problem("expired-early", "series %s was to be kept longer" % series)
        if self.handover.phase != "transferred" and any(known[series].last for series in about):
            raise Problem("series-last", "no later night of its compartment lies in another series")

    def known_series(self):
        """By series: its compartment and key, until when it is kept, and whether it is the last of its compartment."""
        known, named, nights = {}, {}, {}
        for link in self.main:
            for part in link.record["series"]:
                found = self.series.get(part["series"], {}).get(part["record"])
                until = found and found.record["retain_until"]
                known.setdefault(part["series"], Thing(compartment=part["compartment"], key=part["key"], until=until))
                named[part["series"]] = link.record["seq"]
                if link.record["kind"] == "snapshot":
                    nights[part["compartment"]] = link.record["seq"]
        for series, rivals in self.series.items():
            one = next(iter(rivals.values())).record
            known.setdefault(series, Thing(compartment=one["compartment"], key=one["key"], until=one["retain_until"]))
        for series, one in known.items():
            one.last = nights.get(one.compartment, 0) <= named.get(series, 0)
        return known

    def deeds(self, kind, event_kind):
        """Releases, receipts or erasures, by the events that tell of them."""
        told = {one.record["deed"]: one for one in self.events if one.record["kind"] == event_kind and not one.refused}
        signed, accepted = {}, {}
        for found in self.records[kind]:
            deed, event = found.record, told.get(found.sha256)
            if not event:
                self.tell(kind + "-unnamed", found.name, "no event tells of it", True)
                continue
            same = {"release": ("n", "notice", "to", "purpose"), "receipt": ("n", "release")}
            keys = [key["id"] for key in deed["keys"]] if kind == "release" else event.record.get("keys")
            same = same.get(kind, ("n", "keys", "charter"))
            if any(deed[one] != event.record[one] for one in same) or keys != event.record.get("keys"):
                self.tell(kind + "-differs", found.name, "it says other things than its event")
                continue
            for key in deed["keys"] if kind == "release" else []:
                if self.keys.get(key["id"], {}).get("compartment") != key["compartment"]:
                    self.tell("release-key", found.name, "no stock has its keys for these compartments")
            names = self.signers(found, event.signers)
            if kind == "release" or names:
                signed[found.sha256] = signed.get(found.sha256, set()) | names
                accepted[found.sha256] = deed
        for digest, event in told.items():
            if digest not in signed:
                self.tell(kind + "-missing", event.name, "the %s that it tells of is not there" % kind)
            elif kind != "receipt" and not event.signers <= signed[digest]:
                self.tell(kind + "-quorum", event.name, "not all who signed it signed its %s" % kind)
        return [(event.record, accepted.get(digest)) for digest, event in told.items()]

    def nights(self):
        main = {link.sha256 for link in self.main}
        return sorted(super().nights(), key=lambda link: (link.record["seq"], link.sha256 not in main, link.sha256))

    def latest(self):
        return [link for link in self.main if link.record["kind"] == "snapshot"][-1:]

    def expected(self):
        """Every sealed object that must be there: name, hash and size."""
        found, gone = {}, self.handover
        for key in [key for key in self.keys.values() if key["id"] not in gone.shredded]:
            found["stock/%s-%s.age" % (key["id"], key["sha256"][:16])] = (key["sha256"], key["size"])
        for release in self.releases:
            for key in [key for key in release["keys"] if key["id"] not in gone.shredded]:
                found["releases/%s-%s.age" % (key["id"], key["sha256"][:16])] = (key["sha256"], key["size"])
        for link in self.links:
            for part in [part for part in link.record["series"] if part["series"] not in gone.expired]:
                stem = "series/%s/" % part["series"]
                for one in part["packs"]:
                    found[stem + "packs/%s.age" % one["sha256"]] = (one["sha256"], one["size"])
                if "manifest" in part:
                    one = part["manifest"]
                    named = "manifests/%08d-%s.age" % (link.record["seq"], one["sha256"])
                    found[stem + named] = (one["sha256"], one["size"])
        return found


class Handover:
    """Where a vault's handover stands; `step` raises for an event that breaks a rule of section 13.4."""

    def __init__(self):
        self.phase, self.notice, self.custodian = "active", None, None
        self.grants, self.past, self.purposes = [], [], []
        self.holds, self.expired, self.shredded = {}, {}, {}

    @property
    def all(self):
        return self.past + self.grants

    def keys_of(self, signed):
        return set().union(*(grant.keys for grant in self.all if grant.to["key"] in signed))

    def step(self, event, digest, signed, charter):
        purposes = {one["id"] for one in charter["purposes"]} if "purposes" in charter else set(PURPOSES)
        purposes |= {one["name"] for one in self.purposes} | {None}
        if event.get("purpose") not in purposes:
            raise Problem("event-purpose", "the charter does not name the purpose %s" % event["purpose"])
        getattr(self, "_" + event["kind"].replace("-", "_"))(event, digest, signed, charter)

    def _key_use(self, event, digest, signed, charter):
        theirs = self.keys_of(signed)
        if shortfall(charter, signed) and not (theirs and set(event.get("keys", [])) <= theirs):
            raise Problem("event-signers", shortfall(charter, signed))

    def _notice_given(self, event, digest, signed, charter):
        if self.phase not in ("active", "accepted"):
            raise Problem("handover-phase", "a handover is under way already")
        known = {one["kind"] for one in charter["triggers"]} if "triggers" in charter else set(TRIGGERS.split("|"))
        if event["trigger"] not in known - (set() if "triggers" in charter else {"silence"}):
            raise Problem("handover-trigger", "the charter does not name the trigger %s" % event["trigger"])
        needed = 2 if event["trigger"] == "holders-statement" else 1
        if len(board(charter) & signed) + (needed == 1 and custodian_of(charter) in signed) < needed:
            raise Problem("event-signers", "too few signed")
        cools = parse_time(event["created"][:-1], "created") + datetime.timedelta(charter.get("cooling_off_days", 0))
        self.past, self.grants, self.phase, self.custodian, self.purposes = self.all, [], "notice-given", None, []
        self.notice = Thing(sha256=digest, trigger=event["trigger"], cools=cools)

    def _withdrawn(self, event, digest, signed, charter):
        if self.phase not in ("notice-given", "released") or any(grant.receipt for grant in self.grants):
            raise Problem("handover-phase", "there is no handover that nobody has accepted")
        self._check_notice(event)
        if shortfall(charter, signed):
            raise Problem("event-signers", shortfall(charter, signed))
        kept = {member: self.__dict__[member] for member in ("holds", "expired", "shredded")}
        self.__dict__.update(Handover().__dict__, past=self.all, **kept)

    def _released(self, event, digest, signed, charter):
        if not self.notice:
            raise Problem("handover-phase", "there is no notice of a handover")
        self._check_notice(event)
        passed_on = bool(self.owner() & signed and shortfall(charter, signed))
        if passed_on and not set(event["keys"]) <= self.keys_of(signed):
            raise Problem("release-key", "keys that were not released to the custodian")
        if not passed_on:
            if shortfall(charter, signed):
                raise Problem("release-quorum", shortfall(charter, signed))
            excepted = self.notice.trigger in charter.get("cooling_off_except", []) and "clause" in event
            if parse_time(event["created"][:-1], "created") < self.notice.cools and not excepted:
                raise Problem("handover-cooling-off", "it was released before the cooling-off had ended")
        grant = Thing(deed=event["deed"], to=event["to"], keys=set(event["keys"]), passed_on=passed_on, receipt=None)
        self.grants.append(grant)
        self.phase = "transferred" if self.phase == "transferred" else "released"

    def _accepted(self, event, digest, signed, charter):
        grant = self._grant(event)
        if not grant or grant.receipt:
            raise Problem("receipt-release", "there is no release without a receipt that it could answer")
        if grant.to["key"] not in signed:
            raise Problem("receipt-signer", "another than the one to whom it was released signed")
        grant.receipt = event["deed"]
        if self.phase == "released" and all(one.receipt for one in self.grants):
            self.phase = "accepted"

    def _transferred(self, event, digest, signed, charter):
        grant = self._grant(event)
        if not grant or not grant.receipt:
            raise Problem("transfer-receipt", "there is no release with a receipt")
        if grant.to["key"] not in signed:
            raise Problem("transfer-signer", "another than the one to whom it was released signed")
        if not (grant.passed_on if self.phase == "transferred" else custodian_of(charter) == grant.to["key"]):
            raise Problem("transfer-custodian", "it is not the custodian's")
        self.phase, self.custodian, self.purposes = "transferred", grant.to, event["purposes"]

    def _custody(self, event, digest, signed, charter):
        if shortfall(charter, signed):
            raise Problem("event-signers", shortfall(charter, signed))

    _erased = _key_use

    def _evidence(self, event, digest, signed, charter):
        if not self.owner() & signed:
            self._drill(event, digest, signed, charter)

    def _held(self, event, digest, signed, charter):
        self._evidence(event, digest, signed, charter)
        self.holds[digest] = set(event["series"]) if "series" in event else None

    def _ended(self, signed, charter):
        if not self.owner() & signed and shortfall(charter, signed):
            raise Problem("event-signers", shortfall(charter, signed))

    def _hold_cleared(self, event, digest, signed, charter):
        self._ended(signed, charter)
        if event["deed"] not in self.holds:
            raise Problem("hold-unknown", "it clears no hold that is in force")
        del self.holds[event["deed"]]

    def _expired(self, event, digest, signed, charter):
        self._ended(signed, charter)
        self.expired.update((series, event["n"]) for series in event["series"] if series not in self.expired)

    def _shredded(self, event, digest, signed, charter):
        if shortfall(charter, signed) or len(board(charter) & signed) < 2:
            raise Problem("event-signers", shortfall(charter, signed) or "one holder signed")
        self.shredded.update((key, event["n"]) for key in event["keys"] if key not in self.shredded)

    def owner(self):
        """The key of the custodian to whom the vault was transferred."""
        return {self.custodian["key"]} if self.custodian else set()

    def _drill(self, event, digest, signed, charter):
        if not voices(charter) & signed:
            raise Problem("event-signers", "neither a holder nor the custodian signed")

    def _grant(self, event):
        return next((one for one in self.grants if one.deed == event["release"]), None)

    def _check_notice(self, event):
        if not self.notice or event["notice"] != self.notice.sha256:
            raise Problem("handover-notice", "it is not of this handover's notice")


def custodian_of(charter):
    return charter.get("custodian", {}).get("key")


def charter_rule(found, before):
    """As in escrow_records.py, but that every recipient must be one that can be."""
    custodian = found.record.get("custodian")
    try:
        for recipient in [*found.record["recipients"], *([custodian["recipient"]] if custodian else [])]:
            check_recipient(recipient)
    except Problem as problem:
        raise Problem("field-type", str(problem)) from None
    return records.charter_rule(found, before)


def check_recipient(text):
    """A recipient that can be one: checksum, size, ML-KEM's coefficients, and no X25519 key of low order."""
    raw = seals.unbech32("age1pq", text)
    pairs = [(raw[at] | (raw[at + 1] & 15) << 8, raw[at + 1] >> 4 | raw[at + 2] << 4) for at in range(0, 1150, 3)]
    if len(raw) != 1184 + 32 or max(max(pair) for pair in pairs) >= 3329:
        raise Problem("field-type", "a recipient of another size, or no ML-KEM key")
    try:
        seals.X25519PrivateKey.generate().exchange(seals.X25519PublicKey.from_public_bytes(raw[1184:]))
    except ValueError:
        raise Problem("field-type", "a recipient with an impossible X25519 key") from None


# ------------------------------------------------------------------------------ lines of file lists (section 8)


def read_line(line):
    """An entry as escrow_rescue.py reads it, where it has its strict form."""
    value = seals.parse_json(line, rescue.MAX_LINE)
    demand(isinstance(value, dict), "line")
    members, kind = dict(value), value.get("type")
    take_path(members, "path", "path-grammar")
    if kind == "link":
        take_path(members, "target", "field-type")
    if "type" not in value:
        raise Problem("field-missing", "line.type is missing")
    demand(kind in ("file", "dir", "link", "unread"), "line.type")
    check_form(members, kind, "line")
    return rescue.read_line(line)


def take_path(members, name, code):
    """Takes out a path, which is text or, where text cannot say it, base64."""
    member = name if name in members else name + "_b64"
    if member not in members:
        raise Problem("field-missing", "line.%s is missing" % name)
    demand(isinstance(members[member], str), member)
    try:
        rescue.read_path({member: members.pop(member)}, name)
    except Problem as problem:
        raise Problem(code, str(problem)) from None


# ----------------------------------------------------- the folder, also with junk and old versions in it (section 1)


class Vault(rescue.Folder):
    """A folder that holds a copy of a vault. Records that have no name of the vault's get the one that they say."""

    def __init__(self, root):
        super().__init__(root)
        self.names, self.strays, self.junk = {}, [], []
        for path in sorted(path for paths in self.sizes.values() for path in paths):
            name = os.path.relpath(path, root).replace(os.sep, "/")
            if kind_of(name)[0]:
                self.names[name] = path
            else:
                self.strays.append(path)
                if name.startswith(FOLDERS) and "/." not in name:
                    self.junk.append(name)

    def records(self):
        """Names and bytes of every signed record; junk comes by its name alone."""
        for name in self.junk:
            yield name, b""
        for name, path in self.names.items():
            if kind_of(name)[0] in SIGNED:
                yield name, self.read(path)
        for path in self.strays:
            if rescue.read_part(path, 0, 12) == b'{"payload":"':
                data = self.read(path)
                named = name_of_envelope(data)
                if named and (named not in self.names or self.read(self.names[named]) != data):
                    yield named, data

    def read(self, path):
        data = rescue.read_part(path, 0, MAX_RECORD + 1)
        return data if len(data) <= MAX_RECORD else b""


def name_of_envelope(data):
    """The name that an envelope has in a vault, by what it says itself; "" for what is none."""
    try:
        envelope = seals.read_canonical(data)
        kind = re.fullmatch(r"application/vnd\.escrow\.([a-z]+)\+json", envelope["payloadType"])[1]
        record = seals.open_envelope(data, kind, read_record).record
    except (Problem, KeyError, TypeError):
        return ""
    folder = kind if kind in ("charter", "stock", "series") else kind + "s"
    if kind == "series":
        return "series/%s/series-%s.json" % (record["series"], sha256(data)[:16])
    return "%s/%08d-%s.json" % (folder, record.get("seq", record.get("n")), sha256(data)[:16])


def check_objects(vault, history, tell):
    """Reads every sealed object that the history names, and tells of those that nobody names."""
    expected = history.expected()
    for name, (digest, size) in sorted(expected.items()):
        try:
            vault.find(digest, size)
        except Problem as problem:
            tell(problem.code, name, str(problem))
    for name in vault.names:
        if kind_of(name)[0] in ("pack", "manifest", "key") and name not in expected:
            tell("object-unnamed", name, "no notice and no stock names it", True)
    history.tell_gone(tell)
    print("%d objects, %d bytes were read and hashed" % (len(expected), sum(size for _, size in expected.values())))


class Compartment(rescue.Compartment):
    """A compartment whose manifest and file list keep every rule of form."""

    read_record, read_line = staticmethod(read_record), staticmethod(read_line)


class Reader(rescue.Reader):
    folder, compartment, check_objects = Vault, Compartment, staticmethod(check_objects)

    def history(self, folder, arguments):
        head = re.fullmatch("([0-9]{1,8})-([0-9a-f]{8,64})", arguments.head or "", re.ASCII)
        if arguments.head and not head:
            raise Problem("night-unknown", "--head: expected a night as the command list shows it, 12-0123abcd")
        return History(folder.records(), None, arguments.fingerprint, head and (int(head[1]), head[2]))


if __name__ == "__main__":
    sys.exit(rescue.main(None, Reader()))
