"""Both ways with npm's age-encryption and with the stock age tool."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from escrow.seal import (
    HybridIdentity,
    Identity,
    Recipient,
    ScryptIdentity,
    ScryptRecipient,
    Secret,
    X25519Identity,
    armor,
    dearmor,
    open_sealed,
    parse_identities,
    parse_recipient,
    seal,
)
from escrow.seal.stream import CHUNK
from tests.seal.peers import age, node

PLAINS = [b"", b"a school's night", os.urandom(CHUNK), os.urandom(3 * CHUNK + 5)]
PHRASE = "correct horse battery staple"
KEYS: list[HybridIdentity | X25519Identity] = [HybridIdentity.generate(), X25519Identity.generate()]
IDS = ["hybrid", "X25519"]


@pytest.mark.parametrize("key", KEYS, ids=IDS)
def test_node_opens_ours_and_we_open_its(
    key: HybridIdentity | X25519Identity, record_property: Callable[[str, object], None]
) -> None:
    line = key.encode().reveal().decode()
    for plain in PLAINS:
        ours = seal(plain, [key.recipient()])
        assert node("decrypt", data=ours, identities=[line])["plain"] == plain
        assert node("decrypt", armored=armor(ours), identities=[line])["plain"] == plain
        theirs = node("encrypt", data=plain, recipients=[str(key.recipient())])
        assert open_sealed(theirs["sealed"], [key]) == plain
        assert armor(dearmor(theirs["armored"].decode())) == theirs["armored"].decode()
    record_property("summary", f"age: {4 * len(PLAINS)} files with npm age-encryption, {type(key).__name__}")


def test_node_and_passphrases(record_property: Callable[[str, object], None]) -> None:
    phrase = Secret(PHRASE.encode())
    ours = seal(b"identity file", [ScryptRecipient(phrase, 10)])
    assert node("decrypt", data=ours, passphrase=PHRASE)["plain"] == b"identity file"
    theirs = node("encrypt", data=b"identity file", passphrase=PHRASE)["sealed"]
    assert open_sealed(theirs, [ScryptIdentity(phrase)]) == b"identity file"
    record_property("summary", "age: 2 files with npm age-encryption, scrypt")


def test_keys_of_node_are_ours() -> None:
    made = node("generate")
    for kind in ("hybrid", "x25519"):
        (identity,) = parse_identities(made[f"{kind} identity"])
        assert isinstance(identity, HybridIdentity | X25519Identity)
        assert identity.encode().reveal() == made[f"{kind} identity"]
        assert str(identity.recipient()) == made[f"{kind} recipient"].decode()
        assert parse_recipient(str(identity.recipient())) == identity.recipient()


@pytest.mark.parametrize("key", KEYS, ids=IDS)
def test_the_age_tool_opens_ours_and_we_open_its(
    key: HybridIdentity | X25519Identity, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    key_file = tmp_path / "key.txt"
    key_file.write_bytes(b"# made by a test\n\n" + key.encode().reveal() + b"\n")
    for plain in PLAINS:
        ours = seal(plain, [key.recipient()])
        assert age("-d", "-i", key_file, data=ours) == plain
        assert age("-d", "-i", key_file, data=armor(ours).encode()) == plain
        theirs = age("-r", str(key.recipient()), data=plain)
        assert open_sealed(theirs, parse_identities(key_file.read_bytes())) == plain
        armored = age("-a", "-r", str(key.recipient()), data=plain).decode()
        assert open_sealed(dearmor(armored), [key]) == plain
        assert armor(dearmor(armored)) == armored
    record_property("summary", f"age: {4 * len(PLAINS)} files with the age tool, {type(key).__name__}")


def test_several_recipients_with_the_age_tool(tmp_path: Path) -> None:
    keys = [HybridIdentity.generate() for _ in range(3)]
    recipients: list[Recipient] = [key.recipient() for key in keys]
    sealed = seal(b"three", recipients)
    for number, key in enumerate(keys):
        key_file = tmp_path / f"{number}.txt"
        key_file.write_bytes(key.encode().reveal())
        assert age("-d", "-i", key_file, data=sealed) == b"three"


def test_a_protected_identity_file_with_the_age_tool(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    key = HybridIdentity.generate()
    protected = seal(key.encode().reveal() + b"\n", [ScryptRecipient(Secret(PHRASE.encode()), 10)])
    env = {"AGE_PASSPHRASE": PHRASE}
    plain = age("-d", "-j", "batchpass", data=protected, env=env)
    assert plain == key.encode().reveal() + b"\n"
    env["AGE_PASSPHRASE_WORK_FACTOR"] = "10"
    theirs = age("-e", "-j", "batchpass", data=plain, env=env)
    identities: list[Identity] = parse_identities(open_sealed(theirs, [ScryptIdentity(Secret(PHRASE.encode()))]))
    assert open_sealed(seal(b"x", [key.recipient()]), identities) == b"x"
    record_property("summary", "age: 2 files with the age tool, scrypt")
