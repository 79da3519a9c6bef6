#!/usr/bin/env python3
"""What an escrow vault is signed and sealed with: JSON, signatures, age files, keys, sheets of words.

escrow_rescue.py beside this file uses it; format.md is the specification. Alone it opens one age file, where no program
`age` of version 1.3 or newer is at hand:

    python escrow_seals.py -d -i identity.txt FILE > plaintext
    python escrow_seals.py -d -o identity.txt custody.key              asks for the passphrase
"""

import argparse
import base64
import functools
import getpass
import hashlib
import hmac
import json
import os
import re
import sys
from types import SimpleNamespace as Thing

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

try:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
except ImportError:
    sys.exit("This needs the Python package cryptography, version 48 or newer: python -m pip install -U cryptography")
try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
except ImportError:  # told in every report: signatures are then half checked
    MLDSA65PrivateKey = MLDSA65PublicKey = None

VERSION, KIB, MIB = 1, 1 << 10, 1 << 20
MAX_INTEGER, MAX_RECORD, MAX_HEADER, CHUNK = 2**53 - 1, 4 * MIB, 256 * KIB, 64 * KIB


class Problem(Exception):
    """Something is not as format.md says; `code` is its word for it."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def file_sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(MIB), b""):
            digest.update(block)
    return digest.hexdigest()


# -------------------------------------------------------------------------------------- JSON and base64 (section 2)


def parse_json(data, limit=MAX_RECORD):
    """JSON without doubled members, floats, lone surrogates, or more than 16 levels."""

    def members(pairs):
        if len(dict(pairs)) != len(pairs):
            raise Problem("json-duplicate", "a member stands twice in one object")
        return dict(pairs)

    def refuse(text):
        raise Problem("json-syntax" if text[-1].isalpha() else "json-integer", "%.32s in JSON" % text)

    if len(data) > limit:
        raise Problem("json-size", "%d bytes of JSON; at most %d are allowed" % (len(data), limit))
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=members, parse_float=refuse, parse_constant=refuse)
        if "\\u" in text:
            canonical_json(value)
    except (UnicodeError, json.JSONDecodeError) as error:
        raise Problem("json-syntax", "not JSON in UTF-8: %s" % error) from None
    except RecursionError:
        raise Problem("json-depth", "more than 16 levels") from None
    except ValueError:  # Python's own limit for the digits of an integer
        raise Problem("json-integer", "an integer of thousands of digits") from None
    check_values(value)
    return value


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
    if canonical_json(value) != data:
        raise Problem("json-canonical", "the JSON is not in its canonical form")
    return value


def unbase64(text, code, padded=True):
    """Base64 in the one form that encoding gives."""
    try:
        raw = base64.b64decode(text if padded else text + "=" * (-len(text) % 4), validate=True)
        again = base64.b64encode(raw).decode()
        if text == (again if padded else again.rstrip("=")):
            return raw
    except (TypeError, ValueError):
        pass
    raise Problem(code, "expected base64 in its canonical form")


# ---------------------------------------------------------------------------- envelopes and signatures (section 3)


def open_envelope(data, kind, read_record):
    """The record in an envelope, nobody's signature checked yet. `read_record` makes it of the payload."""
    wanted = "application/vnd.escrow.%s+json" % kind
    envelope = read_canonical(data)
    if not isinstance(envelope, dict) or envelope.get("payloadType") != wanted:
        raise Problem("payload-type", "expected an envelope of a %s" % kind)
    signatures = envelope.get("signatures")
    whole = set(envelope) == {"payload", "payloadType", "signatures"} and isinstance(signatures, list)
    if not whole or not 1 <= len(signatures) <= 128:
        raise Problem("envelope", "expected payload, payloadType and 1 to 128 signatures")
    for one in signatures:
        members = set(one) if isinstance(one, dict) else set()
        if not {"sig"} <= members <= {"sig", "keyid"} or not isinstance(one.get("keyid", ""), str):
            raise Problem("envelope", "expected signatures of sig and keyid")
    values = [unbase64(one["sig"], "envelope") for one in signatures]
    payload = unbase64(envelope["payload"], "envelope")
    message = b"DSSEv1 %d %s %d %s" % (len(wanted), wanted.encode(), len(payload), payload)
    return Thing(record=read_record(payload, kind), sha256=sha256(payload), message=message, signatures=values)


