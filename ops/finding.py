"""What a check of `muster doctor` comes to."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One check's outcome."""

    check: str
    ok: bool
    detail: str
    warning: bool = False  # nothing is wrong, but something cannot be known or seen
