#!/usr/bin/env python3
"""Gets every file out of an escrow vault, without the software that wrote it. format.md beside it is the specification.

Needs Python 3.9 or newer, the package `cryptography` (48 or newer), and `zstandard` (or Python 3.14, which has zstd).

    python escrow_rescue.py check   VAULT                          what is there, and whether it is whole; no key
    python escrow_rescue.py list    VAULT                          its nights; no key
    python escrow_rescue.py files   VAULT --key custody.key        the files of a night
    python escrow_rescue.py restore VAULT OUT --key custody.key    all files, or those of --only '*.csv'
    python escrow_rescue.py check   VAULT --key custody.key        reads every file of a night, writes nothing
    python escrow_rescue.py key     VAULT --sheets                 the secret key that the sheets give, for `age -i`

VAULT is a folder that holds a copy of the vault (README.txt beside this file says how to make one). Instead of --key
give --sheets FILE... with the words of each sheet, or --sheets alone and type them. --night N chooses an older night.
Nothing in VAULT is ever changed. Exit code: 0 all is well; 1 something is amiss, and what could be done was done;
2 wrong arguments; 3 the key does not open this vault, or the folder holds no vault.
"""

import argparse
import base64
import collections
import datetime
import fnmatch
import functools
import getpass
import hashlib
import hmac
import json
import os
import re
import stat
import struct
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace as Thing

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

try:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
except ImportError:
    sys.exit("This needs the Python package cryptography, version 48 or newer: python -m pip install -U cryptography")
try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
except ImportError:  # told in every report: signatures are then half checked
    MLDSA65PrivateKey = MLDSA65PublicKey = None
try:
    import zstandard
except ImportError:
    zstandard = None
    try:
        from compression import zstd
    except ImportError:
        sys.exit("This needs the Python package zstandard (or Python 3.14): python -m pip install zstandard")

# ---------------------------------------------------------------------- limits, errors (format.md, sections 2 and 11)

KIB, MIB = 1 << 10, 1 << 20
MAX_INTEGER, MAX_RECORD, MAX_LINE = 2**53 - 1, 4 * MIB, 64 * MIB
MAX_PATH, MAX_FILES, MAX_FILE = 4096, 20_000_000, 2**46
MAX_SEGMENT, MAX_PACK, MAX_PACK_RAW, MAX_HEADER = 4 * MIB, 32 * MIB, 256 * MIB, 256 * KIB


class Problem(Exception):
    """Something is not as format.md says; `code` is its word for it."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# ------------------------------------------------------------------------------------------- JSON (section 2)


def parse_json(data, limit=MAX_RECORD):
    """Strict JSON; depth and size of integers are checked by `check_values`."""
    if len(data) > limit:
        raise Problem("json-size", "%d bytes of JSON; at most %d are allowed" % (len(data), limit))

    def members(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Problem("json-duplicate", "a member stands twice in one object")
        return found

    def no_float(digits):
        raise Problem("json-integer", "expected integers, found %.32s" % digits)

    def no_constant(name):
        raise Problem("json-syntax", "%s is not JSON" % name)

    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=members, parse_float=no_float, parse_constant=no_constant)
        if "\\u" in text:
            canonical_json(value)
        return value
    except (UnicodeError, json.JSONDecodeError) as error:
        raise Problem("json-syntax", "not JSON in UTF-8: %s" % error) from None
    except RecursionError:
        raise Problem("json-depth", "more than 16 levels") from None
    except ValueError:  # Python's own limit for the digits of an integer
        raise Problem("json-integer", "an integer of thousands of digits") from None


def check_values(value, levels=16):
    if isinstance(value, (dict, list)):
        if not levels:
            raise Problem("json-depth", "more than 16 levels")
        for item in value.values() if isinstance(value, dict) else value:
            check_values(item, levels - 1)
    elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Problem("json-integer", "an integer beyond 2^53 - 1")


def canonical_json(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def read_canonical(data):
    value = parse_json(data)
    check_values(value)
    if canonical_json(value) != data:
        raise Problem("json-canonical", "the JSON is not in its canonical form")
    return value


def unbase64(text, code, urlsafe=False):
    """Base64 in the one form that encoding gives (padded; url-safe: not padded)."""
    raw = b""
    if isinstance(text, str):
        padded = text + "=" * (-len(text) % 4) if urlsafe else text
        try:
            raw = base64.b64decode(padded, altchars=b"-_" if urlsafe else None, validate=True)
        except ValueError:
            pass
        again = base64.urlsafe_b64encode(raw).decode().rstrip("=") if urlsafe else base64.b64encode(raw).decode()
        if again == text:
            return raw
    raise Problem(code, "expected base64 in its canonical form")


# ----------------------------------------- what members a record has, and of which form (sections 2, 4 and 7)
# One kind of object a line: its members as member:form, or member?:form where it may be absent. A form is a word of
# WORDS, an integer 1..16, a choice a|b, another line; then /null, or + and * for lists with and without a least item,
# and what the list is sorted by (- is the item itself).

WORDS = {
    "hex16": "[0-9a-f]{16}",
    "hex32": "[0-9a-f]{32}",
    "hex64": "[0-9a-f]{64}",
    "digits6": "[0-9]{6}",
    "digits7": "[0-9]{7}",
    "name": "[a-z0-9][a-z0-9_-]{0,63}",
    "text": "[^\x00-\x1f]{1,1000}",
    "recipient": "age1pq1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{6,4096}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "key": "escrow-sig-1:[A-Za-z0-9_-]+",
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
}
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
event       n:1..99999999 prev:hex64/null kind:EVENTS created:time charter:hex64 by:text+- purpose?:name clause?:text
event       trigger?:name evidence?:hex64 notice?:hex64 deed?:hex64 release?:hex64 to?:to keys?:hex16+- series?:hex16+-
event       purposes?:newpurpose+name final?:seen sealed?:sealed
released    id:hex16 compartment:name sha256:hex64 size:0..
release     n:1..99999999 created:time charter:hex64 notice:hex64 trigger:name purpose:name to:to keys:released+id
release     series:hex16*- clause?:text final?:seen
proof       count:0.. bytes:0.. wrong:0..
returned    compartment:name seq:1..99999999 listed_files:0.. listed_bytes:0.. files:0.. bytes:0..
receipt     n:1..99999999 created:time release:hex64 head:seen keep_until:time copied:proof read:proof opened:proof
receipt     restored:returned*compartment differences:text*-
filelist    size:0.. sha256:hex64 extents:extent*
totals      files:0.. bytes:0.. dirs:0.. links:0.. unread:0..
manifest    series:hex16 compartment:name seq:1..99999999 created:time packs:0.. list:filelist totals:totals
"""
SIGNED = ("charter", "stock", "series", "notice", "event", "release", "receipt")
RECORDS = (*SIGNED, "manifest")
SHAPES = {}
for _line in OBJECTS.strip().splitlines():
    _kind, *_members = _line.split()
    if _kind in RECORDS:
        SHAPES.setdefault(_kind, {"vault": ("hex32", False), "ext": ("ext", True), "crit": ("name+-", True)})
    for _member in _members:
        _name, _, _form = _member.partition(":")
        SHAPES.setdefault(_kind, {})[_name.rstrip("?")] = (_form, _name.endswith("?"))


def demand(holds, at):
    if not holds:
        raise Problem("field-type", "%s: another form than format.md gives" % at)


@functools.lru_cache(None)
def form_of(form):
    """A form taken apart: what (one of five kinds), its argument."""
    form = form.replace("TRIGGERS", TRIGGERS).replace("EVENTS", "|".join(EVENT_NEEDS))
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
        elif form == "key":
            demand(len(unbase64(value[13:], "field-type", urlsafe=True)) == 32 + 1952, at)
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
    needs = EVENT_NEEDS[event["kind"]]
    own = set().union(*EVENT_NEEDS.values(), ("clause", "keys", "series", "sealed")) & set(event)
    if needs - own:
        raise Problem("field-missing", "%s: an event of kind %s has more members" % (at, event["kind"]))
    if own - needs - {"clause", "keys", "series", "sealed"}:
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
    value = read_canonical(payload)
    demand(isinstance(value, dict), kind)
    for member in ("type", "version"):
        if member not in value:
            raise Problem("field-missing", "%s.%s is missing" % (kind, member))
    if value["type"] != kind:
        raise Problem("payload-type", "expected a %s, found another record" % kind)
    if type(value["version"]) is not int or value["version"] != 0:
        raise Problem("version-unknown", "this program reads version 0, the record is of another")
    check_form({member: value[member] for member in value if member not in ("type", "version")}, kind, kind)
    for extension in value.get("crit", []):
        demand(extension in value.get("ext", {}), kind + ".crit")
        raise Problem("crit-unknown", "the record needs a reader that knows %s" % extension)
    return value


# --------------------------------------------------------------------- envelopes and signatures (section 3)


