"""What a request is counted as."""

import pytest

from ingress.scim.endpoints import operation


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("POST", "Users", "create_user"),
        ("GET", "Users", "list_user"),
        ("HEAD", "Users/1", "get_user"),
        ("PATCH", "Users/1", "patch_user"),
        ("PUT", "Groups/1", "replace_group"),
        ("DELETE", "Groups/1", "delete_group"),
        ("POST", "Groups/.search", "search_group"),
        ("POST", ".search", "search_all"),
        ("GET", "", "list_all"),
        ("POST", "Bulk", "bulk"),
        ("GET", "Schemas/urn:x", "discovery"),
        ("OPTIONS", "Users", "options"),
        ("POST", "Users/1", "other"),
        ("DELETE", "Users", "other"),
        ("GET", "Users/1/2", "other"),
        ("GET", "Me", "other"),
        ("GET", "Bulk", "other"),
        ("BREW", "Users/1", "other"),
        ("GET", "Users/.search", "get_user"),
        ("POST", "nonsense", "other"),
    ],
)
def test_a_request_is_counted_by_what_it_asks_for(method: str, path: str, counted: str) -> None:
    assert operation(method, tuple(filter(None, path.split("/")))) == counted
