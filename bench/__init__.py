"""Speed, size and memory of escrow against restic and borg on a seeded school. Linux only; not shipped."""
