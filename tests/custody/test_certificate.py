"""Certificates say what the records say, and show fingerprints that anybody finds in the files."""

import base64
import hashlib
import json
from pathlib import Path

import pypdfium2
import pytest

from escrow.custody.certificate import Drill, certificate, drill_certificate, groups_of
from escrow.custody.charter_page import groups
from escrow.engine.fetch import public_objects
from escrow.paper.pdf import pdf
from escrow.record import Proof, Returned
from tests.custody.closing import Closing, closing
from tests.engine.kit import T0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Closing:
    return closing(tmp_path_factory.mktemp("certificate"))


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    text = " ".join(page.get_textpage().get_text_range() for page in document)
    return " ".join(text.split())


def fingerprints(place: Closing, folder: str) -> list[str]:
    """As the commands on the certificate make them: jq -r .payload | base64 -d | sha256sum."""
    return [
        hashlib.sha256(base64.b64decode(json.loads(data)["payload"])).hexdigest()
        for _, data in public_objects(place.store, (folder,))
    ]


def test_before_a_handover_it_is_of_custody(place: Closing) -> None:
    text = text_of(pdf("page", certificate(place.history).values()))
    for words in (
        "Certificate of custody: Ysgol Bro Tegid",
        "LA records officer",
        "Nobody can open it alone",
        "If the school closes, Cyngor Gwynedd (local authority) takes the archive over.",
        "No use of a key is recorded.",
        groups(place.history.fingerprint),
    ):
        assert words in text


def test_after_the_transfer_it_says_who_what_and_how_to_check(place: Closing) -> None:
    place.whole_way()
    history = place.history
    text = text_of(pdf("page", certificate(history).values()))
    for words in (
        "The sealed archive of Ysgol Bro Tegid was handed over to Cyngor Gwynedd.",
        "chair of governors (holders), head (holders); whole groups: holders",
        "Locked there until: 31 August 2051",
        "Nights opened, with their lists of files: 3, ",
        "Files of each series' last night opened with the keys: 2, ",
        "No difference was found.",
        "safeguarding: 1 series, which stay sealed",
        "pupil-files: answer requests of former pupils",
        "jq -r .payload RECORD.json | base64 -d | sha256sum",
    ):
        assert words in text, words
    for sha256 in (*fingerprints(place, "releases/"), *fingerprints(place, "receipts/")):
        assert groups(sha256) in text
    assert groups(fingerprints(place, "events/")[-1]) in text
    released = next(link for link in history.events if link.event.kind == "released")
    assert history.charter
    assert groups_of(history.charter, released) == ("holders",)


def test_a_drill_says_what_was_not_right() -> None:
    proofs = (("Copied", Proof(count=3, bytes=3 << 20, wrong=0)),)
    back = (Returned(compartment="records", seq=3, listed_files=2, listed_bytes=9, files=1, bytes=4),)
    good = drill_certificate(Drill("Fernhill", T0, "on a copy", proofs, (), ()))
    assert "Everything came back as it was listed." in text_of(pdf("page", good.values()))
    bad = drill_certificate(
        Drill("Fernhill", T0, "on a copy", proofs, back, ("restore-count: one file less",), "ab" * 32)
    )
    text = text_of(pdf("page", bad.values()))
    assert "1 things were not as they should be" in text
    assert "restore-count: one file less" in text
    assert "2, 9 bytes 1, 4 bytes" in text
    assert groups("ab" * 32) in text


def test_nothing_of_it_names_a_file(place: Closing, tmp_path: Path) -> None:
    text = text_of(pdf("page", certificate(place.history).values()))
    for name in ("pupils.csv", "ann.txt", "marks"):
        assert name not in text
