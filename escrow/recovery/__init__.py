"""What reads a vault without this software: the kit that lies in every vault (docs/decisions/0080-second-reader.md)."""

from escrow.recovery.kit import kit, kit_sha256

__all__ = ["kit", "kit_sha256"]
