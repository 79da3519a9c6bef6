"""The guides to sources and to telling: every configuration in them is one, every section says how it fails."""

import re
from pathlib import Path

from escrow_cli.config import Config, parse_config

from escrow.source.recipes import recipes

DOCS = Path(__file__).parents[1] / "docs"
SILENT = "How this one fails silently"
SECTIONS = ["SIMS", "Arbor", "Bromcom", "iSAMS", "Wonde", "OneRoster", "SQL", "Folder"]


def configurations(guide: str) -> list[Config]:
    text = (DOCS / guide).read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [parse_config(block, Path("/srv/escrow/escrow.toml"), {}) for block in blocks]


def test_each_mis_has_a_configuration_and_says_how_it_fails() -> None:
    parts = re.split(r"^## ", (DOCS / "guide-mis.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts] == SECTIONS
    for part in parts:
        assert "```toml\n" in part
        assert f"**{SILENT}.**" in part
    assert f"## {SILENT}" in (DOCS / "guide-telling.md").read_text("utf-8")


def test_every_source_of_the_guide_can_be_made() -> None:
    made = [source for config in configurations("guide-mis.md") for source in config.sources]
    assert len(made) > 12
    assert {type(source).__name__ for source in made} >= {"FolderConfig", "WondeConfig", "IsamsConfig"}
    for source in made:
        assert source.open([]).name == source.name


def test_the_guide_knows_every_recipe_that_has_a_vendor() -> None:
    text = (DOCS / "guide-mis.md").read_text("utf-8")
    named = set(re.findall(r'"([a-z0-9-]+)"', " ".join(re.findall(r"^recipe = (.*)$", text, re.MULTILINE))))
    assert named <= set(recipes())
    assert set(recipes()) - named == {"isams-batch", "sif", "opaque", "json-lines"}


def test_every_code_that_the_guide_explains_exists() -> None:
    text = (DOCS / "guide-mis.md").read_text("utf-8")
    source = "".join(path.read_text("utf-8") for path in (DOCS.parent / "escrow" / "source").glob("*.py"))
    codes = set(re.findall(r"`((?:http|isams)-[a-z]+)`", text)) - {"isams-key"}
    assert codes == {code for code in codes if f'"{code}"' in source or code == "http-server"}
    assert len(codes) >= 9


def test_everybody_of_the_guide_can_be_told() -> None:
    (config,) = configurations("guide-telling.md")
    assert [(one.name, one.when) for one in config.tell] == [
        ("mail", "always"),
        ("webhook", "trouble"),
        ("ping", "always"),
        ("log", "always"),
    ]
    assert [one.make().name for one in config.tell] == [one.name for one in config.tell]