def open_envelope(data, kind):
    """The record in an envelope, nobody's signature checked yet."""
    wanted = "application/vnd.escrow.%s+json" % kind
    envelope = read_canonical(data)
    if not isinstance(envelope, dict) or envelope.get("payloadType") != wanted:
        raise Problem("payload-type", "expected an envelope of a %s" % kind)
    signatures = envelope.get("signatures")
    fits = set(envelope) == {"payload", "payloadType", "signatures"} and isinstance(signatures, list)
    if not fits or not 1 <= len(signatures) <= 64:
        raise Problem("envelope", "expected payload, payloadType and 1 to 64 signatures")
    for one in signatures:
        if not isinstance(one, dict) or not {"sig"} <= set(one) <= {"sig", "keyid"}:
            raise Problem("envelope", "expected signatures of sig and keyid")
        if not isinstance(one.get("keyid", ""), str):
            raise Problem("envelope", "expected a text as keyid")
    values = [unbase64(one["sig"], "envelope") for one in signatures]
    payload = unbase64(envelope["payload"], "envelope")
    message = b"DSSEv1 %d %s %d %s" % (len(wanted), wanted.encode(), len(payload), payload)
    return Thing(record=read_record(payload, kind), sha256=sha256(payload), message=message, signatures=values)


@functools.lru_cache(None)
def key_bytes(key):
    return unbase64(key[13:], "field-type", urlsafe=True)


def key_ref(key):
    return sha256(key_bytes(key))[:16]


def verifies(public, signature, message):
    try:
        public.verify(signature, message)
        return True
    except InvalidSignature:
        return False


def signers(found, keys):
    """Those of `keys` that signed with both algorithms (with Ed25519 alone where this Python has no ML-DSA)."""
    signed = set()
    for key in keys:
        raw = key_bytes(key)
        halves = [(Ed25519PublicKey.from_public_bytes(raw[:32]), 64)]
        if MLDSA65PublicKey:
            halves.append((MLDSA65PublicKey.from_public_bytes(raw[32:]), 3309))
        if all(
            any(len(one) == size and verifies(public, one, found.message) for one in found.signatures)
            for public, size in halves
        ):
            signed.add(key)
    return signed


# ------------------------------------------------------------------------- age files (C2SP age.md; sections 5 to 7)

BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
HYBRID_INFO = b"age-encryption.org/mlkem768x25519"


def bech32_remainder(prefix, values):
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    return check


def bech32_data(text, prefix):
    """The bytes in a Bech32 text that begins with `prefix`, all of one case."""
    lower = text.lower()
    start, _, rest = lower.rpartition("1")
    if text not in (lower, text.upper()) or start != prefix or len(rest) < 6 or set(rest) - set(BECH32):
        raise Problem("bech32", "expected %s1... in Bech32" % prefix)
    values = [BECH32.index(character) for character in rest]
    size, over = divmod(len(values) * 5 - 30, 8)
    whole = functools.reduce(lambda total, value: total << 5 | value, values[:-6], 0)
    if bech32_remainder(prefix, values) != 1 or over > 4 or whole & ((1 << over) - 1):
        raise Problem("bech32", "the checksum of the Bech32 text does not match: a character is mistyped")
    return (whole >> over).to_bytes(size, "big")


