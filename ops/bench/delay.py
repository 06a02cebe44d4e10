"""A link that delays, as a program: each frame of one TAP device comes out of another, in another network namespace,
after so many milliseconds. In place of `tc … netem`, which many kernels are built without."""

import contextlib
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

from ops.bench import network

_TUNSETIFF = 0x400454CA
_TAP, _NO_HEADER = 0x0002, 0x1000
_LARGEST = 2048  # bytes of a frame; devices have an MTU of 1500


def _tap(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP | _NO_HEADER))
    return device


class _Way:
    """One direction: frames with the time at which each is due."""

    def __init__(self, source: int, sink: int, seconds: float) -> None:
        self.source, self._sink, self._seconds = source, sink, seconds
        self._frames: deque[tuple[float, bytes]] = deque()

    def read(self) -> None:
        """Take what has come."""
        due = time.perf_counter() + self._seconds
        with contextlib.suppress(BlockingIOError):
            while True:
                self._frames.append((due, os.read(self.source, _LARGEST)))

    def write(self) -> None:
        """Let out what is due. A frame that a device refuses (it is down yet) is lost, as on a wire."""
        now = time.perf_counter()
        while self._frames and self._frames[0][0] <= now:
            with contextlib.suppress(OSError):
                os.write(self._sink, self._frames.popleft()[1])

    def due(self) -> float | None:
        """When the next frame is."""
        return self._frames[0][0] if self._frames else None


def _relay(one: int, other: int, seconds: float) -> None:
    ways = (_Way(one, other, seconds), _Way(other, one, seconds))
    while True:
        due = [at for at in (way.due() for way in ways) if at is not None]
        wait = max(0.0, min(due) - time.perf_counter()) if due else None
        ready, _, _ = select.select([one, other], [], [], wait)
        for way in ways:
            if way.source in ready:
                way.read()
            way.write()


def main() -> None:
    """Arguments: the device here; another namespace, and the device there; milliseconds each way."""
    here, namespace, there, milliseconds = sys.argv[1:]
    one = _tap(here)
    network.enter(namespace)
    other = _tap(there)
    # Ahead of those who are measured: waiting for a core would be part of the delay.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    print("ready", flush=True)  # noqa: T201 - read by whoever started this
    _relay(one, other, float(milliseconds) / 1000)


if __name__ == "__main__":
    main()
