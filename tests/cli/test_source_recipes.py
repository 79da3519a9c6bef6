"""`escrow source recipes`: the list, and what a folder looks like."""

from pathlib import Path

from escrow.source.recipes import recipes

from .conftest import World, escrow


def test_the_list_says_how_each_fails() -> None:
    shown = escrow("source", "recipes")
    assert shown.code == 0
    for one in recipes().values():
        assert f"{one.name} " in shown.out
        assert all(f"    - {sentence}\n" in shown.out for sentence in one.silent)
    rows = escrow("source", "recipes", "--json").lines
    assert [row["recipe"] for row in rows[:-1]] == list(recipes())


def test_a_folder_of_real_files(samples: Path) -> None:
    shown = escrow("source", "recipes", samples / "isams-batch")
    assert shown.out.splitlines() == [
        "isams-batch            3 files, 1 of them an error message",
        'for its [[source]]: recipe = ["isams-batch"]',
    ]
    found = escrow("source", "recipes", samples / "microsoft-sds-uk", "--json").lines
    assert found[0] == {"recipe": "microsoft-sds", "files": 2, "error_messages": 0}
    assert found[-1]["suggested"] == ["microsoft-sds"]


def test_a_folder_of_nothing_known(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\0" * 9000)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert "no recipe is known" in escrow("source", "recipes", tmp_path).out
    assert escrow("source", "recipes", tmp_path / "none").code == 16


def test_a_recipe_in_the_configuration(world: World) -> None:
    text = world.config.read_text()
    world.config.write_text(text.replace('name = "mis"', 'name = "mis"\nrecipe = "csv-exports"'))
    assert world.run("snapshot").code == 0
    world.config.write_text(text.replace('name = "mis"', 'name = "mis"\nrecipe = ["csv-exports", "sims"]'))
    refused = world.run("snapshot")
    assert (refused.code, "recipe-unknown" in refused.err) == (2, True)
