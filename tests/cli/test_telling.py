"""A night is told, whatever becomes of it; telling that fails is said, and fails nothing."""

from collections.abc import Iterator

import pytest
from escrow_cli.telling import ACTIONS

from tests.servers.http import Answer, Request, serving
from tests.servers.smtp import Mailbox, mailbox

from .conftest import World, escrow

P = 'password = { env = "P" }\n'


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as one:
        yield one


def tell(world: World, box: Mailbox, more: str = "") -> None:
    mail = f'[tell.mail]\nserver = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\nfrom = "e@x.example"\n'
    with world.config.open("a") as file:
        file.write(f'{mail}to = "it@school.example"\n{more}')


def ping(world: World, endpoint: str) -> str:
    secret = world.config.parent / "ping-url"
    secret.write_text(f"{endpoint}/secret-uuid\n")
    secret.chmod(0o600)
    return '[tell.ping]\nurl = { file = "ping-url" }\n'


def test_a_night_is_told(world: World, box: Mailbox) -> None:
    got: list[Request] = []
    with serving(lambda request: got.append(request) or Answer(200)) as endpoint:
        tell(world, box, ping(world, endpoint))
        ran = world.run("agent", "run")
    assert (ran.code, "not told" in ran.err) == (0, False)
    (mail,) = box.mails
    assert mail["Subject"] == "escrow ok: Fernhill: night 3: ok"
    newest = max((world.vault / "notices").iterdir(), key=lambda path: path.name)
    assert mail["X-Escrow-Head"].split()[0] == str(int(newest.name.partition("-")[0]))
    assert [one.path for one in got] == ["/secret-uuid/start", "/secret-uuid"]


def test_trouble_is_told(world: World, box: Mailbox) -> None:
    got: list[Request] = []
    with serving(lambda request: got.append(request) or Answer(200)) as endpoint:
        gone = '[[source]]\nname = "gone"\npath = "../gone"\n'
        tell(world, box, f'{ping(world, endpoint)}when = "trouble"\n{gone}')
        ran = world.run("agent", "run")
    assert ran.code == 16
    (mail,) = box.mails
    assert mail["Subject"].startswith("escrow ALARM: ")
    assert "verdict   fail source-failed" in mail.get_content()
    assert "source gone: not read (source-missing)" in mail.get_content()
    assert [one.path for one in got] == ["/secret-uuid/start", "/secret-uuid/fail"]


def test_a_night_that_looks_wrong_says_what_to_do(world: World, box: Mailbox) -> None:
    tell(world, box)
    (world.exports / "logins.csv").write_text("UPN,Password\n" + "".join(f"A{n},P@ssw0rd{n}\n" for n in range(9)))
    assert world.run("agent", "run").code == 4
    (mail,) = box.mails
    assert "suspicious" in mail["Subject"]
    assert "password-column: passwords stand in clear text" in mail.get_content()
    assert "P@ssw0rd" not in mail.get_content()


def test_only_trouble(world: World, box: Mailbox) -> None:
    tell(world, box, 'when = "trouble"\n')
    assert world.run("agent", "run").code == 0
    assert box.mails == []


def test_telling_that_fails_fails_no_night(world: World, box: Mailbox) -> None:
    box.refuse = "550 no"
    tell(world, box)
    ran = world.run("agent", "run")
    assert ran.code == 0
    assert "warning: mail was not told (tell-mail-refused)" in ran.err
    assert "mail failed when it was tried last (tell-mail-refused)" in world.run("status").err
    box.refuse = None
    assert world.run("agent", "run").code == 0
    assert "mail" not in world.run("status").err


def test_a_channel_that_was_not_tried_since_it_failed_has_failed(world: World, box: Mailbox) -> None:
    box.refuse = "550 no"
    tell(world, box, 'when = "trouble"\n')
    assert "tell-mail-refused" in world.run("agent", "test", "--tell").out
    assert world.run("agent", "run").code == 0
    assert "mail failed when it was tried last" in world.run("status").err
    box.refuse = None
    assert world.run("agent", "test", "--tell").code == 0
    assert "mail" not in world.run("status").err


def test_a_night_that_cannot_begin_is_told(world: World, box: Mailbox) -> None:
    tell(world, box)
    (world.state / "agent.key").unlink()
    ran = world.run("agent", "run")
    assert ran.code != 0
    (mail,) = box.mails
    assert mail["Subject"].startswith("escrow ALARM: vault ")
    assert "agent-key-missing" in mail.get_content()