def bech32_text(prefix, data):
    length, over = -(-len(data) * 8 // 5), -len(data) * 8 % 5
    whole = int.from_bytes(data, "big") << over
    values = [whole >> 5 * place & 31 for place in reversed(range(length))]
    check = bech32_remainder(prefix, values + [0] * 6) ^ 1
    values += [check >> 5 * place & 31 for place in reversed(range(6))]
    return prefix + "1" + "".join(BECH32[value] for value in values)


def hkdf(secret, salt, info, length=32):
    """RFC 5869 with SHA-256."""
    pseudorandom = hmac.digest(salt or bytes(32), secret, "sha256")
    out = block = b""
    while len(out) < length:
        block = hmac.digest(pseudorandom, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


class Identity:
    """The secret half of a recipient age1pq1...: ML-KEM-768 and X25519 from a 32-byte seed (X-Wing)."""

    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        self.mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self.x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self.x25519_public = self.x25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.seed = seed
        self.recipient = bech32_text("age1pq", self.mlkem.public_key().public_bytes_raw() + self.x25519_public)

    def unwrap(self, stanzas):
        """The file key in one of the stanzas; None where none is for this identity."""
        for arguments, body in stanzas:
            if arguments[0] != "mlkem768x25519":
                continue
            sent = unraw(arguments[1]) if len(arguments) == 2 else b""
            if len(sent) != 1088 + 32 or len(body) != 32:
                raise Problem("age-header", "a recipient stanza of another size")
            try:
                agreed = self.x25519.exchange(X25519PublicKey.from_public_bytes(sent[1088:]))
                inner = self.mlkem.decapsulate(sent[:1088]) + agreed + sent[1088:] + self.x25519_public
                return hpke_open(hashlib.sha3_256(inner + b"\\.//^\\").digest(), body)
            except ValueError:
                raise Problem("age-header", "a recipient stanza with an impossible key share") from None
            except InvalidTag:
                continue
        return None


def hpke_open(shared, sealed):
    """RFC 9180, base mode: KEM 0x647a, HKDF-SHA256, ChaCha20-Poly1305; the first message, no associated data."""
    suite = b"HPKE" + bytes.fromhex("647a00010003")

    def extract(label, ikm, salt=b""):
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")

    def expand(label, length):
        info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(secret, info + b"\1", "sha256")[:length]

    context = b"\0" + extract(b"psk_id_hash", b"") + extract(b"info_hash", HYBRID_INFO)
    secret = extract(b"secret", b"", shared)
    return ChaCha20Poly1305(expand(b"key", 32)).decrypt(expand(b"base_nonce", 12), sealed, None)


class Passphrase:
    """Opens what was sealed with a passphrase (age's scrypt stanza)."""

    def __init__(self, passphrase):
        self.passphrase = passphrase.encode("utf-8")

    def unwrap(self, stanzas):
        if all(arguments[0] != "scrypt" for arguments, _ in stanzas):
            return None
        arguments, body = stanzas[0]
        salt = unraw(arguments[1]) if len(stanzas) == 1 and len(arguments) == 3 else b""
        if len(salt) != 16 or len(body) != 32 or not re.fullmatch("[1-9][0-9]?", arguments[2], re.ASCII):
            raise Problem("age-header", "a scrypt stanza of another form")
        if int(arguments[2]) > 22:
            raise Problem("age-header", "a scrypt work factor over 22")
        cost, salt = 1 << int(arguments[2]), b"age-encryption.org/v1/scrypt" + salt
        key = hashlib.scrypt(self.passphrase, salt=salt, n=cost, r=8, p=1, maxmem=cost * 1024 + MIB, dklen=32)
        try:
            return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
        except InvalidTag:
            return None


def unraw(text):
    return unbase64(text + "=" * (-len(text) % 4), "age-header") if "=" not in text else b""


def age_head(data):
    """An age header: its stanzas (arguments and body), the MAC, what the MAC covers, and where the payload begins."""
    at = 0

    def line():
        nonlocal at
        begin, at = at, data.find(b"\n", at, MAX_HEADER) + 1
        if not at:
            raise Problem("age-header", "the header of the age file is cut or too long")
        return bytes(data[begin : at - 1]).decode("latin-1")

    if line() != "age-encryption.org/v1":
        raise Problem("age-header", "expected an age file, found something else")
    stanzas = []
    while True:
        begin, first = at, line()
        if first.startswith("---"):
            mac = unraw(first[4:])
            if first[3:4] != " " or len(mac) != 32 or not stanzas:
                raise Problem("age-header", "the last line of the age header is of another form")
            return Thing(stanzas=stanzas, mac=mac, covered=data[: begin + 3], payload=at)
        if not re.fullmatch("->( [!-~]+)+", first):
            raise Problem("age-header", "a stanza begins in another way")
        body = [line()]
        while len(body[-1]) == 64:
            body.append(line())
        if len(body[-1]) > 64:
            raise Problem("age-header", "a line of a stanza is too long")
        stanzas.append((first[3:].split(" "), unraw("".join(body))))


def age_open(data, identities):
    """The plaintext of an age file."""
    head = age_head(data)
    file_key = next((key for key in (one.unwrap(head.stanzas) for one in identities) if key is not None), None)
    if file_key is None:
        raise Problem("age-key", "the key that was given does not open this (%d recipients)" % len(head.stanzas))
    if not hmac.compare_digest(hmac.digest(hkdf(file_key, b"", b"header"), head.covered, "sha256"), head.mac):
        raise Problem("age-header", "the age header was altered")
    nonce, sealed = data[head.payload : head.payload + 16], memoryview(data)[head.payload + 16 :]
    if len(nonce) < 16 or len(sealed) < 16:
        raise Problem("age-payload", "the age file is cut")
    cipher, out, step = ChaCha20Poly1305(hkdf(file_key, nonce, b"payload")), [], 64 * KIB + 16
    for at in range(0, len(sealed), step):
        last = at + step >= len(sealed)
        try:
            out.append(cipher.decrypt((at // step << 8 | last).to_bytes(12, "big"), sealed[at : at + step], None))
        except InvalidTag:
            raise Problem("age-payload", "the age file was altered or cut, in chunk %d" % (at // step)) from None
    if len(out) > 1 and not out[-1]:
        raise Problem("age-payload", "the last chunk of the age file is empty")
    return b"".join(out)


def dearmor(data):
    """An armored age file (-----BEGIN AGE ENCRYPTED FILE-----) as plain bytes; others as they are."""
    if not data.lstrip().startswith(b"-----BEGIN AGE"):
        return data
    first, *body, last = data.decode("ascii", "replace").strip().replace("\r\n", "\n").split("\n")
    marks = ("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----")
    if (first, last) != marks or any(len(one) != 64 for one in body[:-1]) or (body and not 0 < len(body[-1]) <= 64):
        raise Problem("age-armor", "the armor of the age file is of another form")
    return unbase64("".join(body), "age-armor")


# ----------------------------------------------------------------------- keys, and sheets of words (section 5)

KEY_LINE = r"(?P<line>AGE-SECRET-KEY-PQ-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})(?:\r?\n)?"
SERIES_KEY = (
    r"# escrow series key\r?\n# vault: (?P<vault>[0-9a-f]{32})\r?\n# key id: (?P<id>[0-9a-f]{16})\r?\n"
    r"# compartment: (?P<compartment>[a-z0-9][a-z0-9_-]{0,63})\r?\n" + KEY_LINE
)


def identity_of(line):
    return Identity(bech32_data(line.strip(), "age-secret-key-pq-"))


def open_series_key(plaintext, key, vault):
    """A series key, held against what the stock says of it."""
    found = re.fullmatch(SERIES_KEY, plaintext.decode("ascii", "replace"), re.ASCII)
    if not found:
        raise Problem("key-file", "expected the text of a series key, found another")
    identity = identity_of(found["line"])
    said = (found["vault"], found["id"], found["compartment"], identity.recipient)
    if said != (vault, key["id"], key["compartment"], key["recipient"]):
        raise Problem("key-mismatch", "the sealed key is not the one that the holders signed")
    return identity


def read_key_file(data, ask):
    """The identities in a key file; `ask` gives the passphrase of a sealed one."""
    data = dearmor(data)
    if data.startswith(b"age-encryption.org/"):
        data = age_open(data, [Passphrase(ask())])
    lines = [one.strip() for one in data.decode("ascii", "replace").splitlines()]
    found = [identity_of(one) for one in lines if one.startswith("AGE-SECRET-KEY-PQ-")]
    if not found:
        raise Problem("key-file", "expected a line AGE-SECRET-KEY-PQ-1... in the key file, found none")
    return found


@functools.lru_cache(None)
def word_list():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "words.txt"), encoding="ascii") as file:
        return {one[:4]: (place, one) for place, one in enumerate(file.read().split())}


def rs1024(values):
    """The checksum of SLIP-39; 1 for a share without a mistake."""
    terms = (0xE0E040, 0x1C1C080, 0x3838100, 0x7070200, 0xE0E0009)
    terms += (0x1C0C2412, 0x38086C24, 0x3090FC48, 0x21B1F890, 0x3F3F120)
    check = 1
    for value in values:
        top, check = check >> 20, (check & 0xFFFFF) << 10 ^ value
        for bit, term in enumerate(terms):
            check ^= term if top >> bit & 1 else 0
    return check


def read_share(words):
    """A share (SLIP-39) from its words, each in full or by its first four letters."""
    values = []
    for place, typed in enumerate(words, 1):
        index, whole = word_list().get(typed.lower()[:4], (0, ""))
        if not whole.startswith(typed.lower()) or not whole:
            raise Problem("share-word", "word %d is not in the list of words" % place)
        values.append(index)
    if len(values) not in (20, 33):
        raise Problem("share-length", "expected 33 words, found %d" % len(values))
    bits = functools.reduce(lambda total, value: total << 10 | value, values, 0)
    head, size = bits >> (len(values) * 10 - 40), len(values) * 10 - 70
    mark = b"shamir_extendable" if head >> 24 & 1 else b"shamir"
    value, length = bits >> 30 & ((1 << size) - 1), size // 16 * 2
    if rs1024([*mark, *values]) != 1 or value >> length * 8 or head >> 12 & 15 > head >> 8 & 15:
        raise Problem("share-checksum", "the words do not fit together: one is wrong, or two changed places")
    return Thing(
        set=head >> 25,
        common=(head >> 20, head >> 12 & 15, head >> 8 & 15),
        extendable=head >> 24 & 1,
        exponent=head >> 20 & 15,
        group=head >> 16 & 15,
        groups_needed=(head >> 12 & 15) + 1,
        member=head >> 4 & 15,
        needed=(head & 15) + 1,
        value=value.to_bytes(length, "big"),
    )


def gf_tables():
    exponents, logarithms, value = [], {}, 1
    for power in range(255):
        exponents.append(value)
        logarithms[value] = power
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)
    return exponents, logarithms


EXP, LOG = gf_tables()


def interpolate(points, x):
    """The value at `x` of the polynomial over GF(256) through `points`, byte by byte."""
    result = bytes(len(points[0][1]))
    for at, value in points:
        others = [other for other, _ in points if other != at]
        basis = sum(LOG[x ^ other] for other in others) - sum(LOG[at ^ other] for other in others)
        result = bytes(a ^ (EXP[(LOG[b] + basis) % 255] if b else 0) for a, b in zip(result, value))
    return result


def recover(points, needed):
    if needed == 1:
        return points[0][1]
    secret, check = interpolate(points[:needed], 255), interpolate(points[:needed], 254)
    if hmac.digest(check[4:], secret, "sha256")[:4] != check[:4]:
        raise Problem("share-combine", "the sheets do not give a secret: one of them is altered")
    return secret


def combine(shares, passphrase=b""):
    """The secret of enough shares of one set."""
    if len({share.common for share in shares}) != 1:
        raise Problem("share-combine", "the sheets are not of one set")
    needs, groups, first = {share.group: share.needed for share in shares}, {}, shares[0]
    for share in shares:
        groups.setdefault(share.group, {})[share.member] = share.value
        if needs[share.group] != share.needed:
            raise Problem("share-combine", "two sheets of one group do not agree how many are needed")
    full = [group for group in groups if len(groups[group]) >= needs[group]]
    whole = [(group, recover(list(groups[group].items()), needs[group])) for group in full]
    if len(whole) < first.groups_needed:
        found = (first.groups_needed, len(whole))
        raise Problem("share-too-few", "expected %d whole groups of sheets, found %d: ask another holder" % found)
    secret = recover(whole, first.groups_needed)
    half = len(secret) // 2
    left, right = secret[:half], secret[half:]
    salt = b"" if first.extendable else b"shamir" + first.set.to_bytes(2, "big")
    for step in (3, 2, 1, 0):
        rounds = (10000 << first.exponent) // 4
        mask = hashlib.pbkdf2_hmac("sha256", bytes([step]) + passphrase, salt + right, rounds, half)
        left, right = right, bytes(a ^ b for a, b in zip(left, mask))
    return right + left


def check_sheet(share, charters):
    """Holds one sheet against the charters before it is used: whose it is, unaltered, of the latest set."""
    charter = next((one for one in reversed(charters) if one.get("custody", {}).get("set") == share.set), None)
    if charter is None:
        raise Problem("share-foreign", "a sheet of set %d, which is none of this vault's" % share.set)
    custody = charter["custody"]
    name = custody["groups"][share.group]["name"] if share.group < len(custody["groups"]) else ""
    mine = [one for one in charter["holders"] if (one.get("group"), one.get("member")) == (name, share.member + 1)]
    label = "escrow/v0/holder/share/%d/%d/%d" % (custody["epoch"], share.group, share.member)
    seed = hkdf(share.value, bytes.fromhex(charter["vault"]), label.encode(), 64)
    public = Ed25519PrivateKey.from_private_bytes(seed[:32]).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if MLDSA65PrivateKey:
        public += MLDSA65PrivateKey.from_seed_bytes(seed[32:]).public_key().public_bytes_raw()
    if not mine or not key_bytes(mine[0]["key"]).startswith(public):
        raise Problem(
            "share-altered", "a sheet of group %d, member %d is altered" % (share.group + 1, share.member + 1)
        )
    if custody["epoch"] != charters[-1].get("custody", {}).get("epoch"):
        raise Problem("share-old", "the sheet of the %s is an old one" % mine[0]["role"])
    return mine[0]["role"]


def open_by_sheets(shares, charters):
    """The custody identity, from enough sheets."""
    roles = [check_sheet(share, charters) for share in shares]
    if len({(share.group, share.member) for share in shares}) < len(shares):
        raise Problem("share-duplicate", "one sheet was given twice (%s)" % ", ".join(roles))
    vault = charters[-1]["vault"]
    identity = Identity(hkdf(combine(shares), bytes.fromhex(vault), b"escrow/v0/custody/age"))
    if identity.recipient not in charters[-1]["recipients"]:
        raise Problem("share-secret", "the sheets give a secret that is not this vault's")
    return identity


# ------------------------------------------- from named bytes to the history that may be believed (sections 1, 4, 9)

PURPOSES = ("restore", "check", "drill", "handover")
FOLDERS = ("charter/", "stock/", "series/", "notices/", "events/", "releases/", "receipts/")
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
}
GRAMMAR = {kind: re.compile(pattern.replace(".", "[.]"), re.ASCII) for kind, pattern in GRAMMAR.items()}


def kind_of(name):
    """The kind of object that a name says, its first part (number, series or key id) and its digest."""
    for kind, pattern in GRAMMAR.items():
        match = pattern.fullmatch(name)
        if match:
            return kind, match[1], match[match.lastindex]
    return "", "", ""


class History:
    """What a vault's records say and prove. Whatever is left out, missing or contradictory stands in `findings`."""

    def __init__(self, objects, vault=None, fingerprint=None, remembered=None):
        self.findings, self.charters, self.keys, self.series, self.links, self.main = [], [], {}, {}, [], []
        self.candidates = {kind: [] for kind in SIGNED}
        self._take(objects)
        self._charters(vault, fingerprint)
        if not self.charters:
            self.tell("charter-missing", "charter/", "no valid charter 1")
            return
        self.vault, self.fingerprint = self.charters[0].record["vault"], self.charters[0].sha256
        self.charter = self.charters[-1].record
        self.agents = {key_ref(agent["key"]): agent for agent in self.charter["agents"]}
        self._stocks()
        self._series()
        self._link([found for found in self.candidates["notice"] if self._is_notice(found)])
        self._main_branch()
        for link in self.links:
            self._check_series(link)
        if remembered:
            self._check_rollback(*remembered)
        self._events()
        self.releases = self._deeds("release", "released")
        self._deeds("receipt", "accepted")

    def tell(self, code, subject, text, warning=False):
        finding = (code, subject, text, warning)
        if finding not in self.findings:
            self.findings.append(finding)

    def _take(self, objects):
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
                    found = open_envelope(data, kind)
                except Problem as problem:
                    self.tell(problem.code, name, str(problem))
                    continue
                said = found.record[{"notice": "seq", "series": "series"}.get(kind, "n")]
                if said != (part if kind == "series" else int(part)):
                    self.tell("name-place", name, "the record is of %s" % said, True)
                    continue
                found.name = name
                self.candidates[kind].append(found)
        for name, text in misfits.items():
            self.tell("name-hash", name, text, name in fits)

    def _signers(self, found, keys):
        signed = signers(found, keys)
        if not signed:
            self.tell("signature", found.name, "nobody who may has signed it")
        return signed

    def _foreign(self, found, vault):
        if found.record["vault"] != vault:
            self.tell("vault-mismatch", found.name, "a record of vault %s" % found.record["vault"])
        return found.record["vault"] != vault

    # ---- charters (section 4.1)

    def _charters(self, vault, fingerprint):
        numbers = {}
        for found in self.candidates["charter"]:
            rivals = numbers.setdefault(found.record["n"], [])
            if found.record["n"] == 1 and fingerprint not in (None, found.sha256):
                self.tell("charter-fingerprint", found.name, "expected the fingerprint %s" % fingerprint)
            elif vault is None or not self._foreign(found, vault):
                rivals.append(found)
        for n in sorted(numbers):
            if n != len(self.charters) + 1:
                for found in numbers[n]:
                    self.tell("charter-chain", found.name, "charter %d is missing" % (len(self.charters) + 1))
                continue
            valid, whole = {}, {}
            for found in numbers[n]:
                rule = self._charter_rule(found, self.charters[-1] if self.charters else None)
                if rule:
                    valid.setdefault(found.sha256, found)
                if rule == "full":
                    whole.setdefault(found.sha256, found)
            if len(valid) > 1:
                whole.update((one.sha256, one) for one in valid.values() if self._endorsed(one, numbers))
            chosen = whole or valid
            if len(valid) > 1:
                self.tell("charter-fork", "charter/%08d" % n, "two charters of one number", len(chosen) == 1)
            if len(chosen) == 1:
                self.charters += chosen.values()

    def _endorsed(self, found, numbers):
        """Whether enough people signed a later charter that rests on this one."""
        for later in numbers.get(found.record["n"] + 1, []):
            rule = self._charter_rule(later, found, lambda *_: None)
            if rule == "full" or (rule == "minor" and self._endorsed(later, numbers)):
                return True
        return False

    def _charter_rule(self, found, before, tell=None):
        """By which rule a charter follows: `full`, `minor` (contacts and processors alone), or none."""
        charter, old, tell = found.record, before and before.record, tell or self.tell
        try:
            for one in [
                *charter["recipients"],
                *([charter["custodian"]["recipient"]] if "custodian" in charter else []),
            ]:
                check_recipient(one)
        except Problem as problem:
            return tell("field-type", found.name, str(problem))
        if before:
            if charter["vault"] != old["vault"]:
                return tell("vault-mismatch", found.name, "a charter of vault %s" % charter["vault"])
            dropped = {one["key"] for one in old["agents"]} - {one["key"] for one in charter["agents"]}
            if charter["prev"] != before.sha256 or dropped:
                return tell("charter-chain", found.name, "it does not follow the charter before")
        demands = [charter, old] if before else [charter]
        signed = signers(found, {key for one in demands for key in voices(one)})
        if not signed:
            return tell("signature", found.name, "nobody who may has signed it")
        lacking = "".join(shortfall(one, signed) for one in demands)
        if not lacking and all(one.get("custodian", {}).get("key", None) in {*signed, None} for one in demands):
            return "full"
        if before and is_minor(old, charter) and signed & board(old):
            return "minor"
        for one in reversed(demands):
            if shortfall(one, signed):
                return tell("charter-threshold", found.name, shortfall(one, signed))
            if one.get("custodian", {}).get("key") not in {*signed, None}:
                return tell("charter-custodian", found.name, "the custodian has not signed")
        return None

    # ---- stocks and series (sections 4.2 and 4.3)

    def _stocks(self):
        everyone = {key for charter in self.charters for key in board(charter.record)}
        ranked = []
        for found in sorted(self.candidates["stock"], key=lambda one: one.record["n"]):
            if self._foreign(found, self.vault):
                continue
            signed = self._signers(found, everyone)
            ranks = [at for at, one in enumerate(self.charters) if not shortfall(one.record, signed)]
            if ranks:
                ranked.append((ranks[-1], found))
            else:
                self.tell("stock-threshold", found.name, shortfall(self.charter, signed))
        chain = {found.sha256: found.record["prev"] for _, found in ranked}
        accepted, seen = [], {}
        for rank, found in ranked:
            stock = found.record
            if self._is_late(found, rank, chain):
                self.tell("stock-late", found.name, "signed by holders who had no say any more")
                continue
            if seen.setdefault(stock["n"], found.sha256) != found.sha256:
                self.tell("stock-chain", found.name, "two stocks of one number")
            if stock["prev"] != seen.get(stock["n"] - 1):
                self.tell("stock-chain", found.name, "the stock before it is missing")
            accepted.append((rank, found))
        for _, found in sorted(accepted, key=lambda one: (one[0], one[1].record["n"])):
            for key in found.record["keys"]:
                if key["id"] != sha256(key["recipient"].encode())[:16]:
                    self.tell("key-id", found.name, "key %s is not that of its recipient" % key["id"])
                elif self.keys.get(key["id"], key)["compartment"] != key["compartment"]:
                    self.tell("stock-compartment", found.name, "key %s changes its compartment" % key["id"])
                else:
                    self.keys[key["id"]] = key

    def _is_late(self, found, rank, chain):
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

    def _series(self):
        for found in self.candidates["series"]:
            series = found.record
            if self._foreign(found, self.vault):
                continue
            if series["agent"] not in self.agents:
                self.tell("series-agent", found.name, "its agent %s is none of the charter's" % series["agent"])
            elif self._signers(found, [self.agents[series["agent"]]["key"]]):
                if self.keys.get(series["key"], {}).get("compartment") != series["compartment"]:
                    self.tell("series-key", found.name, "no stock has its key for this compartment")
                else:
                    self.series.setdefault(series["series"], {}).setdefault(found.sha256, found)
        for series, records in self.series.items():
            if len(records) > 1:
                self.tell("series-fork", "series/" + series, "two records of one series")

    # ---- notices (section 9)

    def _is_notice(self, found):
        notice, agent = found.record, self.agents.get(found.record["agent"])
        if self._foreign(found, self.vault):
            return False
        if not agent:
            self.tell("notice-agent", found.name, "its agent %s is none of the charter's" % notice["agent"])
            return False
        if not self._signers(found, [agent["key"]]):
            return False
        if notice["seq"] > agent.get("revoked_after", notice["seq"]):
            self.tell("notice-revoked", found.name, "its agent was revoked after notice %d" % agent["revoked_after"])
            return False
        if notice["charter"] not in {charter.sha256 for charter in self.charters}:
            self.tell("notice-charter", found.name, "it cites a charter that is not there")
        return True

    def _link(self, notices):
        """Every notice in its place: `before` is the one it follows, `cited` whether it says so itself."""
        below, level = [], []
        taken = set()
        for found in sorted(notices, key=lambda one: (one.record["seq"], one.sha256)):
            seq = found.record["seq"]
            if found.sha256 in taken:
                continue
            taken.add(found.sha256)
            if level and level[0].record["seq"] != seq:
                below, level = level, []
            reached = below[0].record["seq"] if below else 0
            cited = [one for one in below if reached == seq - 1 and one.sha256 == found.record["prev"]]
            found.cited = bool(cited) or seq == 1
            found.before = (cited or below or [None])[0]
            if not found.cited and below and reached == seq - 1:
                self.tell("notice-prev", found.name, "it does not follow the notice before")
            elif not found.cited:
                self.tell("notice-gap", "notices/%08d" % (reached + 1), "notices up to %d are missing" % (seq - 1))
            level.append(found)
            if len(level) == 2:
                self.tell("notice-fork", "notices/%08d" % seq, "two notices of one number")
            self._count_packs(found)
            self.links.append(found)

    def _count_packs(self, link):
        """`pack-ordinal`. Behind a break in the chain nothing is known of a series' packs but what first_pack says."""
        before = link.before
        link.counts = dict(before.counts) if before and link.cited else {}
        link.broken = not link.cited or bool(before and before.broken)
        for part in link.record["series"]:
            wanted = link.counts.get(part["series"], part["first_pack"] if link.broken else 0)
            if part["first_pack"] != wanted:
                self.tell("pack-ordinal", link.name, "expected first_pack %d in %s" % (wanted, part["series"]))
            link.counts[part["series"]] = part["first_pack"] + len(part["packs"])

    def _main_branch(self):
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

    def _check_series(self, link):
        for part in link.record["series"]:
            records = self.series.get(part["series"])
            if not records:
                self.tell("notice-series", "series/" + part["series"], "the record of the series is missing")
                continue
            found = records.get(part["record"])
            said = (part["compartment"], part["key"], link.record["agent"])
            if not found or said != tuple(found.record[member] for member in ("compartment", "key", "agent")):
                self.tell("notice-series", link.name, "it does not agree with the record of %s" % part["series"])

    def _check_rollback(self, seq, digest):
        subject = "notices/%08d" % seq
        if not self.main or self.main[-1].record["seq"] < seq:
            self.tell("rollback", subject, "the vault ends before this notice, which was seen once")
        elif digest not in {link.sha256 for link in self.main}:
            self.tell("rollback-other", subject, "another notice than the one that was seen once")

    # ---- events, releases, receipts (section 13)

    def _events(self):
        """The chain of events up to its first gap; those that break a rule stand in it and do nothing."""
        places = {found.sha256: at for at, found in enumerate(self.charters)}
        everyone = {key for found in self.charters for key in voices(found.record)}
        heads, known, highest = [link.record["events"] for link in self.main], [], 0
        for head, link in zip(heads, self.main):
            highest = max(highest, head["n"] if head else 0)
            if highest and link.record["charter"] in places:
                known.append((highest, places[link.record["charter"]]))
        self.events, self.handover, before, place, reached, numbers = [], Handover(), set(), 0, 0, {}
        for found in self.candidates["event"]:
            if not self._foreign(found, self.vault):
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
                trusted = everyone | {grant.to["key"] for grant in self.handover.all}
                found.signers = set().union(*(self._signers(one, trusted) for one in envelopes))
                if not found.signers:
                    continue
                try:
                    at = places[event["charter"]]
                    if at < max([place, *(one for head, one in known if head < n)]):
                        raise Problem("event-charter", "its charter was not in force any more")
                    self._check_silence(event, self.charters[at].record)
                    self.handover.step(event, found.sha256, found.signers, self.charters[at].record)
                    highest = max(highest, at)
                except Problem as problem:
                    found.refused = problem.code
                    self.tell(problem.code, found.name, str(problem))
                taken.append(found)
            if len(taken) > 1:
                self.tell("event-fork", "events/%08d" % n, "two events of one number")
            self.events += taken
            before, place, reached = {one.sha256 for one in taken}, highest, n if taken else reached
        there = {(one.record["n"], one.sha256) for one in self.events}
        lost = [head for head in heads if head and (head["n"], head["sha256"]) not in there]
        if lost:
            self.tell("event-rollback", "events/%08d" % lost[0]["n"], "a notice has seen an event that is not there")

    def _check_silence(self, event, charter):
        days = [one["days"] for one in charter.get("triggers", []) if one["kind"] == "silence"]
        if event.get("trigger") == "silence" and event["kind"] == "notice-given" and days:
            made = parse_time(event["created"][:-1], "created")
            nights = [parse_time(link.record["store_time"][:-1], "store_time") for link in self.main]
            if any(datetime.timedelta(0) <= made - night < datetime.timedelta(days[0]) for night in nights):
                raise Problem("handover-silence", "there was a night in the %d days before" % days[0])

    def _deeds(self, kind, event_kind):
        """Releases, or receipts, that an event tells of."""
        told = {one.record["deed"]: one for one in self.events if one.record["kind"] == event_kind and not one.refused}
        signed, accepted = {}, []
        for found in self.candidates[kind]:
            deed, event = found.record, told.get(found.sha256)
            if self._foreign(found, self.vault):
                continue
            if not event:
                self.tell(kind + "-unnamed", found.name, "no event tells of it", True)
                continue
            same = ("n", "notice", "to", "purpose") if kind == "release" else ("n", "release")
            keys = [key["id"] for key in deed.get("keys", [])] if kind == "release" else event.record.get("keys")
            if any(deed[one] != event.record[one] for one in same) or keys != event.record.get("keys"):
                self.tell(kind + "-differs", found.name, "it says other things than its event")
                continue
            for key in deed.get("keys", []):
                if self.keys.get(key["id"], {}).get("compartment") != key["compartment"]:
                    self.tell("release-key", found.name, "no stock has its keys for these compartments")
            names = self._signers(found, event.signers)
            if kind == "release" or names:
                signed[found.sha256] = signed.get(found.sha256, set()) | names
                accepted.append(deed)
        for digest, event in told.items():
            if digest not in signed:
                self.tell(kind + "-missing", event.name, "the %s that it tells of is not there" % kind)
            elif kind == "release" and not event.signers <= signed[digest]:
                self.tell("release-quorum", event.name, "not all who signed it signed its release")
        return accepted

    def snapshots(self):
        main = {link.sha256 for link in self.main}
        nights = [link for link in self.links if link.record["kind"] == "snapshot"]
        return sorted(nights, key=lambda link: (link.record["seq"], link.sha256 not in main, link.sha256))

    def expected(self):
        """Every sealed object that must be there: name, hash and size."""
        found = {}
        for key in self.keys.values():
            found["stock/%s-%s.age" % (key["id"], key["sha256"][:16])] = (key["sha256"], key["size"])
        for release in self.releases:
            for key in release["keys"]:
                found["releases/%s-%s.age" % (key["id"], key["sha256"][:16])] = (key["sha256"], key["size"])
        for link in self.links:
            for part in link.record["series"]:
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
        self.phase, self.notice, self.grants, self.past, self.custodian, self.purposes = (
            "active",
            None,
            [],
            [],
            None,
            [],
        )

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
        self.__dict__.update(Handover().__dict__, past=self.all)

    def _released(self, event, digest, signed, charter):
        if not self.notice:
            raise Problem("handover-phase", "there is no notice of a handover")
        self._check_notice(event)
        passed_on = bool(self.custodian and self.custodian["key"] in signed)
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


def check_recipient(text):
    """A recipient that can be one: checksum, size, ML-KEM's coefficients, and no X25519 key of low order."""
    raw = bech32_data(text, "age1pq")
    pairs = [(raw[at] | (raw[at + 1] & 15) << 8, raw[at + 1] >> 4 | raw[at + 2] << 4) for at in range(0, 1150, 3)]
    if len(raw) != 1184 + 32 or max(max(pair) for pair in pairs) >= 3329:
        raise Problem("field-type", "a recipient of another size, or no ML-KEM key")
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw[1184:]))
    except ValueError:
        raise Problem("field-type", "a recipient with an impossible X25519 key") from None


def board(charter):
    return {holder["key"] for holder in charter["holders"]}


def voices(charter):
    return board(charter) | ({charter["custodian"]["key"]} if "custodian" in charter else set())


def is_minor(before, charter):
    free = ("n", "prev", "created", "contacts", "processors")
    return all(before.get(one) == charter.get(one) for one in {*before, *charter}.difference(free))


def shortfall(charter, signed):
    """What these signers lack to speak for the holders of a charter; "" when nothing."""
    mine = [holder for holder in charter["holders"] if holder["key"] in signed]
    if len(mine) < charter["threshold"]:
        return "%d of %d holders of charter %d signed" % (len(mine), charter["threshold"], charter["n"])
    if "custody" in charter:
        whole = [one for one in groups_of(charter) if sum(h.get("group") == one["name"] for h in mine) >= one["needed"]]
        if len(whole) < charter["custody"]["groups_needed"]:
            return "%d groups of holders of charter %d signed whole" % (len(whole), charter["n"])
    return ""


def packs_of(link, series):
    """How many packs a series has, up to this notice on its branch, and those that no gap hides, by ordinal."""
    branch, packs, number = [], {}, 0
    while link:
        branch.append(link)
        link = link.before
    for one in reversed(branch):
        for part in one.record["series"]:
            if part["series"] == series:
                packs = {ordinal: packs[ordinal] for ordinal in packs if ordinal < part["first_pack"]}
                packs.update(enumerate(part["packs"], part["first_pack"]))
                number = part["first_pack"] + len(part["packs"])
    return number, packs


# ------------------------------------------------------------- the folder, also with junk and old versions in it


class Vault:
    """A folder that holds a copy of a vault. Files that have no name of the vault's are tried by what they hold."""

    def __init__(self, root):
        self.names, self.strays, self.junk, self.hashes = {}, [], [], {}
        self.root = root
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(one for one in folders if one != "RESCUE")  # where golden.tar may be unpacked
            for file in sorted(files):
                path = os.path.join(folder, file)
                if not stat.S_ISREG(os.lstat(path).st_mode):
                    continue
                name = os.path.relpath(path, root).replace(os.sep, "/")
                if kind_of(name)[0]:
                    self.names[name] = path
                else:
                    self.strays.append(path)
                    if name.startswith(FOLDERS) and "/." not in name:
                        self.junk.append(name)

    def read(self, path, limit=MAX_PACK):
        with open(path, "rb") as file:
            data = file.read(limit + 1)
        return data if len(data) <= limit else b""

    def records(self):
        """Names and bytes of every signed record; junk comes by its name alone."""
        for name in self.junk:
            yield name, b""
        for name, path in self.names.items():
            if kind_of(name)[0] in SIGNED:
                yield name, self.read(path, MAX_RECORD)
        for path in self.strays:
            with open(path, "rb") as file:
                if file.read(12) != b'{"payload":"':
                    continue
            data = self.read(path, MAX_RECORD)
            named = name_of_envelope(data)
            if named and (named not in self.names or self.read(self.names[named]) != data):
                yield named, data

    def find(self, name, digest, size):
        """The bytes of a sealed object, from whichever file has them."""
        if size > MAX_PACK:
            raise Problem("pack-size", "%s: %d bytes; at most %d are allowed" % (name, size, MAX_PACK))
        known = self.names.get(name)
        if known:
            data = self.read(known)
            if sha256(data) == digest:
                return data
        for path in self.strays:
            if os.path.getsize(path) == size and self.hashes.setdefault(path, None) in (None, digest):
                data = self.read(path)
                self.hashes[path] = sha256(data)
                if self.hashes[path] == digest:
                    return data
        if known:
            raise Problem("object-hash", "%s: its bytes are not those that were deposited" % name)
        raise Problem("object-missing", "%s is not in the folder" % name)


def name_of_envelope(data):
    """The name that an envelope has in a vault, by what it says itself; "" for what is none."""
    try:
        envelope = read_canonical(data)
        kind = re.fullmatch(r"application/vnd\.escrow\.([a-z]+)\+json", envelope["payloadType"])[1]
        record = open_envelope(data, kind).record
    except (Problem, KeyError, TypeError):
        return ""
    folder = {"notice": "notices", "event": "events", "release": "releases", "receipt": "receipts"}.get(kind, kind)
    if kind == "series":
        return "series/%s/series-%s.json" % (record["series"], sha256(data)[:16])
    return "%s/%08d-%s.json" % (folder, record.get("seq", record.get("n")), sha256(data)[:16])


# ------------------------------------------------------------------- packs, manifests, file lists (sections 6 to 8)


def open_frame(data, most, code):
    """The content of the zstd frame at the start of `data`; what follows it is left alone."""
    try:
        size = zstandard.frame_content_size(data) if zstandard else zstd.get_frame_info(data).decompressed_size
        if not 0 <= (-1 if size is None else size) <= most:
            raise Problem(code, "a zstd frame of %s bytes; at most %d are allowed" % (size, most))
        if zstandard:
            return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        opener = zstd.ZstdDecompressor()
        content = opener.decompress(data, size + 1)
        if len(content) == size and opener.eof:
            return content
    except (zstandard or zstd).ZstdError:
        pass
    raise Problem("segment-damaged", "a zstd frame does not open")


def read_table(plain):
    """The segments of a pack: for each where it stands, its size, where its content begins, and its raw size."""
    entries, descriptor, magic = struct.unpack("<IBI", plain[-9:]) if len(plain) >= 17 else (0, 0, 0)
    size = 8 + 8 * entries + 9
    table = plain[-size:]
    if (
        (descriptor, magic) != (0, 0x8F92EAB1)
        or size > len(plain)
        or table[:8] != struct.pack("<II", 0x184D2A5E, size - 8)
    ):
        raise Problem("pack-table", "no seek table at the end of the pack")
    segments, at, start = [], 0, 0
    for packed, raw in struct.iter_unpack("<II", table[8:-9]):
        if raw > MAX_SEGMENT:
            raise Problem("segment-size", "a segment of %d bytes" % raw)
        if raw:
            segments.append((at, packed, start, raw))
        at, start = at + packed, start + raw
    if at != len(plain) - size:
        raise Problem("pack-table", "the seek table does not account for every byte of the pack")
    if start > MAX_PACK_RAW:
        raise Problem("pack-raw", "a pack of %d raw bytes" % start)
    return segments


class Pack:
    """One opened pack."""

    def __init__(self, sealed, identity):
        self.plain = memoryview(age_open(sealed, [identity]))
        self.segments = read_table(self.plain)
        self.size = sum(segment[3] for segment in self.segments)
        self.segment = functools.lru_cache(8)(self._segment)

    def _segment(self, at):
        begin, size, _, raw = self.segments[at]
        content = open_frame(self.plain[begin : begin + size], raw, "segment-size")
        if len(content) != raw:
            raise Problem("segment-size", "a segment of another size than the table says")
        return content

    def read(self, offset, length):
        """Pieces of the raw bytes."""
        if offset + length > self.size:
            raise Problem("extent-range", "a file reaches past the end of its pack")
        low, high = 0, len(self.segments)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.segments[middle][2] <= offset else (low, middle)
        while length:
            start = offset - self.segments[low][2]
            piece = memoryview(self.segment(low))[start : start + length]
            yield piece
            offset, length, low = offset + len(piece), length - len(piece), low + 1


class Compartment:
    """One compartment of one night, opened: its manifest, its packs, its file list."""

    def __init__(self, vault, history, link, part, identity):
        self.vault, self.name, self.identity = vault, part["compartment"], identity
        self.stem, place = "series/%s/" % part["series"], part["manifest"]
        seq = link.record["seq"]
        name = "%smanifests/%08d-%s.age" % (self.stem, seq, place["sha256"])
        plain = age_open(vault.find(name, place["sha256"], place["size"]), [identity])
        self.manifest = read_record(open_frame(plain, MAX_RECORD, "json-size"), "manifest")
        number, self.packs = packs_of(link, part["series"])
        said = [self.manifest[one] for one in ("vault", "series", "compartment", "seq", "packs")]
        if said != [history.vault, part["series"], part["compartment"], seq, number]:
            raise Problem("manifest-place", "%s is the manifest of another night" % name)
        self.recent = functools.lru_cache(8)(self._open_or_problem)

    def open_pack(self, ordinal):
        place = self.packs.get(ordinal)
        if not place:
            raise Problem("extent-range", "a file lies in pack %d, which no notice names" % ordinal)
        name = "%spacks/%s.age" % (self.stem, place["sha256"])
        return Pack(self.vault.find(name, place["sha256"], place["size"]), self.identity)

    def _open_or_problem(self, ordinal):
        try:
            return self.open_pack(ordinal)
        except Problem as problem:
            return problem

    def stream(self, extents):
        """The bytes of a file, piece by piece; the packs used last are kept open."""
        for ordinal, offset, length in extents:
            pack = self.recent(ordinal)
            if isinstance(pack, Problem):
                raise pack
            yield from pack.read(offset, length)

    def entries(self):
        """The file list, line by line; its end proves it to be the one that the manifest means."""
        listed, digest, size, rest, last = self.manifest["list"], hashlib.sha256(), 0, b"", b""
        totals = collections.Counter(files=0, bytes=0, dirs=0, links=0, unread=0)
        for piece in self.stream(listed["extents"]):
            digest.update(piece)
            size += len(piece)
            *lines, rest = (rest + bytes(piece)).split(b"\n")
            if len(rest) > MAX_LINE:
                raise Problem("json-size", "a line of the file list is over 64 MiB")
            for line in lines:
                entry = read_line(line)
                if entry["path"] <= last:
                    raise Problem("list-order", "the paths of the file list are not sorted, each once")
                last = entry["path"]
                totals[{"file": "files", "dir": "dirs", "link": "links", "unread": "unread"}[entry["type"]]] += 1
                totals["bytes"] += entry.get("size", 0)
                if totals["files"] + totals["dirs"] + totals["links"] + totals["unread"] > MAX_FILES:
                    raise Problem("list-size", "more than 20 million lines")
                yield entry
        if (size, digest.hexdigest()) != (listed["size"], listed["sha256"]):
            raise Problem("list-hash", "the file list is not the one that the manifest means")
        if rest:
            raise Problem("json-syntax", "the file list does not end with a line end")
        if totals != self.manifest["totals"]:
            raise Problem("list-totals", "the file list does not have as many files as the manifest says")


def read_line(line):
    """One entry of the file list; `path` and `target` as bytes."""
    value = parse_json(line, MAX_LINE)
    try:
        return read_entry(value)
    except Problem:
        check_values(value)  # where several things are wrong, depth and integers are told first
        raise


def read_entry(value):
    demand(isinstance(value, dict), "line")
    entry = dict(value)
    kind = value.get("type")
    entry["path"] = read_path(entry, "path", "path-grammar")
    parts = entry["path"].split(b"/")
    if len(entry["path"]) > MAX_PATH or b"\0" in entry["path"] or {b"", b".", b".."} & set(parts):
        raise Problem("path-grammar", "expected a relative path, found %.80r" % entry["path"])
    times = {"mtime", "mode"} if "mode" in value else {"mtime"}
    wanted = {
        "file": {"dataset", "size", "sha256", "extents", *times},
        "dir": times,
        "link": {"target", *times},
        "unread": {"reason"},
    }
    if kind == "link":
        entry["target"] = read_path(entry, "target", "field-type")
        demand(0 < len(entry["target"]) <= MAX_PATH and b"\0" not in entry["target"], "target")
    if "type" in value:
        demand(isinstance(kind, str) and kind in wanted, "type")
    for member in sorted({"type", *wanted.get(kind, ())}):
        if member not in entry:
            raise Problem("field-missing", "line.%s is missing" % member)
    if set(entry) != {"path", "type", *wanted[kind]}:
        raise Problem("field-unknown", "members of a line that is no %s" % kind)
    forms = {"mode": "0..", "dataset": "text", "sha256": "hex64", "size": "0..%d" % MAX_FILE, "reason": "name"}
    for member in wanted[kind] & set(forms):
        check_form(entry[member], forms[member], member)
    if "mtime" in entry:
        entry["mtime"] = read_ftime(entry["mtime"])
    if kind == "file":
        demand(isinstance(entry["extents"], list), "extents")
        for extent in entry["extents"]:
            check_form(extent, "extent", "extents")
            demand(max(extent) <= MAX_INTEGER, "extents")
        if sum(extent[2] for extent in entry["extents"]) != entry["size"]:
            raise Problem("extent-sum", "the extents of a file do not add up to its size")
    return entry


def read_path(entry, member, code):
    """A path as bytes, out of text or, where text cannot say it, base64."""
    if member in entry:
        given = entry[member]
        demand(isinstance(given, str), member)
        if re.search("[\x00-\x1f\x7f-\x9f]", given):
            raise Problem(code, "%s: control characters in a text" % member)
        return given.encode("utf-8")
    if member + "_b64" not in entry:
        raise Problem("field-missing", "line.%s is missing" % member)
    given = entry.pop(member + "_b64")
    demand(isinstance(given, str), member)
    raw = unbase64(given, code)
    try:
        if not re.search("[\x00-\x1f\x7f-\x9f]", raw.decode("utf-8")):
            raise Problem(code, "%s: base64 of what can be text" % member)
    except UnicodeDecodeError:
        pass
    return raw


def read_ftime(value):
    """Nanoseconds since 1970."""
    match = isinstance(value, str) and re.fullmatch(
        r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{0,8}[1-9]))?Z", value, re.ASCII
    )
    demand(match, "mtime")
    since = parse_time(match[1], "mtime") - datetime.datetime(1970, 1, 1)
    return (since.days * 86400 + since.seconds) * 10**9 + int((match[2] or "0").ljust(9, "0"))


