#!/usr/bin/env python3
"""Gets every file out of an escrow vault, without the software that wrote it. format.md beside it is the specification.

Needs Python 3.9 or newer, `cryptography` (48 or newer) and `zstandard` (0.22 or newer; or Python 3.14, which has zstd).

    python escrow_rescue.py list    VAULT                          its nights; no key
    python escrow_rescue.py check   VAULT [--key custody.key]      is everything there, and right? writes nothing
    python escrow_rescue.py files   VAULT --key custody.key        the files of a night
    python escrow_rescue.py restore VAULT OUT --key custody.key    all files, or those of --only '*.csv'
    python escrow_rescue.py key     VAULT --sheets                 the secret key that the sheets give, for `age -i`

VAULT is a folder that holds a copy of the vault (README.txt beside this file says how to make one). Instead of --key
give --sheets FILE... with the words of each sheet, or --sheets alone and type them. --night N chooses an older night.
Nothing in VAULT is ever changed. Exit code: 0 all is well; 1 something is amiss, and what could be done was done;
2 wrong arguments; 3 the key does not open this vault, or the folder holds no vault.
"""

import argparse
import bisect
import collections
import datetime
import fnmatch
import functools
import hashlib
import os
import re
import struct
import sys

sys.dont_write_bytecode = True  # nothing beside this file is ever changed, the vault's copy included

import escrow_records as records  # noqa: E402
import escrow_seals as seals  # noqa: E402
from escrow_records import check, demand  # noqa: E402
from escrow_seals import MAX_INTEGER, MIB, Problem, age_open, file_sha256, sha256, unbase64  # noqa: E402

try:
    import zstandard
except ImportError:
    zstandard = None
    try:
        from compression import zstd
    except ImportError:
        sys.exit("This needs the Python package zstandard (or Python 3.14): python -m pip install zstandard")

MAX_LINE, MAX_FILES, MAX_FILE, MAX_TABLE, MAX_ROW = 64 * MIB, 20_000_000, 2**46, 2**30, 16 * MIB
MAX_SEGMENT, MAX_PACK, MAX_PACK_RAW = 4 * MIB, 32 * MIB, 256 * MIB


# ------------------------------------------------------- the folder; packs, manifests, file lists (sections 1, 6 to 8)


class Folder:
    """A copy of a vault, also with junk and old versions in it: a file is known by what it holds, not by its name."""

    def __init__(self, root):
        self.sizes, self.sums = {}, {}
        for folder, folders, files in os.walk(root):
            folders[:] = [one for one in folders if one != "RESCUE"]  # where golden.tar may be unpacked
            for path in sorted(os.path.join(folder, file) for file in files):
                if os.path.isfile(path) and not os.path.islink(path):
                    self.sizes.setdefault(os.path.getsize(path), []).append(path)

    def envelopes(self):
        return self.small(b'{"payload":"')

    def small(self, begin):
        """Names and bytes of the files of at most 4 MiB that begin with `begin`."""
        for path in sorted(path for size, paths in self.sizes.items() if size <= 4 * MIB for path in paths):
            if read_part(path, 0, len(begin)) == begin:
                yield path, read_part(path, 0, 4 * MIB)

    def find(self, digest, size):
        """The file that is a sealed object."""
        if size > MAX_PACK:
            raise Problem("pack-size", "an object of %d bytes; at most %d are allowed" % (size, MAX_PACK))
        named, path = [], self.match(self.sizes.get(size, []), digest)
        if not path:
            named = [one for paths in self.sizes.values() for one in paths if digest[:16] in os.path.basename(one)]
            path = self.match(named, digest)
        if path:
            return path
        raise Problem("object-hash" if named else "object-missing", "no file of %d bytes is %s" % (size, digest))

    def match(self, paths, digest):
        for path in paths:
            self.sums[path] = self.sums.get(path) or file_sha256(path)
        return next((path for path in paths if self.sums[path] == digest), None)

    def open(self, place, identities):
        path = self.find(place["sha256"], place["size"])
        return seals.AgeFile(functools.partial(read_part, path), os.path.getsize(path), identities)


