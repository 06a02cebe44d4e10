"""Files that are uploaded to a process, by operators and by their scripts: so many at a time."""

import errno
import tempfile
import threading

import structlog

from models.imports.encoding import LARGEST_FILE

AT_ONCE = 2  # of a process, console and API together: a container's /tmp has room for as many
TOO_LARGE = f"the file has more than {LARGEST_FILE // 1_048_576} MB: split it"
BUSY = "two other files are being uploaded at the moment: try again in a minute"
NO_ROOM = "there is no room for a file on our disk at the moment: try again later, and tell us if that lasts"
turns = threading.BoundedSemaphore(AT_ONCE)

_log = structlog.get_logger()


def check_full(error: OSError) -> None:
    """Log that files have no room; raises the error where it is another one."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    _log.warning("upload_no_room", folder=tempfile.gettempdir(), error=error.strerror)
