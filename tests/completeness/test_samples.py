"""Every file of ../shared/samples has its expected profile and verdict."""

from datetime import date
from pathlib import Path

import pytest

from escrow.completeness import Night, Seen, datasets_of, judge, status_of
from escrow.completeness.reader import profile_bytes

SAMPLES = Path(__file__).parents[3] / "shared/samples"

EXPECTED = {
    "dfe-collect/cin-2022.xml": ("xml", 1, []),
    "dfe-mtc/Pupil-Census-Data.csv": ("csv", 5, ["ids-invalid"]),
    "gias/links_edubasealldata20250109.csv": ("csv", 33_472, []),
    "gias/links_edubasealldata20250422.csv": ("csv", 33_801, []),
    "gibbon/gibbon_demo_v27.sql": ("sql", 11_395, []),
    "isams-batch/Error_MethodsNotAllocatedToKey.xml": ("xml", 1, ["encoding-differs"]),
    "isams-batch/GetCurrentPupils.xml": ("xml", 1, []),
    "isams-batch/GetCurrentStaff.xml": ("xml", 3, []),
    "microsoft-sds-uk/Student.csv": ("csv", 86, ["password-column"]),
    "microsoft-sds-uk/StudentEnrollment.csv": ("csv", 602, []),
    "sif-au/StudentAttendanceTimeList_1.xml": ("xml", 9, []),
    "sif-au/StudentContactPersonal_0.xml": ("xml", 3, []),
    "sif-au/StudentPersonal_0.xml": ("xml", 3, []),
}

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples lie beside the project")


def test_every_sample_is_expected() -> None:
    found = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("*/*")}
    assert found == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_judged(name: str) -> None:
    format, rows, codes = EXPECTED[name]
    data = (SAMPLES / name).read_bytes()
    seen = Seen("0" * 64, len(data), profile_bytes(name, data))
    found = judge(Night(date(2026, 11, 24), datasets_of(name, seen)), ())
    assert (seen.profile.format, seen.profile.rows) == (format, rows)
    assert sorted({one.code for one in found}) == codes
    assert status_of(found) == ("warn" if codes else "pass")


def test_a_later_register_is_held_against_the_earlier() -> None:
    nights = []
    for number, name in enumerate(("20250109", "20250422"), 1):
        data = (SAMPLES / f"gias/links_edubasealldata{name}.csv").read_bytes()
        seen = Seen(name * 8, len(data), profile_bytes("x.csv", data))
        nights.append(Night(date(2026, 11, number), datasets_of("links.csv", seen)))
    assert judge(nights[1], nights[:1]) == ()
    assert {one.code for one in judge(Night(date(2026, 11, 3), {}), nights)} == {"dataset-missing"}