def read_part(path, at, length):
    with open(path, "rb") as file:
        file.seek(at)
        return file.read(length)


def open_frame(data, most, code, padded=False):
    """The content of the zstd frame that `data` is, or where it is `padded` begins with."""
    try:
        size = zstandard.frame_content_size(data) if zstandard else zstd.get_frame_info(data).decompressed_size
        if not 0 <= (-1 if size is None else size) <= most:
            raise Problem(code, "a zstd frame of %s bytes; at most %d are allowed" % (size, most))
        if zstandard:
            return zstandard.ZstdDecompressor().decompress(data, max_output_size=size, allow_extra_data=padded)
        opener = zstd.ZstdDecompressor()
        content = opener.decompress(data, size + 1)
        if len(content) == size and opener.eof and (padded or not opener.unused_data):
            return content
    except (zstandard or zstd).ZstdError:
        pass
    raise Problem("manifest-damaged" if padded else "segment-damaged", "a zstd frame does not open")


class Pack:
    """The seek table of a pack, and its segments as they are asked for. `sealed` gives the plaintext in parts."""

    def __init__(self, sealed):
        self.sealed, self.segments, at, self.size = sealed, [], 0, 0
        entries, descriptor, magic = struct.unpack("<IBI", sealed.read(max(sealed.size - 9, 0), 9).ljust(9))
        begin = sealed.size - 17 - 8 * entries
        if (descriptor, magic) != (0, 0x8F92EAB1) or begin < 0:
            raise Problem("pack-table", "no seek table at the end of the pack")
        table = sealed.read(begin, 8 + 8 * entries)
        for packed, raw in struct.iter_unpack("<II", table[8:]):
            if raw > MAX_SEGMENT:
                raise Problem("segment-size", "a segment of %d bytes" % raw)
            if raw:
                self.segments.append((self.size, at, packed, raw))
            at, self.size = at + packed, self.size + raw
        if table[:8] != struct.pack("<II", 0x184D2A5E, 8 * entries + 9) or at != begin:
            raise Problem("pack-table", "the seek table does not account for every byte of the pack")
        if self.size > MAX_PACK_RAW:
            raise Problem("pack-raw", "a pack of %d raw bytes" % self.size)

    def segment(self, number):
        _, at, packed, raw = self.segments[number]
        content = open_frame(self.sealed.read(at, packed), raw, "segment-size")
        if len(content) != raw:
            raise Problem("segment-size", "a segment of another size than the table says")
        return content


def read_line(line):
    """One entry of the file list; `path` and `target` as bytes, `mtime` in nanoseconds since 1970."""
    entry = seals.parse_json(line, MAX_LINE)
    kind = entry.get("type") if isinstance(entry, dict) else None
    demand(kind in ("file", "dir", "link", "unread"), "line")
    check(entry, kind, "line")
    entry["path"] = read_path(entry, "path")
    if kind == "file" and (sum(extent[2] for extent in entry["extents"]) != entry["size"] or entry["size"] > MAX_FILE):
        raise Problem("extent-sum", "the extents of a file do not add up to its size")
    if kind == "link":
        entry["target"] = read_path(entry, "target")
    if kind != "unread":
        whole, _, fraction = entry["mtime"][:-1].partition(".")
        try:
            since = datetime.datetime.fromisoformat(whole) - datetime.datetime(1970, 1, 1)
        except ValueError:
            demand(False, "line.mtime")
        entry["mtime"] = (since.days * 86400 + since.seconds) * 10**9 + int(fraction.ljust(9, "0"))
    return entry