@functools.lru_cache(None)
def key_bytes(key):
    return unbase64(key[13:].replace("-", "+").replace("_", "/"), "field-type", padded=False)


def key_ref(key):
    return sha256(key_bytes(key))[:16]


def signers(found, keys):
    """Those of `keys` that signed with both algorithms (with Ed25519 alone where this Python has no ML-DSA)."""
    signed = set()
    for key in keys:
        raw = key_bytes(key)
        whole = signed_by(Ed25519PublicKey.from_public_bytes(raw[:32]), 64, found)
        if whole and (not MLDSA65PublicKey or signed_by(MLDSA65PublicKey.from_public_bytes(raw[32:]), 3309, found)):
            signed.add(key)
    return signed


def signed_by(public, size, found):
    for signature in found.signatures:
        try:
            if len(signature) == size:
                public.verify(signature, found.message)
                return True
        except InvalidSignature:
            continue
    return False


# ------------------------------------------------------------------------- age files (C2SP age.md; sections 5 to 7)

BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
STANZA = rb"-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63}\n)"
HEADER = re.compile(rb"(age-encryption\.org/v1\n((?:" + STANZA + rb")+)---) ([A-Za-z0-9+/]{43})\n")
ARMOR = (
    r"\s*-----BEGIN AGE ENCRYPTED FILE-----\r?\n(?:((?:\S{64}\r?\n)*\S{1,64})\r?\n)-----END AGE ENCRYPTED FILE-----\s*"
)


