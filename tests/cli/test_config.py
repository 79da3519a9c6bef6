"""escrow.toml is read strictly: whatever is wrong is named, with the file and the key."""

from datetime import timedelta
from pathlib import Path

import pytest
from escrow_cli.config import CopyConfig, StoreConfig, parse_config
from escrow_cli.template import create_config, fill_in
from escrow_cli.units import age_text, next_clock, parse_age, parse_rate, parse_share, size_text

from escrow.errors import UsageError

FILE = Path("/srv/escrow/escrow.toml")
GOOD = f"""
vault = "{"ab" * 16}"
fingerprint = "{"cd" * 32}"
state = "memory"
[store]
url = "s3://bucket/prefix"
endpoint = "https://s3.example"
region = "eu-west-2"
ca_file = "ca.pem"
path_style = true
profile = "school"
content_md5 = true
owner = "123456789012"
limit_upload = "2 MiB/s"
payer = "the trust"
[[copy]]
name = "usb-a"
url = "/media/usb-a/fernhill"
offline = true
[[copy]]
name = "holder"
url = "stick"
payer = "the head"
holds = "keys"
[[source]]
name = "mis"
path = "exports"
ignore = ["*.tmp"]
[[source]]
name = "docs"
path = "/srv/docs"
[[rule]]
compartment = "records"
globs = ["*.csv", "codes/"]
[status]
max_age = "2d"
"""


def test_a_whole_configuration_means_what_it_says() -> None:
    config = parse_config(GOOD, FILE, {})
    assert (config.vault, config.fingerprint) == ("ab" * 16, "cd" * 32)
    assert config.state == FILE.parent / "memory"
    assert config.store == StoreConfig(
        url="s3://bucket/prefix",
        endpoint="https://s3.example",
        region="eu-west-2",
        ca_file=str(FILE.parent / "ca.pem"),
        path_style=True,
        profile="school",
        content_md5=True,
        owner="123456789012",
        limit_upload=2 * 2**20,
        payer="the trust",
    )
    assert config.copies == (
        CopyConfig("usb-a", StoreConfig("/media/usb-a/fernhill"), offline=True),
        CopyConfig("holder", StoreConfig(str(FILE.parent / "stick"), payer="the head"), holds="keys"),
    )
    assert [(one.name, one.path, one.ignore) for one in config.sources] == [
        ("mis", FILE.parent / "exports", ("*.tmp",)),
        ("docs", Path("/srv/docs"), ()),
    ]
    assert config.rules[0].globs == ("*.csv", "codes/")
    assert config.max_age == timedelta(days=2)


def test_the_environment_lies_over_it() -> None:
    config = parse_config(GOOD, FILE, {"ESCROW_STORE": "/mnt/nas", "ESCROW_STATE": "/var/lib/escrow"})
    assert config.store is not None
    assert (config.store.url, config.state) == ("/mnt/nas", Path("/var/lib/escrow"))
    bare = parse_config("", FILE, {"ESCROW_STORE": "vault"})
    assert bare.store == StoreConfig(str(FILE.parent / "vault"))
    assert (bare.state, bare.max_age) == (FILE.parent / "state", timedelta(hours=36))


@pytest.mark.parametrize(
    ("found", "put", "code", "words"),
    [
        ("[status]", "[status", "config-syntax", "line"),
        ('max_age = "2d"', "max_age = ", "config-syntax", "line"),
        ('max_age = "2d"', "max_age = 2", "config-type", "[status]: max_age: expected a text"),
        ('max_age = "2d"', 'max_age = "2 weeks"', "config-value", "[status]: max_age: expected an age"),
        ('max_age = "2d"', 'maxage = "2d"', "config-unknown-key", "[status]: expected no other key, found maxage"),
        ('state = "memory"', "state = 1", "config-type", "state: expected a text"),
        ('state = "memory"', "sate = 'memory'", "config-unknown-key", "sate"),
        (f'vault = "{"ab" * 16}"', 'vault = "AB"', "config-value", "vault: expected 32 lower-case hex digits"),
        ('url = "s3://bucket/prefix"', "", "config-missing-key", "[store]: expected url"),
        ("path_style = true", 'path_style = "yes"', "config-type", "path_style: expected true or false"),
        ('limit_upload = "2 MiB/s"', 'limit_upload = "2 MiB/h"', "config-value", "limit_upload: expected a speed"),
        ('ignore = ["*.tmp"]', 'ignore = "*.tmp"', "config-type", "[[source]] 1: ignore: expected a list"),
        ('ignore = ["*.tmp"]', "ignore = [1]", "config-type", "[[source]] 1: ignore: expected a list of texts"),
        (
            'path = "/srv/docs"',
            'kind = "punch-cards"',
            "config-source-kind",
            "[[source]] 2: kind: expected one of folder",
        ),
        ('path = "/srv/docs"', "", "config-missing-key", "[[source]] 2: expected path"),
        ('name = "docs"', "", "config-missing-key", "[[source]] 2: expected name"),
        ("[[rule]]", "[rule]", "config-type", "rule: expected tables [[rule]]"),
        ("[store]", "[[store]]", "config-type", "store: expected a table [store]"),
        ("[status]", "[statsu]", "config-unknown-key", "statsu"),
        ('name = "usb-a"', "", "config-missing-key", "[[copy]] 1: expected name"),
        ('name = "usb-a"', 'name = "USB A"', "config-value", "[[copy]] 1: name: expected a short name"),
        ('name = "usb-a"', f'name = "{"x" * 33}"', "config-value", "name: expected a short name"),
        ('name = "usb-a"', 'name = "holder"', "config-copy", "the name 'holder' is taken"),
        ('name = "usb-a"', 'name = "store"', "config-copy", "the name 'store' is taken"),
        ('url = "stick"', "", "config-missing-key", "[[copy]] 2: expected url"),
        ('url = "stick"', 'url = "/media/usb-a/../usb-a/fernhill"', "config-copy", "another place has its url"),
        ("offline = true", 'offline = "yes"', "config-type", "[[copy]] 1: offline: expected true or false"),
        ('holds = "keys"', 'holds = "some"', "config-value", "[[copy]] 2: holds: expected one of all, keys"),
        ('holds = "keys"', 'hold = "keys"', "config-unknown-key", "[[copy]] 2: expected no other key, found hold"),
        ('payer = "the head"', "payer = 7", "config-type", "[[copy]] 2: payer: expected a text"),
    ],
)
def test_what_is_wrong_is_named(found: str, put: str, code: str, words: str) -> None:
    assert GOOD.count(found) == 1
    with pytest.raises(UsageError) as caught:
        parse_config(GOOD.replace(found, put), FILE, {})
    assert caught.value.code == code
    assert str(FILE) in str(caught.value)
    assert words in str(caught.value)