def open_night(vault, history, link, identities):
    """The compartments of a night that open, and a problem for each of the others."""
    opened, problems = [], []
    for part in link.record["series"]:
        try:
            identity = find_series_key(vault, history, part, identities)
            opened.append(Compartment(vault, history, link, part, identity))
        except Problem as problem:
            problems.append((problem.code, part["compartment"], str(problem)))
    return opened, problems


def find_series_key(vault, history, part, identities):
    """The identity of a series: from the sealing that counts, else from any other sealing that is there.

    Which sealing it came from does not matter: it is held against the recipient that the holders signed.
    """
    key = history.keys.get(part["key"])
    if not key or key["compartment"] != part["compartment"]:
        raise Problem("series-key", "no stock has the key %s for %s" % (part["key"], part["compartment"]))
    name, first = "stock/%s-%s.age" % (key["id"], key["sha256"][:16]), None
    others = [one for one in vault.names if kind_of(one)[:2] in (("key", key["id"]), ("released-key", key["id"]))]
    for other in [None, *others]:
        try:
            sealed = vault.read(vault.names[other]) if other else vault.find(name, key["sha256"], key["size"])
            return open_series_key(age_open(sealed, identities), key, history.vault)
        except Problem as problem:
            first = first or problem
    raise first


# -------------------------------------------------------------------------------------------- restoring files