def read_path(entry, member):
    """A path as bytes, out of text or, where text cannot say it, base64; a path of the vault's leads nowhere else."""
    given = entry.get(member)
    path = given.encode("utf-8") if isinstance(given, str) else unbase64(entry.get(member + "_b64"), "path-grammar")
    other = re.search("[\x00-\x1f\x7f-\x9f\udc80-\udcff]", path.decode("utf-8", "surrogateescape"))
    away = member == "path" and {b"", b".", b".."} & set(path.split(b"/"))
    if bool(other) == isinstance(given, str) or not 0 < len(path) <= 4096 or b"\0" in path or away:
        raise Problem("path-grammar", "expected a relative path, found %.80r" % path)
    return path


class Compartment:
    """One compartment of one night, opened: its manifest, its packs, its file list, and what erasures leave out."""

    read_record, read_line = staticmethod(records.read_record), staticmethod(read_line)

    def __init__(self, folder, history, link, part, identity):
        self.name, self.folder, self.identity = part["compartment"], folder, identity
        sealed = folder.open(part["manifest"], [identity])
        frame = open_frame(sealed.read(0, sealed.size), seals.MAX_RECORD, "json-size", padded=True)
        self.manifest = self.read_record(frame, "manifest")
        number, self.packs = records.packs_of(link, part["series"])
        said = [self.manifest[one] for one in ("vault", "series", "compartment", "seq", "packs")]
        if said != [history.vault, part["series"], part["compartment"], link.record["seq"], number]:
            raise Problem("manifest-place", "the manifest is that of another night")
        self.pack = functools.lru_cache(1000)(self.open_pack)
        self.segment = functools.lru_cache(64)(lambda ordinal, number: self.pack(ordinal).segment(number))
        self.whole, self.rows, self.left_out = {}, {}, collections.Counter()

    def open_pack(self, ordinal):
        if ordinal not in self.packs:
            raise Problem("extent-range", "a file lies in pack %d, which no notice names" % ordinal)
        return Pack(self.folder.open(self.packs[ordinal], [self.identity]))

    def stream(self, extents):
        """The bytes of a file, piece by piece."""
        for ordinal, offset, length in extents:
            pack = self.pack(ordinal)
            if offset + length > pack.size:
                raise Problem("extent-range", "a file reaches past the end of its pack")
            number = bisect.bisect_right(pack.segments, (offset, MAX_INTEGER)) - 1
            while length:
                piece = memoryview(self.segment(ordinal, number))[offset - pack.segments[number][0] :][:length]
                yield piece
                offset, length, number = offset + len(piece), length - len(piece), number + 1

    def entries(self):
        """The file list, line by line; its end proves it to be the one that the manifest means."""
        listed, digest, size, rest, last = self.manifest["list"], hashlib.sha256(), 0, b"", b""
        totals, counted = collections.Counter(), {"file": "files", "dir": "dirs", "link": "links"}
        for piece in self.stream(listed["extents"]):
            digest.update(piece)
            size += len(piece)
            *lines, rest = (rest + bytes(piece)).split(b"\n")
            if len(rest) > MAX_LINE or sum(totals.values()) - totals["bytes"] + len(lines) > MAX_FILES:
                raise Problem("list-size", "a line of over 64 MiB, or more than 20 million lines")
            for line in lines:
                entry = self.read_line(line)
                if entry["path"] <= last:
                    raise Problem("list-order", "the paths of the file list are not sorted, each once")
                last = entry["path"]
                totals.update({counted.get(entry["type"], "unread"): 1, "bytes": entry.get("size", 0)})
                yield entry
        if (size, digest.hexdigest()) != (listed["size"], listed["sha256"]):
            raise Problem("list-hash", "the file list is not the one that the manifest means")
        if rest:
            raise Problem("json-syntax", "the file list does not end with a line end")
        if any(totals[one] != number for one, number in self.manifest["totals"].items()):
            raise Problem("list-totals", "the file list does not have as many files as the manifest says")

    def content(self, entry):
        """The bytes of a file without the rows that are erased; raises at the end if they are wrong."""
        pieces, rules = checked(self.stream(entry["extents"]), entry["sha256"]), self.rows.get(entry["path"])
        if rules and entry["size"] > MAX_TABLE:
            raise Problem("erasure-whole", "the table is too long for this program to leave rows out")
        return [without_rows(b"".join(pieces), rules, self.left_out)] if rules else pieces

    def erased(self, path):
        """The number of the first erasure that leaves out this entry or one above it; None when none does."""
        parts = path.split(b"/")
        above = [b"/".join(parts[: depth + 1]) for depth in range(len(parts))]
        return min((self.whole[one] for one in above if one in self.whole), default=None)


