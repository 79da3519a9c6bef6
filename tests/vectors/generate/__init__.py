"""Writes the vectors: `python -m tests.vectors.generate`. Their signatures and sealings differ each time."""
