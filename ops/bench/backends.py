"""What PostgreSQL's backends have spent on Muster's work, where they run on this machine."""

from pathlib import Path

from models.database import Connection

# The sweep looks every second at all lists, whoever sends what.
_PIDS = (
    "select pid from pg_stat_activity where datname = current_database() and application_name like 'muster-%'"
    " and application_name <> 'muster-sweep' and pid <> pg_backend_pid()"
)


class Backends:
    """The backends of Muster's processes, but the sweep's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ended: dict[int, float] = {}

    @property
    def here(self) -> bool:
        """Whether they can be seen."""
        return bool(self._ended)

    def seconds(self) -> float:
        """Processor time of all of them so far, those included that have ended since the last look."""
        for (pid,) in self._connection.execute(_PIDS).fetchall():
            seconds = spent(pid)
            if seconds is not None:
                self._ended[pid] = seconds
        return sum(self._ended.values())


def spent(pid: int) -> float | None:
    """Seconds, to the nanosecond: a tick of the clock is as long as five look-ups."""
    process = Path(f"/proc/{pid}")
    try:
        if (process / "comm").read_text().strip() != "postgres":
            return None
        return int((process / "schedstat").read_text().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return None
