"""Tests of a person's record."""
