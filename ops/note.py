"""Log lines of the supervisor: shaped like those of `ops.logs`, without the 10 MB and 0.2 s of structlog."""

import json
import sys
from datetime import UTC, datetime
from typing import Any


def note(event: str, level: str = "info", **facts: Any) -> None:
    """One JSON line on stderr with a fixed event name."""
    line = {"event": event, "level": level, "timestamp": datetime.now(UTC).isoformat(), **facts}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()
