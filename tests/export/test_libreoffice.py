"""LibreOffice opens the workbooks, and shows every cell as the text that it was."""

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from escrow.export.exporting import ORIGINALS, export
from tests.export.test_tables import write

ROWS = [
    ["id", "mark", "phone", "when", "note"],
    ["007", "1e5", "+44 7700 900123", "01/02/2026", "=cmd|' /C calc'!A0"],
    ["08", "4.50", "-1", "2026-02-01", "Zoë, Żak"],
]


def test_the_workbook_opens_and_its_cells_are_the_same(tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        assert not os.environ.get("CI"), "apt-get install libreoffice-calc"
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-calc")
    original = write(tmp_path, f"{ORIGINALS}/mis/marks.csv", b"")
    with original.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(ROWS)
    assert export(tmp_path, ["excel"]).troubles == []
    command = [office, f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", "--convert-to"]
    command += ["csv:Text - txt - csv (StarCalc):44,34,76", "--outdir", str(tmp_path / "shown")]
    subprocess.run([*command, str(tmp_path / "excel/marks.xlsx")], check=True, capture_output=True, timeout=120)
    with (tmp_path / "shown/marks.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == ROWS
