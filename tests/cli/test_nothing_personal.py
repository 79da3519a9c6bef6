"""A night of the demo school by each kind of source, with faults: what is said, written and named holds no person."""

import base64
import csv
import json
import logging
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from escrow_cli import demo_school

from tests.servers.http import Answer, Request, serving
from tests.servers.smtp import Mailbox, mailbox
from tests.servers.wonde import SCHOOL, TOKEN, WondeServer, wonde

from .conftest import World

KEY = "0A1B2C3D-batch-key"
_NAMES = re.compile("surname|forename|name$", re.IGNORECASE)


@dataclass(frozen=True)
class People:
    """Every UPN, and every name of more than four letters that stands in the demo school's tables."""

    upns: frozenset[str]
    names: frozenset[str]

    def found_in(self, text: str) -> list[str]:
        """UPNs anywhere; names as words."""
        words = set(re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)?", text))
        return sorted(upn for upn in self.upns if upn in text) + sorted(self.names & words)


def people(exports: Path) -> tuple[People, list[dict[str, object]]]:
    upns: set[str] = set()
    names: set[str] = set()
    pupils: list[dict[str, object]] = []
    for table in ("pupils", "contacts", "staff"):
        with (exports / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file)):
                names |= {value for column, value in row.items() if _NAMES.search(column) and len(value) > 4}
                upns |= {row["UPN"]} & {row.get("UPN", "")} if "UPN" in row else set()
                if table == "pupils":
                    pupils.append({"id": f"A{number:08}", **row})
    return People(frozenset(upns), frozenset(names)), pupils


def said(world: World, box: Mailbox, hooks: list[Request]) -> Iterator[tuple[str, str]]:
    """Everything that a night leaves where others may look: (where, text)."""
    for mail in box.mails:
        yield "mail", str(mail) + mail.get_content()
    for hook in hooks:
        yield "webhook", hook.path + hook.body.decode()
    for path in world.vault.rglob("*"):
        yield "object's name", path.relative_to(world.vault).as_posix()
        if path.suffix == ".json":
            envelope = json.loads(path.read_bytes())
            yield "record", base64.b64decode(envelope["payload"]).decode()
    for path in world.state.rglob("*"):
        yield "name in state", path.name
        if path.is_file() and path.suffix != ".list":
            yield path.name, path.read_bytes().decode("utf-8", "replace")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("school") / "exports"
    demo_school.create(folder, 7)
    return folder


def configure(world: World, exports: Path, server: WondeServer, box: Mailbox, web: str) -> None:
    for name, secret in {"token": TOKEN, "hook": f"{web}/hook", "key": KEY}.items():
        path = world.config.parent / name
        path.write_text(secret)
        path.chmod(0o600)
    text = world.config.read_text().replace(
        'path = "../exports"', f'path = "{exports}"\nrecipe = ["csv-exports", "photos"]'
    )
    text += f'[[source]]\nname = "wonde"\nkind = "wonde"\nschool = "{SCHOOL}"\nurl = "{server.base_url}"\n'
    text += 'token = { file = "token" }\nentities = ["students?include=year", "contacts", "rooms", "photos"]\n'
    text += f'[[source]]\nname = "isams"\nkind = "isams"\nurl = "{web}"\nkey = {{ file = "key" }}\n'
    text += '[[source]]\nname = "gone"\npath = "../Khadija Kowalska"\n'
    text += f'[tell.mail]\nserver = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\nfrom = "e@x.example"\n'
    world.config.write_text(text + 'to = "it@x.example"\n[tell.webhook]\nurl = { file = "hook" }\n')


def test_nothing_that_others_see_names_a_person(
    world: World,
    exports: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("ESCROW_DEBUG", "1")
    caplog.set_level(logging.DEBUG)
    known, pupils = people(exports)
    assert len(known.upns) > 200
    assert len(known.names) > 100
    hooks: list[Request] = []
    photos = {str(pupil["id"]): b"\xff\xd8photo" for pupil in pupils[:3]}
    server = WondeServer(
        {"students": pupils, "rooms": [{"id": "A1"}], "photos": [{"id": one} for one in photos]}, photos
    )

    def fault(request: Request, number: int) -> Answer | None:
        body = json.dumps({"error": pupils[0], "data": pupils[1]}).encode()
        return Answer(200, {}, body[:-9]) if "/rooms" in request.path else None

    server.fault = fault
    cut = f"<iSAMS><Pupil><UPN>{pupils[3]['UPN']}</UPN><Surname>{pupils[3]['Legal Surname']}".encode()

    def web(request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, {}, cut)
        hooks.append(request)
        return Answer(200)

    with wonde(server), mailbox() as box, serving(web) as endpoint:
        configure(world, exports, server, box, endpoint)
        (exports / "staff.csv").with_name("half.csv").write_bytes(b'UPN,Name\n"' + str(pupils[0]["UPN"]).encode())
        runs = [
            world.run("agent", "run"),
            world.run("source", "check"),
            world.run("source", "learn"),
            world.run("agent", "run", "--json"),
            world.run("status", "--tell"),
            world.run("list"),
            world.run("agent", "test", "--tell"),
        ]
        (world.config.parent / "token").write_text("wrong")
        runs.append(world.run("snapshot"))
        (world.vault / "notices").rename(world.root / "notices")
        runs.append(world.run("snapshot"))
    assert len(box.mails) >= 3
    faults = set(re.findall("(?:http|isams)-[a-z]+", "".join(run.err for run in runs)))
    assert {"http-body", "http-forbidden", "http-token", "isams-cut"} <= faults
    texts = [("output", run.out + run.err) for run in runs] + [("log", caplog.text)]
    texts += [("temporary", str(path)) for path in temporary.rglob("*")]
    texts += said(world, box, hooks)
    personal = {(where, one) for where, text in texts for one in known.found_in(text)}
    assert personal <= {("output", "Khadija"), ("output", "Kowalska")}
    assert not list(temporary.rglob("*"))
    assert not [one for one in (TOKEN, KEY) if one in "".join(text for _, text in texts)]
    assert known.found_in(f"{pupils[5]['UPN']} x") == [pupils[5]["UPN"]]
    assert known.found_in(f"pupil {pupils[5]['Legal Forename']} {pupils[5]['Legal Surname']}") != []
