"""What looks at a system while load is on: a thread for as long as this is entered."""

import threading
from typing import Self


class Watching:
    """Give it a `_run` that ends once `_over` is set."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        raise NotImplementedError
