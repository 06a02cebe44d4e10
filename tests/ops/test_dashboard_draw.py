"""`python -m ops.dashboards.draw`: how it is called, and which list it draws."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result

from ops.dashboards.draw import command


@contextmanager
def prometheus(*lists: str) -> Iterator[tuple[str, list[str]]]:
    """One that knows these lists and no figures: its URL, and what it is asked."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        """Of Prometheus's API, what a picture needs."""

        def do_GET(self) -> None:  # noqa: N802 - named by http.server
            parts = urlsplit(self.path)
            asked.extend(parse_qs(parts.query).get("query", []))
            body = json.dumps({"data": lists if "/label/" in parts.path else {"result": []}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def drawing(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.mark.parametrize("words", [(), ("http://127.0.0.1:1",), ("http://127.0.0.1:1", "nothing", "x.svg")])
def test_wrong_arguments_are_answered_with_how_it_is_used(words: tuple[str, ...]) -> None:
    result = drawing(*words)

    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert "overview" in result.stderr


def test_a_prometheus_that_does_not_answer_is_a_sentence(tmp_path: Path) -> None:
    result = drawing("http://127.0.0.1:1", "overview", tmp_path / "x.svg")

    assert result.exit_code == 3
    assert "http://127.0.0.1:1 does not answer as Prometheus does" in result.stderr


@pytest.mark.parametrize(("more", "shown"), [((), "aaaaaaaaaa"), (("--list", "bbbbbbbbbb"), "bbbbbbbbbb")])
def test_a_lists_dashboard_is_drawn_of_the_first_one_or_of_the_one_named(
    tmp_path: Path, more: tuple[str, ...], shown: str
) -> None:
    with prometheus("aaaaaaaaaa", "bbbbbbbbbb") as (url, asked):
        result = drawing(url, "one-list", tmp_path / "x.svg", *more)

    assert result.exit_code == 0, result.output
    assert (tmp_path / "x.svg").read_text().startswith("<svg")
    assert any(f'list="{shown}"' in each for each in asked)
    assert not any('list=""' in each for each in asked)


def test_without_figures_of_any_list_the_setting_that_makes_them_is_named(tmp_path: Path) -> None:
    with prometheus() as (url, _):
        refused = drawing(url, "one-list", tmp_path / "x.svg")
        others = drawing(url, "overview", tmp_path / "y.svg")

    assert (refused.exit_code, others.exit_code) == (2, 0)
    assert "MUSTER_LIST_METRICS" in refused.stderr