def checked(pieces, wanted):
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != wanted:
        raise Problem("file-hash", "its bytes are not those that were deposited")


# ------------------------------------------------------------------- series keys, erasures, files (sections 5, 13.7)


def find_series_key(folder, history, part, identities):
    """The identity of a series: from the sealing that counts, else from any other; the holders signed whose it is."""
    key = history.keys.get(part["key"])
    if not key or key["compartment"] != part["compartment"]:
        raise Problem("series-key", "no stock has the key %s for %s" % (part["key"], part["compartment"]))
    try:
        sealed = folder.open(key, identities)
        return seals.open_series_key(sealed.read(0, sealed.size), key, history.vault)
    except Problem as problem:
        first = problem
    for _, data in folder.small(b"age-encryption.org/v1\n"):
        try:
            return seals.open_series_key(age_open(data, identities), key, history.vault)
        except Problem:
            continue  # another key, sealed to somebody else, or a manifest
    raise first


def apply_erasures(opened, history, part, seq):
    """Notes what the register leaves out of a compartment: whole paths, and rows of tables."""
    for number, keys, deed in history.erasures:
        if part["key"] not in keys or (deed and deed.get("until", seq) < seq):
            continue
        if not deed:
            raise Problem("erasure-missing", "erasure %d is not there" % number)
        try:
            text = age_open(unbase64(deed["sealed"], "erasure-damaged"), [opened.identity])
            register = seals.read_canonical(text)
            check(register, "register", "register")
            demand(len(register) == 1 and 1 <= len(register["entries"]) <= 10_000, "register")
            for one in register["entries"]:
                path = read_path(one, "path")
                demand(len(one) == {"file": 2, "rows": 4}.get(one["kind"], len(one)) >= 2, "register")
                if one["kind"] == "rows":
                    check(one, "rows", "register")
                    opened.rows.setdefault(path, []).append((number, one["column"], one["value"]))
                else:
                    opened.whole[path] = min(number, opened.whole.get(path, number))
        except Problem as error:
            raise Problem("erasure-damaged", "erasure %d cannot be read: %s" % (number, error)) from None


def without_rows(data, rules, left_out):
    """A table (RFC 4180) without the rows that have a value below a column; counts them by the erasure's number."""
    begin, at = 0, 3 if data.startswith(b"\xef\xbb\xbf") else 0
    outside = b'"'.join(data[at:65536].split(b'"')[::2])
    mark = re.escape(max((b",", b";", b"\t", b"|"), key=re.split(rb"[\r\n]", outside, maxsplit=1)[0].count))
    plain = rb"[^\r\n%b]*" % mark
    cell = rb'(?:"((?:[^"]|"")*)"(?!")(%b)|(?!")(%b))' % (plain, plain)
    record = re.compile(rb"%b(?:%b%b)*(?:\r\n|\n|\r|\Z)" % (cell, mark, cell))
    kept, wanted, counts = [], None, collections.Counter()
    while at < len(data) or wanted is None:
        found = record.match(data, at)
        if not found or found.end() - at > MAX_ROW or b"\0" in found[0] or at == len(data):
            raise Problem("erasure-whole", "left out whole: it is no table as of RFC 4180")
        cells = re.findall(rb"(?:\A|%b)%b" % (mark, cell), found[0].rstrip(b"\r\n"))
        cells = [(quoted.replace(b'""', b'"') + rest + bare).strip(b" \t") for quoted, rest, bare in cells]
        if wanted is None:  # the header
            wanted, numbers = [], []
            for number, column, value in rules:
                places = [place for place, cell in enumerate(cells) if cell in spellings(column)]
                wanted += [(number, place, spellings(value)) for place in places]
                if not places:
                    raise Problem("erasure-whole", "left out whole: it has no such column")
        else:
            numbers = [number for number, place, values in wanted if place < len(cells) and cells[place] in values]
        if numbers:
            counts["rows", min(numbers)] += 1
            kept.append(data[begin:at])
            begin = found.end()
        at = found.end()
    left_out.update(counts)
    return b"".join([*kept, data[begin:]])


