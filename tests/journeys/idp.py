"""A small IdP: one token, one Base URL, a kept-alive connection."""

from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from tests.factories import Body, patch, replace
from tests.journeys.system import NewList


class Idp:
    """What an identity provider's SCIM client does; answers are left to the caller to judge."""

    def __init__(self, list_id: str, base_url: str, token: str) -> None:
        self.list_id, self.base_url, self.token = list_id, base_url, token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
        # A proxy named in the environment must not stand between a test and 127.0.0.1; verify would
        # load the world's certificates (30 ms) for connections that have none.
        self.http = httpx.Client(headers=headers, timeout=60, trust_env=False, verify=False)

    @classmethod
    def of(cls, new: NewList) -> Self:
        return cls(*new)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def request(self, method: str, path: str, body: Body | None = None) -> httpx.Response:
        return self.http.request(method, self.base_url + path, json=body)

    def post(self, body: Body) -> httpx.Response:
        return self.request("POST", "/Users", body)

    def create(self, body: Body) -> str:
        """The id of a user that must be accepted."""
        answer = self.post(body)
        assert answer.status_code == 201, answer.text
        created: str = answer.json()["id"]
        return created

    def get(self, identity_id: str) -> httpx.Response:
        return self.request("GET", f"/Users/{identity_id}")

    def put(self, identity_id: str, body: Body) -> httpx.Response:
        return self.request("PUT", f"/Users/{identity_id}", body)

    def patch(self, identity_id: str, *operations: Body) -> httpx.Response:
        return self.request("PATCH", f"/Users/{identity_id}", patch(*operations))

    def set(self, identity_id: str, path: str, value: Any) -> None:
        """One replace that must be accepted."""
        answer = self.patch(identity_id, replace(path, value))
        assert answer.status_code == 200, answer.text

    def delete(self, identity_id: str) -> httpx.Response:
        return self.request("DELETE", f"/Users/{identity_id}")

    def lookup(self, user_name: str) -> httpx.Response:
        return self.request("GET", "/Users?filter=" + quote(f'userName eq "{user_name}"'))

    def total(self) -> int:
        """How many users the SCIM store has."""
        total: int = self.request("GET", "/Users?count=0").json()["totalResults"]
        return total
