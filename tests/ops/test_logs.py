import json
import logging

import pytest
import structlog

from models import password, token
from ops import logs


@pytest.fixture(autouse=True)
def _put_back() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_event_is_one_json_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    structlog.get_logger().info("event_settled", list="abc", seq=7)

    out, err = capsys.readouterr()
    line = json.loads(err)
    assert out == ""
    assert (line["event"], line["level"], line["list"], line["seq"]) == ("event_settled", "info", "abc", 7)


def test_a_library_message_is_an_event_of_a_fixed_name(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    logging.getLogger("dramatiq").error("Unexpected exit from worker-1")

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["message"]) == ("library", "Unexpected exit from worker-1")


@pytest.mark.parametrize("mark", ["sct_", "msk_"])
@pytest.mark.parametrize("way", ["ours", "theirs", "exception"])
def test_no_token_gets_into_a_log(capsys: pytest.CaptureFixture[str], way: str, mark: str) -> None:
    logs.configure("info")
    secret = token.generate(mark)

    if way == "ours":
        structlog.get_logger().warning("careless", header=f"Bearer {secret}")
    elif way == "theirs":
        logging.getLogger("library").error("got %s", secret)
    else:
        try:
            raise ValueError(secret)
        except ValueError:
            structlog.get_logger().exception("careless")

    err = capsys.readouterr().err
    assert secret not in err
    assert secret[:12] in err


def test_nothing_of_a_password_gets_into_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    secret = password.generate()
    structlog.get_logger().warning("careless", typed=secret)

    assert json.loads(capsys.readouterr().err)["typed"] == "mpw_…"
