"""The end of what is kept: holds, the schedule, what is due, what may be deleted, and what is left of it."""
