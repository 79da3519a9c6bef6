"""A person's record: who is in a vault, what it holds of one of them, and what of that is given to whom."""