def spellings(text):
    """The bytes of a text in UTF-8, and in Windows-1252 where it has such."""
    other = text.encode("cp1252", "replace")
    return {text.encode("utf-8"), other if other.decode("cp1252") == text else text.encode("utf-8")}


RESERVED = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
RESERVED |= {device + digit for device in ("COM", "LPT") for digit in "0123456789\xb9\xb2\xb3"}


def safe_parts(path, windows):
    """The parts of a path as names for this system; refuses what could lead elsewhere or be taken for another."""
    try:
        names = path.decode("utf-8").split("/") if windows else [os.fsdecode(part) for part in path.split(b"/")]
    except UnicodeDecodeError:
        raise Problem("path-hostile", "the path is no Unicode text") from None
    for one in names:
        device = one.split(".")[0].rstrip(" ").upper() in RESERVED
        if windows and (device or set(one) & set('<>:"|?*\\') or min(one) < " " or one[-1] in ". "):
            raise Problem("path-hostile", "Windows reserves or changes a part of the path")
        if len(one if windows else os.fsencode(one)) > 255:
            raise Problem("path-hostile", "a part of the path is too long")
    return names


def write_file(entry, pieces, out):
    """Writes one file below `out`: it has its name only when all of it is right."""
    *folders, name = safe_parts(entry["path"], os.name == "nt")
    at = out
    for part in folders if pieces is not None else [*folders, name]:
        at = os.path.join(at, part)
        if os.path.islink(at):
            raise Problem("restore-link", "a link lies in the way; restore into an empty folder")
        if os.path.lexists(at) and not os.path.isdir(at):
            raise Problem("path-collision", "a file lies in the way of a folder")
        os.makedirs(at, exist_ok=True)
    if pieces is None:
        return
    target, temporary = os.path.join(at, name), os.path.join(at, ".%s.rescue-part" % sha256(entry["path"])[:16])
    if os.path.lexists(target):
        if not os.path.islink(target) and os.path.isfile(target) and file_sha256(target) == entry["sha256"]:
            return
        raise Problem("restore-exists", "another file is there already; restore into an empty folder")
    try:
        with open(temporary, "wb") as file:
            file.writelines(pieces)
        os.utime(temporary, ns=(entry["mtime"], entry["mtime"]))
        if "mode" in entry and os.name == "posix":
            os.chmod(temporary, entry["mode"] & 0o777)
        os.replace(temporary, target)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def show(path):
    """A path for people: what is no printable Unicode is escaped."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in text)


# -------------------------------------------------------------------------------------------- the commands


class Report:
    """Prints findings as they come, and counts those that matter."""

    errors = 0

    def tell(self, code, subject, text, warning=False):
        self.errors += not warning
        print("%s %s: %s (%s)" % ("note" if warning else "AMISS", subject, text, code))


def check_objects(folder, history, tell):
    """Reads and hashes every sealed object that the history names."""
    parts = [part for link in history.links for part in link.record["series"] if part["series"] not in history.expired]
    keys = [key for key in history.keys.values() if key["id"] not in history.shredded]
    places = [place for part in parts for place in [*part["packs"], part.get("manifest")] if place]
    sizes = {place["sha256"]: place["size"] for place in [*keys, *places]}
    for digest, size in sizes.items():
        try:
            folder.find(digest, size)
        except Problem as problem:
            tell(problem.code, digest, str(problem))
    history.tell_gone(tell)
    print("%d objects, %d bytes were looked for, read and hashed" % (len(sizes), sum(sizes.values())))


def choose_night(history, wanted):
    number, _, digest = wanted.partition("-")
    for link in history.latest() if wanted == "latest" else history.nights():
        if wanted == "latest" or (str(link.record["seq"]) == number and link.sha256.startswith(digest)):
            return link
    raise Problem("night-unknown", "the vault has no night %s; the command list shows them" % wanted)


def open_part(folder, history, link, part, identities, kind=Compartment, register=True):
    """A compartment of a night, its file list proven, the erasure register applied."""
    try:
        opened = kind(folder, history, link, part, find_series_key(folder, history, part, identities))
    except Problem as problem:
        raise history.explain(problem, part) from None
    if register:
        apply_erasures(opened, history, part, link.record["seq"])
    collections.deque(opened.entries(), maxlen=0)
    return opened


def go_through(opened, command, wanted, out, tell):
    """Lists, checks or restores the files of a compartment; gives how many files and bytes were right."""
    files = size = 0
    for entry in opened.entries():
        shown, number, kind = show(entry["path"]), opened.erased(entry["path"]), entry["type"]
        if not any(fnmatch.fnmatchcase(shown, glob) for glob in wanted):
            continue
        if number:
            opened.left_out["entries", number] += 1
            if command != "files":
                print("LEFT OUT by erasure %d: %s" % (number, shown))
        if command == "files":
            mark = "  (left out by erasure %d)" % number if number else ""
            print("%s\t%s\t%s\t%s%s" % (opened.name, entry.get("size", kind), entry.get("sha256", ""), shown, mark))
        if command == "files" or number:
            continue
        try:
            if kind == "file" and out:
                write_file(entry, opened.content(entry), out)
            elif kind == "file":
                collections.deque(opened.content(entry), maxlen=0)
            elif kind == "dir" and out:
                write_file(entry, None, out)
            elif kind != "dir" and out:
                what = "a link to " + show(entry["target"]) if kind == "link" else "unreadable, " + entry["reason"]
                tell("not-a-file", shown, "%s: it is told, and not made" % what, True)
            files, size = files + (kind == "file"), size + entry.get("size", 0)
        except Problem as problem:
            tell(problem.code, shown, str(problem), problem.code == "erasure-whole")
        except OSError as error:
            tell("restore-unwritable", shown, str(error))
    for (what, number), count in sorted(opened.left_out.items()):
        print("%s: erasure %d left out %d %s" % (opened.name, number, count, what))
    return files, size


def read_identities(arguments, history):
    def ask():
        if not arguments.passphrase_file:
            return seals.ask_passphrase()
        with open(arguments.passphrase_file, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")

    if arguments.sheets is not None:
        shares = seals.read_sheets(arguments.sheets)
        return [seals.open_by_sheets(shares, [charter.record for charter in history.charters])]
    with open(arguments.key, "rb") as file:
        return seals.read_key_file(file.read(MIB), ask)


def introduce(history):
    print("Vault of %s, charter %d" % (history.charter["school"]["name"], history.charter["n"]))
    for one in [history.charter.get("custodian"), *history.charter.get("contacts", [])]:
        if one:
            print("  %s" % ": ".join(one[member] for member in ("role", "name", "text") if member in one))
    print("Fingerprint %s" % " ".join(history.fingerprint[at : at + 8] for at in range(0, 64, 8)))
    print("Compare it with the one on a sheet, or in a letter of the school's: it is what makes this vault theirs.")
    for what in history.unchecked:
        print("NOT CHECKED: %s" % what)
    if not seals.MLDSA65PublicKey:
        print("NOT CHECKED: the ML-DSA-65 half of every signature (this Python's cryptography has no ML-DSA-65)")


class Reader:
    """What the commands use to read a vault; escrow_judge.py has another, which asks for more."""

    folder, compartment, check_objects = Folder, Compartment, staticmethod(check_objects)

    def history(self, folder, arguments):
        return records.History(folder.envelopes(), arguments.fingerprint)


def run(arguments, reader):
    report, folder = Report(), reader.folder(arguments.vault)
    history = reader.history(folder, arguments)
    if arguments.command == "key" and history.charters:
        for identity in read_identities(arguments, history):
            print(identity.secret)
        return 0
    for finding in history.findings:
        report.tell(*finding)
    if not history.charters:
        print("No vault here, or several: give the folder that has charter, stock, series and notices in it;")
        print("where there are two first charters, say with --fingerprint the one from a sheet.")
        return 3
    introduce(history)
    if arguments.command == "list":
        for link in history.nights():
            gone = [" (expired)" * (part["series"] in history.expired) for part in link.record["series"]]
            names = ", ".join(part["compartment"] + mark for part, mark in zip(link.record["series"], gone))
            print("%d-%s  %s  %s" % (link.record["seq"], link.sha256[:8], link.record["store_time"], names))
    if arguments.command == "check":
        reader.check_objects(folder, history, report.tell)
    if arguments.command == "list" or (arguments.key is None and arguments.sheets is None):
        print("NOT CHECKED: what is inside, which needs --key or --sheets")
        return 1 if report.errors else 0
    identities, opened, done = read_identities(arguments, history), [], []
    link, out = choose_night(history, arguments.night), None
    print("Night %d of %s" % (link.record["seq"], link.record["store_time"]))
    if arguments.without_erasures:
        print("NOT APPLIED: the erasure register. What holders erased is given out; answer for it.")
    if arguments.command == "restore":
        os.makedirs(arguments.out, exist_ok=True)
        out = os.path.realpath(arguments.out)
    for part in link.record["series"]:
        try:
            chosen = (reader.compartment, not arguments.without_erasures)
            opened.append(open_part(folder, history, link, part, identities, *chosen))
            done.append(go_through(opened[-1], arguments.command, arguments.only or ["*"], out, report.tell))
        except Problem as problem:
            report.tell(problem.code, part["compartment"], str(problem))
    if arguments.command != "files":
        what = "are in " + out if out else "were read"
        counts = (sum(one[0] for one in done), what, sum(one[1] for one in done))
        print("%d files %s, %d bytes, each proven by its SHA-256" % counts)
    print("%d things are amiss" % report.errors)
    return (1 if opened else 3) if report.errors else 0


def main(given=None, reader=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("check", "list", "files", "restore", "key"))
    parser.add_argument("vault", help="the folder that holds the vault")
    parser.add_argument("out", nargs="?", help="restore: the folder to write to")
    parser.add_argument("--key", help="custody.key, a custodian's key file, or another age identity file")
    parser.add_argument("--passphrase-file", help="a file with the key file's passphrase; else it is asked for")
    parser.add_argument("--sheets", nargs="*", metavar="FILE", help="files with the words of sheets; none: typed")
    parser.add_argument("--night", default="latest", help="the number of a night, as list shows it")
    parser.add_argument("--only", action="append", metavar="GLOB", help="files whose path is like this")
    parser.add_argument("--fingerprint", help="the vault's fingerprint, 64 digits: believe no other")
    parser.add_argument("--head", metavar="N-HASH", help="escrow_judge.py: the last notice that was seen before")
    parser.add_argument("--without-erasures", action="store_true", help="give out what holders erased, too")
    arguments = parser.parse_args(given)
    if arguments.command == "restore" and not arguments.out:
        parser.error("restore needs the folder to write to")
    if arguments.command in ("restore", "files", "key") and arguments.key is None and arguments.sheets is None:
        parser.error("give --key FILE or --sheets FILE...")
    if arguments.head and not reader:
        parser.error("--head is for escrow_judge.py")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return run(arguments, reader or Reader())
    except Problem as problem:
        print("%s (%s)" % (problem, problem.code), file=sys.stderr)
        return 2 if problem.code == "night-unknown" else 3
    except (OSError, EOFError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
