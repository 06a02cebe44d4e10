"""Measurements: what Muster does on this machine, beside what the machine could do at most."""
