"""A night of a real PostgreSQL by the command line, with its credential in a file."""

from tests.servers.databases import PASSWORD, Server, postgres
from tests.source.postgresql_kit import new_base

from .conftest import World, files_of

__all__ = ["postgres"]


def test_a_database_is_checked_deposited_and_restored(world: World, postgres: Server) -> None:
    word = world.root / "server" / "word"
    word.write_text(PASSWORD, "utf-8")
    word.chmod(0o600)
    text = world.config.read_text("utf-8")
    with new_base(postgres) as base:
        base.run("CREATE TABLE pupil (id int PRIMARY KEY, name text)", "INSERT INTO pupil VALUES (2, ''), (1, NULL)")
        lines = f'kind = "postgresql"\nhost = "127.0.0.1"\nport = {postgres.port}\ndatabase = "{base.name}"\n'
        lines += f'user = "{base.user}"\npassword = {{ file = "word" }}\ntls = "off"\nignore = ["*.other.csv"]\n'
        world.config.write_text(f'{text}\n[[source]]\nname = "gibbon"\n{lines}', "utf-8")
        checked = world.run("source", "check")
        assert checked.code == 0, checked.err
        assert "gibbon/public.pupil.csv" in checked.out
        done = world.run("snapshot")
        assert done.code == 0, done.err
        out = world.root / "out"
        assert world.run("restore", "latest", "--to", out, "--key", world.key).code == 0
        word.write_text("wrong")
        failed = world.run("snapshot")
    restored = {name: data for name, data in files_of(out).items() if name.startswith("gibbon/")}
    assert set(restored) == {"gibbon/public.pupil.csv", "gibbon/schema.json"}
    assert restored["gibbon/public.pupil.csv"] == b'"id","name"\n1,\n2,""\n'
    assert failed.code == 16
    assert "sql-password" in failed.out + failed.err
    told = "".join(one.out + one.err for one in (checked, done, failed))
    assert PASSWORD not in told
    assert PASSWORD.encode() not in b"".join(restored.values())
