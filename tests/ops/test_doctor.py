"""What doctor says of addresses that are not safe."""

import pytest

from ops.doctor import examine


@pytest.mark.parametrize(
    ("root", "ok"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("https://app.muster.example", True),
        ("http://app.muster.example", False),
    ],
)
def test_a_console_on_plain_http_is_warned_of_unless_it_is_this_machines(root: str, ok: bool) -> None:
    nobody = "postgresql://127.0.0.1:1/x?connect_timeout=1"

    found = {one.check: one for one in examine(nobody, nobody, "redis://127.0.0.1:1/0", "https://x.example", root)}

    assert found["console"].ok is ok
    assert ("passwords and session cookies" in found["console"].detail) is not ok