def test_a_copy_in_the_stores_own_place_is_refused() -> None:
    for url in ("s3://bucket/prefix", "s3://bucket/prefix/"):
        same = GOOD.replace('url = "stick"', f'url = "{url}"\nendpoint = "https://s3.example"')
        with pytest.raises(UsageError) as caught:
            parse_config(same, FILE, {})
        assert caught.value.code == "config-copy"
    elsewhere = GOOD.replace('url = "stick"', 'url = "s3://bucket/prefix"\nendpoint = "https://s3.other"')
    assert len(parse_config(elsewhere, FILE, {}).copies) == 2


def test_a_copy_that_takes_the_stores_place_is_not_counted_twice() -> None:
    config = parse_config(GOOD, FILE, {"ESCROW_STORE": "stick/"})
    assert config.store == StoreConfig(str(FILE.parent / "stick"), payer="the head"), "nothing of [store] is left"
    assert [copy.name for copy in config.copies] == ["usb-a"]


def test_every_truncation_is_refused_or_means_less_never_something_else() -> None:
    whole = parse_config(GOOD, FILE, {})
    for end in range(len(GOOD)):
        try:
            part = parse_config(GOOD[:end], FILE, {})
        except UsageError as error:
            assert error.code.startswith("config-")
            continue
        assert part.vault in (None, whole.vault)
        assert part.store is None or part.store.url == "s3://bucket/prefix"
        assert {source.path for source in part.sources} <= {source.path for source in whole.sources}


@pytest.mark.parametrize("url", ["s3://bucket/x", '/mnt/a "b"\\c', "/mnt/ü ñ"])
def test_a_configuration_that_init_writes_is_read_back(tmp_path: Path, url: str) -> None:
    file = tmp_path / "new" / "escrow.toml"
    create_config(file, url, ["mis=/srv/it's", "docs=/srv/d"])
    fill_in(file, "ab" * 16, "cd" * 32)
    fill_in(file, "ab" * 16, "cd" * 32)
    config = parse_config(file.read_text("utf-8"), file, {})
    assert config.store is not None
    assert (config.store.url, config.vault, config.fingerprint) == (url, "ab" * 16, "cd" * 32)
    assert [str(source.path) for source in config.sources] == ["/srv/it's", "/srv/d"]


def test_units() -> None:
    from datetime import datetime

    assert parse_rate("500 kB/s") == 500_000
    assert parse_rate("1.5MiB") == 1.5 * 2**20
    assert parse_age("90m") == timedelta(minutes=90)
    assert parse_share("1/30") == pytest.approx(1 / 30)
    assert (size_text(999), size_text(3 * 2**20), size_text(2**50)) == ("999 B", "3.0 MiB", "1024.0 TiB")
    assert (age_text(timedelta(minutes=5)), age_text(timedelta(hours=7)), age_text(timedelta(days=12))) == (
        "5 min",
        "7 h",
        "12 d",
    )
    evening = datetime(2026, 11, 24, 22, 30).astimezone()
    assert next_clock("07:00", evening) == evening.replace(day=25, hour=7, minute=0)
    assert next_clock("23:00", evening) == evening.replace(hour=23, minute=0)
    for parse, text in ((parse_rate, "0"), (parse_rate, "2 m/s"), (parse_age, "36"), (parse_share, "0")):
        with pytest.raises(UsageError):
            parse(text)