def bech32(prefix, data):
    """Data as Bech32 text (BIP 173)."""
    over = -len(data) * 8 % 5
    whole = int.from_bytes(data, "big") << over
    values = [whole >> 5 * place & 31 for place in reversed(range((len(data) * 8 + over) // 5))]
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values, *[0] * 6]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    values += [(check ^ 1) >> 5 * place & 31 for place in reversed(range(6))]
    return prefix + "1" + "".join(BECH32[value] for value in values)


def unbech32(prefix, text):
    """The data of a Bech32 text that begins with `prefix`."""
    whole, length = 0, 5 * len(text[len(prefix) + 1 : -6])
    for character in text[len(prefix) + 1 : -6].lower():
        whole = whole << 5 | max(0, BECH32.find(character))
    data = (whole >> length % 8).to_bytes(length // 8, "big")
    if text not in (bech32(prefix, data), bech32(prefix, data).upper()):
        raise Problem("bech32", "expected %s1..., found another text or a mistyped character" % prefix)
    return data


def hkdf(secret, salt, info, length=32):
    return HKDF(SHA256(), length, salt, info).derive(secret)


class Identity:
    """The secret half of a recipient age1pq1...: ML-KEM-768 and X25519 from a 32-byte seed (X-Wing)."""

    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        self.mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self.x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self.public = self.x25519.public_key().public_bytes_raw()
        self.recipient = bech32("age1pq", self.mlkem.public_key().public_bytes_raw() + self.public)
        self.secret = bech32("age-secret-key-pq-", seed).upper()

    def unwrap(self, stanzas):
        """The file key in one of the stanzas; None where none is for this identity."""
        for arguments, body in stanzas:
            if arguments[0] != "mlkem768x25519":
                continue
            sent = unbase64(arguments[1], "age-header", padded=False) if len(arguments) == 2 else b""
            if len(sent) != 1088 + 32 or len(body) != 32:
                raise Problem("age-header", "a recipient stanza of another size")
            try:
                agreed = self.x25519.exchange(X25519PublicKey.from_public_bytes(sent[1088:]))
                inner = self.mlkem.decapsulate(sent[:1088]) + agreed + sent[1088:] + self.public
                return hpke_open(hashlib.sha3_256(inner + b"\\.//^\\").digest(), body)
            except ValueError:
                raise Problem("age-header", "a recipient stanza with an impossible key share") from None
            except InvalidTag:
                continue
        return None


def hpke_open(shared, sealed):
    """RFC 9180, base mode, the first message: KEM 0x647a (X-Wing), HKDF-SHA256, ChaCha20-Poly1305."""
    label = b"HPKE-v1HPKE" + bytes.fromhex("647a00010003")
    context = b"\0" + hmac.digest(bytes(32), label + b"psk_id_hash", "sha256")
    context += hmac.digest(bytes(32), label + b"info_hash" + b"age-encryption.org/mlkem768x25519", "sha256")
    secret = hmac.digest(shared, label + b"secret", "sha256")
    key = hmac.digest(secret, b"\0\x20" + label + b"key" + context + b"\1", "sha256")
    nonce = hmac.digest(secret, b"\0\x0c" + label + b"base_nonce" + context + b"\1", "sha256")[:12]
    return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)


class Passphrase:
    """Opens what was sealed with a passphrase (age's scrypt stanza), which `ask` gives."""

    def __init__(self, ask):
        self.ask = ask

    def unwrap(self, stanzas):
        if all(arguments[0] != "scrypt" for arguments, _ in stanzas):
            return None
        arguments, body = stanzas[0]
        if len(stanzas) > 1 or len(arguments) != 3 or not re.fullmatch("[1-9]|1[0-9]|2[0-2]", arguments[2], re.ASCII):
            raise Problem("age-header", "a scrypt stanza of another form, or with a work factor over 22")
        salt, cost = unbase64(arguments[1], "age-header", padded=False), 1 << int(arguments[2])
        if len(salt) != 16 or len(body) != 32:
            raise Problem("age-header", "a scrypt stanza of another size")
        salt = b"age-encryption.org/v1/scrypt" + salt
        key = hashlib.scrypt(
            self.ask().encode("utf-8"), salt=salt, n=cost, r=8, p=1, maxmem=cost * 1024 + MIB, dklen=32
        )
        try:
            return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
        except InvalidTag:
            return None


class AgeFile:
    """An age file, opened chunk by chunk: `part(at, length)` gives its sealed bytes, of which there are `sealed`."""

    def __init__(self, part, sealed, identities):
        head = HEADER.match(part(0, MAX_HEADER))
        if not head:
            raise Problem("age-header", "no age file, or its header is cut or too long")
        stanzas = [
            (one[0].decode().split(" "), unbase64(one[1].decode().replace("\n", ""), "age-header", padded=False))
            for one in re.findall(STANZA, head[2])
        ]
        file_key = next((key for key in (one.unwrap(stanzas) for one in identities) if key is not None), None)
        if file_key is None:
            raise Problem("age-key", "the key that was given does not open this (%d recipients)" % len(stanzas))
        mac = hmac.digest(hkdf(file_key, b"", b"header"), head[1], "sha256")
        if not hmac.compare_digest(mac, unbase64(head[5].decode(), "age-header", padded=False)):
            raise Problem("age-header", "the age header was altered")
        self.part, self.begin = part, head.end() + 16
        if sealed < self.begin:
            raise Problem("age-header", "the age file ends in its header")
        self.cipher = ChaCha20Poly1305(hkdf(file_key, part(head.end(), 16), b"payload"))
        self.chunks = max(1, -(-(sealed - self.begin) // (CHUNK + 16)))
        self.size = sealed - self.begin - 16 * self.chunks
        if self.size < 0 or (self.chunks > 1 and self.size == CHUNK * (self.chunks - 1)):
            raise Problem("age-payload", "the age file is cut")

    def read(self, at, length):
        """Bytes of the plaintext; the chunks that they lie in are checked."""
        first, end = at // CHUNK, max(-(-(at + length) // CHUNK), 1)
        sealed, out = self.part(self.begin + first * (CHUNK + 16), (end - first) * (CHUNK + 16)), []
        for number in range(first, end):
            nonce = (number << 8 | (number == self.chunks - 1)).to_bytes(12, "big")
            begin = (number - first) * (CHUNK + 16)
            try:
                out.append(self.cipher.decrypt(nonce, sealed[begin : begin + CHUNK + 16], None))
            except InvalidTag:
                raise Problem("age-payload", "the age file was altered or cut, in chunk %d" % number) from None
        return b"".join(out)[at - first * CHUNK :][:length]


def age_open(data, identities):
    """The plaintext of a small age file."""
    opened = AgeFile(lambda at, length: data[at : at + length], len(data), identities)
    return opened.read(0, opened.size)


# ------------------------------------------------------------------------- keys, and sheets of words (section 5)

KEY_LINE = r"(?P<line>AGE-SECRET-KEY-PQ-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})(?:\r?\n)?"
SERIES_KEY = (
    r"# escrow series key\r?\n# vault: (?P<vault>[0-9a-f]{32})\r?\n# key id: (?P<id>[0-9a-f]{16})\r?\n"
    r"# compartment: (?P<compartment>[a-z0-9][a-z0-9_-]{0,63})\r?\n" + KEY_LINE
)
RS1024 = (0xE0E040, 0x1C1C080, 0x3838100, 0x7070200, 0xE0E0009)
RS1024 += (0x1C0C2412, 0x38086C24, 0x3090FC48, 0x21B1F890, 0x3F3F120)
EXP = [1]
while len(EXP) < 255:
    EXP.append(EXP[-1] ^ EXP[-1] << 1 ^ (0x11B if EXP[-1] & 0x80 else 0))
LOG = {value: power for power, value in enumerate(EXP)}


def identity_of(line):
    return Identity(unbech32("age-secret-key-pq-", line))


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


def dearmor(data):
    """An armored age file as plain bytes; others as they are."""
    armor = re.fullmatch(ARMOR, data.decode("ascii", "replace"), re.ASCII)
    if armor:
        return unbase64(re.sub(r"\r?\n", "", armor[1]), "age-armor")
    if data.lstrip().startswith(b"-----BEGIN AGE"):
        raise Problem("age-armor", "the armor of the age file is of another form")
    return data


def read_key_file(data, ask):
    """The identities in a key file; `ask` gives the passphrase of a sealed one."""
    data = dearmor(data)
    if data.startswith(b"age-encryption.org/"):
        data = age_open(data, [Passphrase(ask)])
    lines = [one.strip() for one in data.decode("ascii", "replace").splitlines()]
    found = [identity_of(one) for one in lines if one.startswith("AGE-SECRET-KEY-PQ-")]
    if not found:
        raise Problem("key-file", "expected a line AGE-SECRET-KEY-PQ-1... in the key file, found none")
    return found


def ask_passphrase():
    return getpass.getpass("Passphrase of the key file: ")


@functools.lru_cache(None)
def word_list():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "words.txt"), encoding="ascii") as file:
        return {one[:4]: (place, one) for place, one in enumerate(file.read().split())}


def read_share(words):
    """A share (SLIP-39) from its words, each in full or by its first four letters."""
    values, check = [], 1
    for place, typed in enumerate(words, 1):
        index, whole = word_list().get(typed.lower()[:4], (0, ""))
        if not whole or not whole.startswith(typed.lower()):
            raise Problem("share-word", "word %d is not in the list of words" % place)
        values.append(index)
    if len(values) not in (20, 33):
        raise Problem("share-length", "expected 33 words, found %d" % len(values))
    bits = functools.reduce(lambda total, value: total << 10 | value, values, 0)
    head, size = bits >> (len(values) * 10 - 40), len(values) * 10 - 70
    value, length = bits >> 30 & ((1 << size) - 1), size // 16 * 2
    for each in [*(b"shamir_extendable" if head >> 24 & 1 else b"shamir"), *values]:
        top, check = check >> 20, (check & 0xFFFFF) << 10 ^ each
        for bit in range(10):
            check ^= RS1024[bit] if top >> bit & 1 else 0
    if check != 1 or value >> length * 8 or head >> 12 & 15 > head >> 8 & 15:
        raise Problem("share-checksum", "the words do not fit together: one is wrong, or two changed places")
    common = (head >> 20, head >> 12 & 15, head >> 8 & 15)
    member, needed, value = head >> 4 & 15, (head & 15) + 1, value.to_bytes(length, "big")
    return Thing(set=head >> 25, common=common, group=head >> 16 & 15, member=member, needed=needed, value=value)


def recover(points, needed):
    """The secret of `needed` shares [x, bytes]: polynomials over GF(256), at 255 the secret, at 254 its digest."""

    def interpolate(x):
        result = bytes(len(points[0][1]))
        for at, value in points[:needed]:
            others = [other for other, _ in points[:needed] if other != at]
            basis = sum(LOG[x ^ other] for other in others) - sum(LOG[at ^ other] for other in others)
            result = bytes(a ^ (EXP[(LOG[b] + basis) % 255] if b else 0) for a, b in zip(result, value))
        return result

    if needed == 1:
        return points[0][1]
    secret, check = interpolate(255), interpolate(254)
    if hmac.digest(check[4:], secret, "sha256")[:4] != check[:4]:
        raise Problem("share-combine", "the sheets do not give a secret: one of them is altered")
    return secret


def combine(shares, passphrase=b""):
    """The secret of enough shares of one set."""
    needs, groups, common = {share.group: share.needed for share in shares}, {}, shares[0].common
    for share in shares:
        groups.setdefault(share.group, {})[share.member] = share.value
        if share.common != common or needs[share.group] != share.needed:
            raise Problem("share-combine", "the sheets are not of one set")
    full = [group for group in groups if len(groups[group]) >= needs[group]]
    whole = [(group, recover(list(groups[group].items()), needs[group])) for group in full]
    if len(whole) <= common[1]:
        found = (common[1] + 1, len(whole))
        raise Problem("share-too-few", "expected %d whole groups of sheets, found %d: ask another holder" % found)
    secret = recover(whole, common[1] + 1)
    half = len(secret) // 2
    left, right = secret[:half], secret[half:]
    salt = b"" if common[0] >> 4 & 1 else b"shamir" + (common[0] >> 5).to_bytes(2, "big")
    for step in (3, 2, 1, 0):
        rounds = (10000 << (common[0] & 15)) // 4
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
    label = "escrow/v%d/holder/share/%d/%d/%d" % (VERSION, custody["epoch"], share.group, share.member)
    seed = hkdf(share.value, bytes.fromhex(charter["vault"]), label.encode(), 64)
    public = Ed25519PrivateKey.from_private_bytes(seed[:32]).public_key().public_bytes_raw()
    if MLDSA65PrivateKey:
        public += MLDSA65PrivateKey.from_seed_bytes(seed[32:]).public_key().public_bytes_raw()
    if not mine or not key_bytes(mine[0]["key"]).startswith(public):
        place = (share.group + 1, share.member + 1)
        raise Problem("share-altered", "a sheet of group %d, member %d is altered" % place)
    if custody["epoch"] != charters[-1].get("custody", {}).get("epoch"):
        raise Problem("share-old", "the sheet of the %s is an old one" % mine[0]["role"])
    return mine[0]["role"]


def open_by_sheets(shares, charters):
    """The custody identity, from enough sheets."""
    roles = [check_sheet(share, charters) for share in shares]
    if len(set(roles)) < len(roles) and len({(one.group, one.member) for one in shares}) < len(shares):
        raise Problem("share-duplicate", "one sheet was given twice (%s)" % ", ".join(roles))
    info = b"escrow/v%d/custody/age" % VERSION
    identity = Identity(hkdf(combine(shares), bytes.fromhex(charters[-1]["vault"]), info))
    if identity.recipient not in charters[-1]["recipients"]:
        raise Problem("share-secret", "the sheets give a secret that is not this vault's")
    return identity


def ask_words():
    print("Words of the next sheet (Return ends): ", end="", file=sys.stderr, flush=True)  # what is printed may be kept
    return input().split()


def read_sheets(given):
    """Shares from files (the words of one sheet a line, or of one sheet a file), or typed."""
    if not given:
        return [read_share(words) for words in iter(ask_words, [])]
    shares = []
    for path in given:
        with open(path, encoding="utf-8") as file:
            lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
        sheets = lines if all(len(line) in (20, 33) for line in lines) else [sum(lines, [])]
        shares += [read_share(words) for words in sheets]
    return shares


def main(given=None):
    """Opens one age file; the options are those of the program age."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", action="store_true", required=True, help="decrypt; nothing else is done here")
    parser.add_argument("-i", metavar="IDENTITIES", help="a file with identities; else a passphrase is asked for")
    parser.add_argument("-o", metavar="OUT", help="the file to write")
    parser.add_argument("file")
    arguments = parser.parse_args(given)
    try:
        with open(arguments.file, "rb") as file:
            sealed = dearmor(file.read())
        keys = [Passphrase(ask_passphrase)]
        if arguments.i:
            with open(arguments.i, "rb") as file:
                keys = read_key_file(file.read(MIB), ask_passphrase)
        plain = age_open(sealed, keys)
        with open(arguments.o, "xb") if arguments.o else sys.stdout.buffer as out:
            out.write(plain)
        return 0
    except (OSError, Problem) as error:
        print("escrow_seals.py: %s" % error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
