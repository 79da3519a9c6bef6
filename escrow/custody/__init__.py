"""Custody: the keys that open a vault, and what is signed about them. Never used on the nightly machine."""

from escrow.custody.newvault import NewVault, Plan, new_vault, signing_key
from escrow.custody.opening import open_custody, series_identity

__all__ = ["NewVault", "Plan", "new_vault", "open_custody", "series_identity", "signing_key"]
