"""Write the dashboards anew: python -m ops.dashboards."""

from pathlib import Path

from ops.dashboards import bursts, ingress, one_list, overview, servers, workers

FOLDER = Path(__file__).parent / "json"
BOARDS = [module.BOARD for module in (overview, ingress, workers, bursts, one_list, servers)]


def generated() -> dict[Path, str]:
    """Every file, and what is to be in it."""
    return {FOLDER / f"{board.name}.json": board.text() for board in BOARDS}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in generated().items():
        path.write_text(text)
