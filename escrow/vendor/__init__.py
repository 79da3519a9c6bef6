"""A vendor's exit: what to recover by when, letters, the last dump against the last good night, the end."""