RESERVED = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
RESERVED |= {device + digit for device in ("COM", "LPT") for digit in "0123456789\xb9\xb2\xb3"}


def safe_parts(path, windows):
    """The parts of a path as names for this system; refuses what could lead elsewhere or be taken for another."""
    if not windows:
        names = [os.fsdecode(part) for part in path.split(b"/")]
        if any(len(part) > 255 for part in path.split(b"/")):
            raise Problem("path-hostile", "a part of the path is too long")
        return names
    try:
        names = path.decode("utf-8", "surrogatepass").split("/")
    except UnicodeDecodeError:
        raise Problem("path-hostile", "the path is no Unicode text") from None
    for one in names:
        device = one.split(".")[0].rstrip(" ").upper() in RESERVED
        if device or set(one) & set('<>:"|?*\\') or min(one) < " " or one[-1] in ". " or len(one) > 255:
            raise Problem("path-hostile", "Windows reserves or changes a part of the path")
    return names


class Restore:
    """Writes the files of a night below `out`: a file has its name only when its SHA-256 is right."""

    def __init__(self, out, tell):
        os.makedirs(out, exist_ok=True)
        self.out, self.tell, self.places = os.path.realpath(out), tell, {}
        self.files = self.bytes = 0
        probe = os.path.join(self.out, ".rescue-CASE-probe")
        with open(probe, "wb"):
            self.fold = os.path.exists(os.path.join(self.out, ".rescue-case-probe"))
        os.unlink(probe)

    def compartment(self, opened, wanted):
        jobs, extents = [], 0
        for entry in self.proven(opened, jobs):
            shown = show(entry["path"])
            if not any(fnmatch.fnmatchcase(shown, glob) for glob in wanted):
                continue
            try:
                job = self.place(entry)
            except (Problem, OSError) as problem:
                self.tell(getattr(problem, "code", "restore-unwritable"), shown, str(problem))
                continue
            if job:
                jobs.append(job)
                extents += len(entry["extents"])
            if len(jobs) >= 20_000 or extents >= 1_000_000:
                self.write(opened, jobs)
                extents = 0
        self.write(opened, jobs)

    def proven(self, opened, jobs):
        """The entries; when the list turns out to be none, what was to be filled is taken away."""
        try:
            yield from opened.entries()
        except Problem:
            for _, temporary, _ in jobs:
                os.unlink(temporary)
            raise

    def place(self, entry):
        """Makes room for an entry; gives (entry, temporary name, name) for a file that is still to be written."""
        if entry["type"] in ("link", "unread"):
            what = (
                "a link to " + show(entry["target"])
                if "target" in entry
                else "it could not be read: " + entry["reason"]
            )
            self.tell("not-a-file", show(entry["path"]), what, True)
            return None
        parts = safe_parts(entry["path"], os.name == "nt")
        folders = len(parts) - (entry["type"] == "file")
        for depth in range(1, len(parts) + 1):
            spelled = "/".join(parts[:depth])
            key = (
                unicodedata.normalize("NFC", unicodedata.normalize("NFC", spelled).casefold()) if self.fold else spelled
            )
            mine = (spelled, depth <= folders)
            if (depth == len(parts) and key in self.places) or self.places.setdefault(key, mine) != mine:
                raise Problem("path-collision", "it falls together with another path of this night")
        at = self.out
        for part in parts[:folders]:
            at = os.path.join(at, part)
            if os.path.islink(at):
                raise Problem("restore-link", "a link lies in the way; restore into an empty folder")
            os.makedirs(at, exist_ok=True)
        if entry["type"] == "dir":
            return None
        target = os.path.join(at, parts[-1])
        if os.path.lexists(target):
            if not os.path.islink(target) and os.path.isfile(target) and file_sha256(target) == entry["sha256"]:
                self.files += 1
                return None
            raise Problem("restore-exists", "another file is there already; restore into an empty folder")
        temporary = os.path.join(at, ".%s.rescue-part" % sha256(entry["path"])[:16])
        if os.path.lexists(temporary):
            os.unlink(temporary)
        with open(temporary, "xb") as file:
            file.truncate(entry["size"])
        return entry, temporary, target

    def write(self, opened, jobs):
        """Opens every pack once and writes its bytes to where they belong."""
        slices, spoilt = {}, {}
        for number, (entry, _, _) in enumerate(jobs):
            at = 0
            for ordinal, offset, length in entry["extents"]:
                slices.setdefault(ordinal, []).append((offset, length, number, at))
                at += length

        def scatter(ordinal):
            try:
                pack = opened.open_pack(ordinal)
            except Problem as problem:
                return {number: problem for _, _, number, _ in slices[ordinal]}
            bad, handle, current = {}, None, None
            for offset, length, number, at in sorted(slices[ordinal], key=lambda one: (one[2], one[0])):
                if number != current:
                    if handle:
                        handle.close()
                    handle, current = open(jobs[number][1], "r+b"), number
                handle.seek(at)
                try:
                    handle.writelines(pack.read(offset, length))
                except Problem as problem:
                    bad[number] = problem
            if handle:
                handle.close()
            return bad

        with ThreadPoolExecutor(3) as pool:
            for bad in pool.map(scatter, sorted(slices)):
                spoilt.update(bad)
        for number, (entry, temporary, target) in enumerate(jobs):
            problem = spoilt.get(number)
            if not problem and file_sha256(temporary) != entry["sha256"]:
                problem = Problem("file-hash", "its bytes are not those that were deposited")
            if problem:
                os.unlink(temporary)
                self.tell(problem.code, show(entry["path"]), str(problem))
                continue
            os.utime(temporary, ns=(entry["mtime"], entry["mtime"]))
            if "mode" in entry and os.name == "posix":
                os.chmod(temporary, entry["mode"] & 0o777)
            os.replace(temporary, target)
            self.files += 1
            self.bytes += entry["size"]
        jobs.clear()


