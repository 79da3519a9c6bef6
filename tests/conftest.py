"""What tests count (vectors, interoperability) stands in the run's last lines: `record_property("summary", text)`."""

import os
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real files that nobody here wrote, beside the checkout. Skips where it is not; fails in CI."""
    if not SAMPLES.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("../shared/samples is missing, and CI=true wants the real files")
        pytest.skip("../shared/samples is not beside this checkout")
    return SAMPLES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "summary"
    ]
    if lines:
        terminalreporter.section("counted")
        for line in lines:
            terminalreporter.write_line(line)
