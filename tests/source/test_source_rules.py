"""Compartments and datasets by path."""

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.errors import UsageError
from escrow.source.compartments import Compartments, Rule
from escrow.source.datasets import as_text, dataset_of, kind_of
from escrow.source.paths import Style, encode_name

RULES = Compartments(
    [
        Rule("safeguarding", ("safeguarding/", "*cpoms*")),
        Rule("documents", ("*.pdf", "*.jpg", "/mis/photos/**")),
        Rule("records", ("/mis/**/*.csv", "/mis/*.csv", "école/", "!secret.csv")),
    ],
    strictest="safeguarding",
)

ASSIGNED = [
    ("mis/pupils.csv", "records"),
    ("mis/deep/er/marks.CSV", "records"),
    ("mis/secret.csv", "safeguarding"),
    ("MIS/ÉCOLE/x", "records"),
    ("mis/e\u0301cole/x", "records"),
    ("mis/Safeguarding/notes.csv", "safeguarding"),
    ("mis/a/SAFEGUARDING/plan.pdf", "safeguarding"),
    ("mis/CPOMS export.csv", "safeguarding"),
    ("mis/letters/L.PDF", "documents"),
    ("mis/photos/x/y.bin", "documents"),
    ("other/pupils.csv", "safeguarding"),
    ("mis/unknown.bin", "safeguarding"),
    ("mis/back\\slash.pdf", "documents"),
]


@pytest.mark.parametrize("style", get_args(Style))
@pytest.mark.parametrize(("path", "compartment"), ASSIGNED)
def test_first_matching_rule_wins_else_the_strictest(style: Style, path: str, compartment: str) -> None:
    raw = b"/".join(encode_name(part, style) for part in path.split("/"))
    assert RULES.assign(raw) == compartment


def test_names_that_are_not_text_are_assigned() -> None:
    assert RULES.assign(b"mis/caf\xe9.csv") == "records"
    assert RULES.assign(encode_name("mis/\ud800.csv", "windows")) == "records"
    assert RULES.assign(b"mis/safeguarding/\xff") == "safeguarding"


@given(path=st.binary(min_size=1, max_size=60))
def test_every_path_gets_a_compartment(path: bytes) -> None:
    assert RULES.assign(path) in {"safeguarding", "documents", "records"}


@pytest.mark.parametrize("glob", ["safeguarding\\*", "!", "[z-a]"])
def test_globs_that_cannot_be_meant_are_refused(glob: str) -> None:
    with pytest.raises(UsageError) as caught:
        Compartments([Rule("x", (glob,))], strictest="x")
    assert caught.value.code == "glob"


@pytest.mark.parametrize(
    ("path", "dataset", "kind"),
    [
        (b"mis/marks.csv", "mis/marks.csv", "table"),
        (b"mis/a/b/SIMS.BAK", "mis/a/b/SIMS.BAK", "table"),
        (b"mis/documents/2024/x.pdf", "mis/documents", "document"),
        (b"mis/logo.png", "mis", "document"),
        (b"mis/noending", "mis", "document"),
        (b"mis/.csv", "mis", "document"),
        (b"mis/tables.csv/readme", "mis/tables.csv", "document"),
        (b"mis/caf\xe9.csv", "mis/caf\\xe9.csv", "table"),
        (b"mis/a\\xe9.csv", "mis/a\\\\xe9.csv", "table"),
        (b"mis/a\nb.csv", "mis/a\\x0ab.csv", "table"),
    ],
)
def test_a_table_is_its_own_dataset_a_document_its_top_folders(path: bytes, dataset: str, kind: str) -> None:
    assert (dataset_of(path), kind_of(path)) == (dataset, kind)


@given(paths=st.tuples(st.binary(min_size=1, max_size=30), st.binary(min_size=1, max_size=30)))
def test_as_text_is_text_of_the_format_and_one_to_one(paths: tuple[bytes, bytes]) -> None:
    texts = [as_text(path) for path in paths]
    assert all(re.fullmatch(r"[^\x00-\x1f\x7f]+", text) for text in texts)
    assert (texts[0] == texts[1]) == (paths[0] == paths[1])


def test_long_paths_keep_apart_within_a_thousand_characters() -> None:
    long = b"mis/" + b"\xff" * 4000
    one, two = as_text(long + b"a"), as_text(long + b"b")
    assert len(one) == len(two) == 1000
    assert one != two