def file_sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(MIB), b""):
            digest.update(block)
    return digest.hexdigest()


def show(path):
    """A path for people: what is no printable Unicode is escaped."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in text)


# -------------------------------------------------------------------------------------------- the commands


class Report:
    """Prints findings as they come, and counts those that matter."""

    def __init__(self):
        self.found = []

    def __call__(self, code, subject, text, warning=False):
        self.found.append((code, subject, text, warning))
        print("%s %s: %s (%s)" % ("note" if warning else "AMISS", subject, text, code))

    @property
    def errors(self):
        return sum(not warning for _, _, _, warning in self.found)


def check_objects(vault, history, tell):
    """Reads every sealed object that the history names, and tells of those that nobody names."""
    expected, total = history.expected(), 0
    for name, (digest, size) in sorted(expected.items()):
        try:
            total += len(vault.find(name, digest, size))
        except Problem as problem:
            tell(problem.code, name, str(problem))
    for name in vault.names:
        if kind_of(name)[0] in ("pack", "manifest", "key") and name not in expected:
            tell("object-unnamed", name, "no notice and no stock names it", True)
    return len(expected), total


def check_files(opened, tell):
    """Reads every file of a compartment and compares its SHA-256."""
    count = 0
    try:
        for entry in opened.entries():
            if entry["type"] == "file":
                digest = hashlib.sha256()
                try:
                    for piece in opened.stream(entry["extents"]):
                        digest.update(piece)
                    if digest.hexdigest() != entry["sha256"]:
                        raise Problem("file-hash", "its bytes are not those that were deposited")
                    count += 1
                except Problem as problem:
                    tell(problem.code, show(entry["path"]), str(problem))
    except Problem as problem:
        tell(problem.code, opened.name, str(problem))
    return count


def choose_night(history, wanted):
    main = {link.sha256 for link in history.main}
    number, _, digest = wanted.partition("-")
    for link in history.snapshots() if wanted != "latest" else reversed(history.main):
        if link.record["kind"] != "snapshot" or (wanted == "latest" and link.sha256 not in main):
            continue
        if wanted == "latest" or (str(link.record["seq"]) == number and link.sha256.startswith(digest)):
            return link
    raise Problem("night-unknown", "the vault has no night %s; the command list shows them" % wanted)


def read_sheets(given):
    """Shares from files (the words of one sheet a line, or of one sheet a file), or typed."""
    if not given:
        typed = iter(lambda: input("Words of the next sheet (Return ends): ").split(), [])
        return [read_share(words) for words in typed]
    shares = []
    for path in given:
        with open(path, encoding="utf-8") as file:
            lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
        sheets = lines if all(len(line) in (20, 33) for line in lines) else [sum(lines, [])]
        shares += [read_share(words) for words in sheets]
    return shares


def read_identities(arguments, history):
    def ask():
        if not arguments.passphrase_file:
            return getpass.getpass("Passphrase of the key file: ")
        with open(arguments.passphrase_file, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")

    if arguments.sheets is not None:
        return [open_by_sheets(read_sheets(arguments.sheets), [charter.record for charter in history.charters])]
    with open(arguments.key, "rb") as file:
        return read_key_file(file.read(MIB), ask)


def introduce(history):
    charter, digest = history.charter, history.fingerprint
    print("Vault of %s, charter %d" % (charter["school"]["name"], charter["n"]))
    for one in [charter.get("custodian"), charter.get("controller"), *charter.get("contacts", [])]:
        if one:
            print("  %s" % ": ".join(one[member] for member in ("role", "name", "text") if member in one))
    print("Fingerprint %s" % " ".join(digest[at : at + 8] for at in range(0, 64, 8)))
    print("Compare it with the one on a sheet, or in a letter of the school's: it is what makes this vault theirs.")
    if not MLDSA65PublicKey:
        print("NOT CHECKED: the ML-DSA-65 half of every signature (this Python's cryptography has no ML-DSA-65).")
    print("NOT CHECKED: whether the newest nights were taken away, unless --head says which was seen last.")


def run(arguments):
    tell, vault = Report(), Vault(arguments.vault)
    remembered = arguments.head and (int(arguments.head.partition("-")[0]), arguments.head.partition("-")[2])
    history = History(vault.records(), fingerprint=arguments.fingerprint, remembered=remembered)
    if arguments.command == "key" and history.charters:
        for identity in read_identities(arguments, history):
            print(bech32_text("age-secret-key-pq-", identity.seed).upper())
        return 0
    for finding in history.findings:
        tell(*finding)
    if not history.charters:
        print("No vault here, or several: give the folder that has charter, stock, series and notices in it,")
        print("and with --fingerprint the one from a sheet, where there are two first charters.")
        return 3
    introduce(history)
    if arguments.command == "list":
        for link in history.snapshots():
            names = ", ".join(part["compartment"] for part in link.record["series"])
            aside = "" if link in history.main else "  (beside the main branch)"
            print("%d-%s  %s  %s%s" % (link.record["seq"], link.sha256[:8], link.record["store_time"], names, aside))
        return 1 if tell.errors else 0
    if arguments.command == "check":
        print("%d objects, %d bytes were read and hashed" % check_objects(vault, history, tell))
        if arguments.key is None and arguments.sheets is None:
            print("NOT CHECKED: what is inside, which needs --key or --sheets")
            return 1 if tell.errors else 0
    identities = read_identities(arguments, history)
    link = choose_night(history, arguments.night)
    opened, problems = open_night(vault, history, link, identities)
    for problem in problems:
        tell(*problem)
    print("Night %d of %s" % (link.record["seq"], link.record["store_time"]))
    restore = Restore(arguments.out, tell) if arguments.command == "restore" else None
    for one in opened:
        try:
            if restore:
                restore.compartment(one, arguments.only or ["*"])
            elif arguments.command == "check":
                print("%s: %d files were read and are right" % (one.name, check_files(one, tell)))
            else:
                for entry in one.entries():
                    print(
                        "%s\t%s\t%s\t%s"
                        % (one.name, entry.get("size", entry["type"]), entry.get("sha256", ""), show(entry["path"]))
                    )
        except Problem as problem:
            tell(problem.code, one.name, str(problem))
    if restore:
        print(
            "%d files are in %s, %d bytes written, each with the right SHA-256"
            % (restore.files, restore.out, restore.bytes)
        )
    print("%d things are amiss" % tell.errors)
    return (1 if opened else 3) if tell.errors else 0


def main(given=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("check", "list", "files", "restore", "key"))
    parser.add_argument("vault", help="the folder that holds the vault")
    parser.add_argument("out", nargs="?", help="restore: the folder to write to")
    parser.add_argument("--key", help="custody.key, a custodian's key file, or another age identity file")
    parser.add_argument("--passphrase-file", help="a file with the key file's passphrase; else it is asked for")
    parser.add_argument("--sheets", nargs="*", metavar="FILE", help="files with the words of sheets; none: typed")
    parser.add_argument("--night", default="latest", help="the number of a night, as list shows it")
    parser.add_argument("--only", action="append", metavar="GLOB", help="restore: files whose path is like this")
    parser.add_argument("--fingerprint", help="the vault's fingerprint, 64 digits: believe no other")
    parser.add_argument("--head", metavar="N-HASH", help="the last notice that was seen before: its number and hash")
    arguments = parser.parse_args(given)
    if arguments.command == "restore" and not arguments.out:
        parser.error("restore needs the folder to write to")
    if arguments.command in ("restore", "files", "key") and arguments.key is None and arguments.sheets is None:
        parser.error("give --key FILE or --sheets FILE...")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return run(arguments)
    except Problem as problem:
        print("%s (%s)" % (problem, problem.code), file=sys.stderr)
        return 2 if problem.code == "night-unknown" else 3
    except (OSError, EOFError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
