"""Whole vaults, altered by who has the store, and by who has the keys: histories, handovers, nights, folders."""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from hypothesis import strategies as st

from escrow.seal import SigningKey, sign_envelope, unverified_payload
from tests.rescue.hook import both
from tests.rescue.reader import rescue
from tests.trust import world as w
from tests.vectors.first import First
from tests.vectors.generate import deeds, nights, registers
from tests.vectors.second import Second

from .mutations import mutated, resized, spoilt, text

Objects = tuple[tuple[str, bytes], ...]
SIGNERS = [[w.HEAD, w.CHAIR], [w.AGENT], [w.HEAD], [w.OTHER_AGENT, w.STRANGER], [w.HEAD, w.CHAIR, deeds.LA], [deeds.LA]]


@cache
def vault() -> Objects:
    return w.vault(4)


@cache
def handover() -> Objects:
    return (*deeds.base(), *deeds.WHOLE, deeds.signed(deeds.PASSED, deeds.LA), deeds.signed(deeds.PASSING, deeds.LA))


@dataclass(frozen=True)
class Case:
    """Objects of a vault, and in words how they came about, for the report of a failure."""

    objects: dict[str, bytes] = field(repr=False)
    how: tuple[str, ...]
    command: str = ""


@st.composite
def altered(draw: st.DrawFn, objects: Callable[[], Objects]) -> Case:
    """A vault of which objects are missing, spoilt, doubled under other names, or signed anew after a change."""
    found = dict(objects())
    how = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(list(found)))
        data = found[name]
        what = draw(st.integers(0, 4))
        if what == 0 and len(found) > 1:
            del found[name]
            how.append(f"without {name}")
        elif what == 1:
            changed = draw(spoilt(data))
            other = draw(st.sampled_from([name, renamed(name, changed)]))
            found[other] = changed
            how.append(f"{other} is {name} spoilt: {changed!r}")
        elif what == 2:
            found[name.replace("0000000", "0000001")] = data
            how.append(f"{name} with another number")
        else:
            other, changed = draw(signed_anew(*draw(st.sampled_from(objects()))))
            found[other] = changed
            how.append(f"{other} signed anew: {unverified_payload(changed)!r}")
    return Case(found, tuple(how))


def renamed(name: str, data: bytes) -> str:
    return f"{name[: -len('0123456789abcdef.json')]}{hashlib.sha256(data).hexdigest()[:16]}.json"


@st.composite
def signed_anew(draw: st.DrawFn, name: str, data: bytes) -> tuple[str, bytes]:
    """Whoever holds the keys signs another thing."""
    members = draw(mutated(json.loads(unverified_payload(data))))
    kind = json.loads(data)["payloadType"]
    signers: Sequence[SigningKey] = draw(st.sampled_from(SIGNERS))
    envelope = sign_envelope(text(members), kind, signers)
    return renamed(name, envelope), envelope


def check_history(case: Case, _: Second) -> None:
    both(case.objects.items(), vault=w.VAULT)
    both(case.objects.items())


ERASED = [registers.ANN, registers.file("s/b.txt"), registers.file("s/c", "rows", column="name", value="Ann")]


