"""Sessions: copies of a list's people at one moment, which neither change the list nor follow it (product rule S1)."""
