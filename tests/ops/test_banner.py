"""What `muster up` prints when it is ready: commands to copy, and addresses."""

from pathlib import Path
from typing import Any

import pytest

from ops.commands.up import banner
from ops.state import DEFAULT_FOLDER

LIST = {"list_id": "abcdefghij", "name": "Okta", "scim_base_url": "http://127.0.0.1:8080/scim/v2/abcdefghij"}
READY: dict[str, Any] = {
    "console_url": "http://127.0.0.1:8080",
    "metrics_url": "http://127.0.0.1:40001/metrics",
    "worker_metrics_urls": ["http://127.0.0.1:40002/metrics"],
    "operator": {"email": None, "password": None},
    "lists": [LIST | {"token": "sct_x"}],
}
NO_LIST, NO_TOKEN = READY | {"lists": []}, READY | {"lists": [LIST | {"token": None}]}


@pytest.mark.parametrize(
    ("data", "words"),
    [(DEFAULT_FOLDER, ""), (Path("/srv/muster"), " --data /srv/muster"), (Path("a b"), " --data 'a b'")],
)
def test_its_commands_name_the_data_folder_where_it_is_not_the_default(data: Path, words: str) -> None:
    assert f"./muster people Okta{words}\n" in banner(READY, data)
    assert f"./muster list create Staff{words} && ./muster token issue Staff{words}\n" in banner(NO_LIST, data)
    assert f"./muster token issue LIST{words}\n" in banner(NO_TOKEN, data)


def test_it_has_the_metrics_of_both_kinds_of_process() -> None:
    told = banner(READY, DEFAULT_FOLDER)

    assert "http://127.0.0.1:40001/metrics  (ingress)\n" in told
    assert "http://127.0.0.1:40002/metrics  (workers)\n" in told