@st.composite
def altered_nights(draw: st.DrawFn) -> Case:
    """A night in which one thing was altered before it was sealed and signed, or afterwards."""
    kinds = ["line", "list", "manifest", "sizes", "ref", "store", "frame", "plain", "sealed", "key"]
    what = draw(st.sampled_from(kinds))
    lines = [*nights.GOOD, nights.PUZZLE, *nights.OTHERS[:2]]
    night = nights.Night(lines)
    seed = draw(st.integers(0, 2**32))
    how = f"seed {seed}"
    if what == "line":
        at = draw(st.integers(0, len(lines) - 1))
        line = text(draw(mutated(json.loads(lines[at])))) + b"\n"
        night.lines = [*lines[:at], line, *lines[at + 1 :]]
        how = repr(line)
    elif what == "list":
        night.lines = draw(st.lists(st.sampled_from(lines), max_size=5))
        how = repr(night.lines)
    elif what == "manifest":
        night.manifest = lambda data: _mutate(data, seed)
    elif what == "sizes":
        night.record = nights.with_(packs=seed % 4, seq=1 + seed // 4 % 2)
    elif what == "ref":
        sizes = [{"size": size} for size in (0, 1, 1000, 2**25, 2**25 + 1, 2**40)]
        change: dict[str, Any] = draw(st.sampled_from([*sizes, {"head_sha256": "00" * 32}]))
        night.ref = lambda one: replace(one, **change)
        how = repr(change)
    elif what == "store":
        part = draw(st.sampled_from(["/packs/", "/manifests/", "stock/"]))
        night.put = nights.only(part, nights.spoil if seed % 2 else lambda _: None)
        how = f"{part} {'spoilt' if seed % 2 else 'gone'}"
    elif what == "key":
        night.key_text = _spoil(nights.KEY_TEXT, seed)
        how = repr(night.key_text)
    else:
        setattr(night, what, lambda data: _spoil(data, seed))
    register: list[tuple[str, bytes]] = []
    if draw(st.booleans()):
        entries = draw(st.lists(st.sampled_from(ERASED), min_size=1, max_size=3))
        entries = draw(mutated(entries)) if draw(st.booleans()) else entries
        register = registers.erasure(text({"entries": entries}))
        how += repr(entries)
    return Case(night.make() | dict(register), (what, how))


def _mutate(data: bytes, seed: int) -> bytes:
    """A record's members, mutated in a way that the number says."""
    members = json.loads(data)
    name = sorted(members)[seed % len(members)]
    value = members[name]
    other: list[Any] = [None, value + 1 if isinstance(value, int) else value, [value], "x", 0, [[0, 0, 10**6]]]
    chosen = other[seed // 16 % len(other)]
    if isinstance(value, dict) and seed % 2:
        inner = sorted(value)[seed // 8 % len(value)]
        chosen = {**value, inner: chosen}
    return text({**members, name: chosen})


def _spoil(data: bytes, seed: int) -> bytes:
    """The bytes cut, longer, or with one of them altered, as the number says."""
    at = seed // 4 % len(data)
    return [data[:at], data + data[:at][:7], nights.flip(data, at), data[:at] + b"\0" + data[at + 1 :]][seed % 4]


def check_night(case: Case, second: Second) -> None:
    """Both bring back the same files, and refuse the others."""
    given = {"objects": case.objects, "seq": 1, "identity": nights.CUSTODY.encode().reveal().decode()}
    theirs, ours = First().ask("nights", given)[1], second.ask("nights", given)[1]
    assert ours["files"] == theirs["files"], (ours, theirs)
    assert ours["wrong"].keys() == theirs["wrong"].keys(), (ours, theirs)


COMMANDS = ["check", "list", "check --key", "files --key"]


@st.composite
def folders(draw: st.DrawFn) -> Case:
    """A copy of a vault with files altered, moved to other names, and junk among them; and a command to read it."""
    found = dict(draw(st.sampled_from([_good_night(), dict(handover())])))
    how = []
    for number in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(found)))
        what = draw(st.sampled_from(["altered", "moved", "doubled", "emptied", "junk"]))
        how.append(f"{what} {name}")
        if what == "altered":
            found[name] = draw(resized(found[name]))
            how.append(repr(found[name]))
        elif what == "moved":
            found[f"old/{number}"] = found.pop(name)
        elif what == "doubled":
            found[name.rpartition("/")[0] + draw(st.sampled_from(["/x", "/.part", "/00000001-x.json"]))] = found[name]
        elif what == "emptied":
            found[name] = b""
        else:
            found[f"junk{number}"] = draw(st.binary(max_size=40))
    return Case(found, tuple(how), draw(st.sampled_from(COMMANDS)))


@cache
def _good_night() -> dict[str, bytes]:
    return nights.Night([*nights.GOOD, nights.PUZZLE, *nights.OTHERS]).make()


def check_folder(case: Case, second: Second) -> None:
    """The second reader's commands end with one of their four codes; what the first refuses, it refuses in words."""
    folder = second.aside / hashlib.sha256(repr(sorted(case.objects.items())).encode()).hexdigest()
    for name, data in case.objects.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    key = second.aside / "custody.key"
    key.write_bytes(nights.CUSTODY.encode().reveal() + b"\n")
    command, *option = case.command.split()
    arguments = [command, str(folder), *(one for name in option for one in (name, str(key)))]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert rescue.main(arguments) in (0, 1, 2, 3)
    First().ask("vaults", {"objects": {name: data for name, data in case.objects.items() if name.endswith(".json")}})
