"""Files that operators and their scripts upload to a process: so many at a time, one of an organisation."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from models.imports.encoding import LARGEST_FILE

AT_ONCE = 2  # of a process, console and API together: a container's /tmp has room for as many
TOO_LARGE = f"the file has more than {LARGEST_FILE // 1_048_576} MB: split it"
BUSY = "two other files are being uploaded at the moment: try again in a minute"
OWN = "another file of your organisation is being uploaded at the moment: send this one when it is there"
NO_ROOM = "there is no room for a file on our disk at the moment: try again later, and tell us if that lasts"
at_it: set[str] = set()  # the organisations whose files come in

_log = structlog.get_logger()


@contextmanager
def turn(organisation_id: str) -> Iterator[str | None]:
    """An organisation's turn, in the event loop; what is to be said where it has none."""
    refusal = OWN if organisation_id in at_it else BUSY if len(at_it) >= AT_ONCE else None
    if refusal is None:
        at_it.add(organisation_id)
    try:
        yield refusal
    finally:
        if refusal is None:
            at_it.discard(organisation_id)


def check_full(error: OSError) -> None:
    """Log that files have no room; raises the error where it is another one."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    _log.warning("upload_no_room", folder=tempfile.gettempdir(), error=error.strerror)
