"""Draw a dashboard without Grafana: python -m ops.dashboards.draw http://127.0.0.1:9090 overview overview.svg."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ops.dashboards.__main__ import BOARDS
from ops.dashboards.asking import Prometheus, panels
from ops.dashboards.board import Board
from ops.dashboards.drawing import Page

HOUR = 3_600.0


def drawn(board: Board, prometheus: Prometheus, chosen: Mapping[str, str]) -> str:
    """A dashboard as SVG, its variables as chosen."""
    document = board.document()
    answers = {
        panel["id"]: [series for target in panel["targets"] for series in prometheus.answers(target, chosen)]
        for panel in panels(document)
    }
    return Page(document, answers, prometheus.start, prometheus.end).svg()


def first_choice(prometheus: Prometheus) -> dict[str, str]:
    """All providers, and the first list that is shown."""
    return {"idp": ".*", "list": next(iter(prometheus.values_of("list", "muster_list_pending")), "")}


if __name__ == "__main__":
    url, name, path = sys.argv[1:]
    now = time.time()
    of_an_hour = Prometheus(url, now - HOUR, now)
    [wanted] = [board for board in BOARDS if board.name == name]
    Path(path).write_text(drawn(wanted, of_an_hour, first_choice(of_an_hour)))
