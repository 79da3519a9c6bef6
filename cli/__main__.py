"""`python -m escrow_cli`."""

from .main import run

run()
