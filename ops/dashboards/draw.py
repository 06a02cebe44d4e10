"""Draw a dashboard without Grafana: python -m ops.dashboards.draw PROMETHEUS_URL BOARD FILE."""

import time
from collections.abc import Mapping
from pathlib import Path

import click

from ops.commands.shared import REFUSED, UNREACHABLE, stop
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


@click.command(no_args_is_help=True)
@click.argument("url", metavar="PROMETHEUS_URL")
@click.argument("board_name", type=click.Choice([board.name for board in BOARDS]))
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--list", "list_id", help="The list of the board one-list; the first that has figures if not given.")
def command(url: str, board_name: str, path: Path, list_id: str | None) -> None:
    """Draw the last hour of a dashboard as SVG, without Grafana.

    \b
    python -m ops.dashboards.draw http://127.0.0.1:9090 overview overview.svg
    """
    now = time.time()
    of_an_hour = Prometheus(url.rstrip("/"), now - HOUR, now)
    [board] = [board for board in BOARDS if board.name == board_name]
    try:
        chosen = first_choice(of_an_hour) | ({"list": list_id} if list_id else {})
        if not chosen["list"] and "list" in {variable.build().name for variable in board.variables}:
            stop(REFUSED, "no list has figures of its own: set MUSTER_LIST_METRICS (docs/settings.md)")
        picture = drawn(board, of_an_hour, chosen)
    except (OSError, ValueError, KeyError) as error:
        stop(UNREACHABLE, f"{url} does not answer as Prometheus does: {error}")
    path.write_text(picture)


if __name__ == "__main__":
    command(prog_name="python -m ops.dashboards.draw")