def test_a_test_is_sent(world: World, box: Mailbox) -> None:
    tell(world, box)
    assert world.run("agent", "test").code == 0
    assert box.mails == []
    tried = world.run("agent", "test", "--tell")
    assert (tried.code, box.mails[0]["Subject"].startswith("escrow TEST: ")) == (0, True)
    assert "tell mail            ok" in tried.out
    box.refuse = "550 no"
    failed = world.run("agent", "test", "--tell", "--json")
    assert failed.code == 2
    assert {"check": "tell mail", "result": "tell-mail-refused"}.items() <= failed.lines[-2].items()


def test_the_watchers_machine_tells_of_silence(world: World, box: Mailbox) -> None:
    watch = world.root / "watch"
    watch.mkdir()
    public = (world.root / "holder" / "public" / "vault.toml").read_text()
    config = watch / "escrow.toml"
    config.write_text(f'{public}\n[store]\nurl = "../vault"\n')
    world_of_watch = World(world.root)
    mail = f'[tell.mail]\nserver = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\nfrom = "e@x.example"\n'
    config.write_text(f'{config.read_text()}{mail}to = ["it@school.example"]\nwhen = "trouble"\n')
    seen = escrow("status", "--tell", "--max-age", "0m", "--config", config)
    assert seen.code != 0
    assert box.mails[0]["Subject"] == f"escrow ALARM: Fernhill: night 2: {box.mails[0]['X-Escrow-Result']}"
    world_of_watch.vault.rename(world.root / "away")
    assert escrow("status", "--tell", "--config", config).code == 9
    assert "store-folder-missing" in box.mails[1].get_content()
    assert "ALARM: Fernhill" in box.mails[1]["Subject"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[tell.mail]\nserver = "x"\nfrom = "a@b"\n', "config-missing-key"),
        ('[tell.mail]\nserver = "x"\nfrom = "a b"\nto = "a@b"\n', "config-value"),
        ('[tell.mail]\nserver = "x"\nfrom = "a@b"\nto = "a@b"\nuser = "u"\n', "config-tell"),
        ('[tell.mail]\nserver = "x"\nfrom = "a@b"\nto = "a@b"\npassword = "p"\nuser = "u"\n', "credential-literal"),
        ('[tell.mail]\nserver = "x"\nfrom = "a@b"\nto = "a@b"\nsecurity = "none"\nuser = "u"\n' + P, "config-tell"),
        ('[tell.ping]\nurl = "https://hc-ping.com/uuid"\n', "credential-literal"),
        ("[tell.webhook]\n", "config-missing-key"),
        ('[tell.log]\nwhen = "never"\n', "config-value"),
        ("[tell.pager]\n", "config-unknown-key"),
    ],
)
def test_what_is_refused(text: str, code: str, world: World) -> None:
    with world.config.open("a") as file:
        file.write(text)
    ran = world.run("agent", "run")
    assert (ran.code, ran.err.split(":")[1].strip()) == (2, code)
    assert "uuid" not in ran.err


def test_every_exit_code_has_an_action() -> None:
    from escrow_cli.exits import Exit

    assert set(ACTIONS) == set(Exit)


def test_a_night_that_tells_has_a_network(world: World, box: Mailbox) -> None:
    units = world.root / "units"
    install = ("agent", "install", "--platform", "systemd", "--dry-run", "--out", units)
    assert world.run(*install).code == 0
    assert "PrivateNetwork=yes" in (units / "escrow-agent.service").read_text()
    tell(world, box)
    assert world.run(*install).code == 0
    assert "PrivateNetwork" not in (units / "escrow-agent.service").read_text()


def test_the_configuration_that_init_writes_shows_a_channel() -> None:
    from pathlib import Path

    from escrow_cli.config import parse_config
    from escrow_cli.template import _TAIL

    lines = _TAIL[_TAIL.index("# [tell.mail]") :].replace("\n# ", "\n").removeprefix("# ")
    (channel,) = parse_config(lines, Path("/srv/escrow/escrow.toml"), {}).tell
    assert (channel.name, channel.when, channel.make().name) == ("mail", "always", "mail")
