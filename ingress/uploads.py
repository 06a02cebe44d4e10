"""Files that are uploaded to a process, by operators and by their scripts: so many at a time."""

import threading

from models.imports.encoding import LARGEST_FILE

AT_ONCE = 2  # of a process, console and API together: a container's /tmp has room for as many
TOO_LARGE = f"the file has more than {LARGEST_FILE // 1_048_576} MB: split it"
BUSY = "two other files are being uploaded at the moment: try again in a minute"
turns = threading.BoundedSemaphore(AT_ONCE)
