"""A real nginx before the ingress: every address that is told leads back through it, and nobody else is believed."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.factories import patch, replace, user
from tests.journeys.doors import free_port, ingress
from tests.journeys.idp import Idp
from tests.journeys.system import STOP_WITHIN, Muster
from tests.journeys.waiting import eventually

pytestmark = [pytest.mark.journey, pytest.mark.needs("nginx")]

SOMEBODY = "127.0.0.2"  # a client's address that is not the proxy's own
TEMPORARY = "".join(f"{kind}_temp_path temp-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
# One process with all it writes in its own folder: the same for root and for anybody else. What comes by /outer/ is
# passed on by a second proxy, as in a company with one at its edge and one in its cluster.
CONFIG = """
daemon off; master_process off; pid nginx.pid; error_log error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_max_body_size 20m; proxy_http_version 1.1; {temporary}
    proxy_redirect off;  # no mending of a Location on its way back
    server {{
        listen 127.0.0.1:{edge};
        location / {{
            proxy_pass {ingress};
            {for_} {proto} {host}
        }}
        location /tenant/ {{
            proxy_pass {ingress}/;
            {for_} {proto} {host}
            proxy_set_header X-Forwarded-Prefix /tenant;
        }}
        location /port/ {{
            proxy_pass {ingress}/;
            {for_} {proto}
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Forwarded-Prefix /port;
        }}
        location /standard/ {{
            proxy_pass {ingress}/;
            proxy_set_header Forwarded "for=$remote_addr;proto=$scheme;host=\\"$http_host\\"";
            proxy_set_header X-Forwarded-For "";
            proxy_set_header X-Forwarded-Prefix /standard;
        }}
        location /outer/ {{
            proxy_pass http://127.0.0.1:{cluster}/;
            {for_} {proto} {host}
            proxy_set_header X-Forwarded-Prefix /outer;
        }}
    }}
    server {{
        listen 127.0.0.1:{cluster};
        location / {{
            proxy_pass {ingress};
            {for_}
            proxy_set_header X-Forwarded-Proto "$http_x_forwarded_proto, $scheme";
            proxy_set_header X-Forwarded-Host "$http_x_forwarded_host, $http_host";
        }}
    }}
}}
"""
FOR = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
PROTO = "proxy_set_header X-Forwarded-Proto $scheme;"
HOST = "proxy_set_header X-Forwarded-Host $http_host;"
WAYS = ["", "/tenant", "/port", "/standard", "/outer"]
FORGED = {
    "Forwarded": "for=192.0.2.66;proto=https;host=evil.example",
    "X-Forwarded-For": "192.0.2.66",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
}


class Believing(Muster):
    """A running stack, whose further processes believe a proxy on this machine."""

    def __init__(self, stack: Muster) -> None:
        vars(self).update(vars(stack))

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**more, MUSTER_TRUSTED_PROXIES="127.0.0.1")


class Front(NamedTuple):
    """nginx, and the ingress behind it."""

    url: str
    behind: str


@contextmanager
def nginx(config: str, url: str) -> Iterator[None]:
    """An nginx of this configuration, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mn", dir="/tmp"))
    (folder / "nginx.conf").write_text(config)
    with (folder / "stderr.txt").open("w") as said:
        process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=said)
    try:
        eventually(lambda: process.poll() is not None or answers(url), 20, f"nginx at {url}")
        assert process.poll() is None, (folder / "stderr.txt").read_text()
        yield
    finally:
        process.terminate()
        process.wait(STOP_WITHIN)
        shutil.rmtree(folder)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def front(muster: Muster) -> Iterator[Front]:
    """nginx before an ingress process that believes it."""
    edge = free_port()
    with ingress(Believing(muster)) as door:
        behind = door.root.removesuffix("/scim/v2")
        config = CONFIG.format(
            edge=edge, cluster=free_port(), ingress=behind, for_=FOR, proto=PROTO, host=HOST, temporary=TEMPORARY
        )
        url = f"http://127.0.0.1:{edge}"
        with nginx(config, url):
            yield Front(url, behind)


@contextmanager
def coming(muster: Muster, root: str, **headers: str) -> Iterator[Idp]:
    """An IdP from an address of its own, which fills a fresh list by way of `root`."""
    new = muster.new_list()
    with Idp(new.list_id, f"{root}/scim/v2/{new.list_id}", new.token) as idp:
        usual = idp.http.headers
        idp.http.close()
        transport = httpx.HTTPTransport(verify=False, local_address=SOMEBODY)
        idp.http = httpx.Client(headers={**usual, **headers}, timeout=60, transport=transport)
        yield idp


@pytest.fixture(params=WAYS, ids=lambda way: way or "/")
def by_proxy(muster: Muster, front: Front, request: pytest.FixtureRequest) -> Iterator[Idp]:
    """An IdP that comes by the proxy, in each way that this one passes requests on."""
    with coming(muster, f"{front.url}{request.param}") as idp:
        yield idp


def addresses(document: Any) -> Iterator[str]:
    """Every `location` and `$ref` with a value, wherever it is."""
    if isinstance(document, list):
        for one in document:
            yield from addresses(one)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name in ("location", "$ref") and isinstance(value, str):
                yield value
            else:
                yield from addresses(value)


def lead_back(idp: Idp, document: Any, least: int) -> None:
    """So many addresses at least, each below what the IdP calls, and each answered there."""
    told = set(addresses(document))
    assert len(told) >= least, document
    for address in told:
        assert address.startswith(f"{idp.base_url}/")
        assert idp.http.get(address).status_code == 200, address


def last_used_address(muster: Muster, idp: Idp) -> str:
    """Where the token was used from, as soon as that is written."""

    def written() -> Any:
        sql = "select last_used_address from bearer_token where prefix = %s and last_used_at is not null"
        return muster.in_transaction(lambda cursor: cursor.execute(sql, (idp.token[:12],)).fetchone(), idp.list_id)

    address: str = eventually(written, 10, "a token's last use")[0]
    return address


def test_locations_lead_through_the_proxy(by_proxy: Idp) -> None:
    made = by_proxy.post(user("ada@north.example"))
    location = made.headers["Location"]
    found = by_proxy.http.get(location)

    assert made.status_code == 201, made.text
    assert location == made.json()["meta"]["location"] == f"{by_proxy.base_url}/Users/{made.json()['id']}"
    assert (found.status_code, found.json()) == (200, made.json())
    changed = by_proxy.patch(made.json()["id"], replace("title", "Dean"))
    replaced = by_proxy.put(made.json()["id"], user("ada@north.example"))
    assert changed.json()["meta"]["location"] == replaced.json()["meta"]["location"] == location


def test_members_lists_and_searches_lead_through_the_proxy(by_proxy: Idp) -> None:
    ada = by_proxy.create(user("ada@north.example"))
    group = by_proxy.request("POST", "/Groups", {"displayName": "Staff", "members": [{"value": ada}]}).json()
    added = patch({"op": "add", "path": "members", "value": [{"value": by_proxy.create(user("bob@north.example"))}]})

    assert group["members"][0]["$ref"] == f"{by_proxy.base_url}/Users/{ada}"
    lead_back(by_proxy, group, 2)
    lead_back(by_proxy, by_proxy.request("PATCH", f"/Groups/{group['id']}", added).json(), 3)
    lead_back(by_proxy, by_proxy.get(ada).json(), 2)
    lead_back(by_proxy, by_proxy.request("GET", "/Users?count=10").json(), 3)
    lead_back(by_proxy, by_proxy.request("GET", "/Groups?cursor&count=10").json(), 3)
    lead_back(by_proxy, by_proxy.request("POST", "/.search", {"filter": "title pr or id pr"}).json(), 3)


def test_what_a_bulk_request_made_is_found_through_the_proxy(by_proxy: Idp) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "ada", "data": user("ada@north.example")},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Staff"}},
    ]
    answer = by_proxy.request("POST", "/Bulk", {"Operations": operations}).json()

    assert [one["status"] for one in answer["Operations"]] == ["201", "201"]
    lead_back(by_proxy, answer, 2)


@pytest.mark.parametrize(("path", "least"), [("/ServiceProviderConfig", 1), ("/ResourceTypes", 2), ("/Schemas", 3)])
def test_discovery_leads_through_the_proxy(by_proxy: Idp, path: str, least: int) -> None:
    lead_back(by_proxy, by_proxy.request("GET", path).json(), least)


def test_a_token_is_used_from_where_its_client_is(muster: Muster, by_proxy: Idp) -> None:
    by_proxy.total()

    assert last_used_address(muster, by_proxy) == SOMEBODY


def test_a_client_that_is_no_proxy_changes_nothing_with_a_proxys_headers(muster: Muster) -> None:
    with coming(muster, muster.scim_root.removesuffix("/scim/v2"), **FORGED) as idp:
        made = idp.post(user("ada@north.example"))

        assert (
            made.headers["Location"] == made.json()["meta"]["location"] == f"{idp.base_url}/Users/{made.json()['id']}"
        )
        lead_back(idp, idp.request("GET", "/ResourceTypes").json(), 2)
        assert last_used_address(muster, idp) == SOMEBODY


def test_an_ingress_that_believes_its_proxy_believes_nobody_beside_it(muster: Muster, front: Front) -> None:
    with coming(muster, front.behind, **FORGED) as idp:
        made = idp.post(user("ada@north.example"))

        assert made.headers["Location"] == f"{idp.base_url}/Users/{made.json()['id']}"
        assert last_used_address(muster, idp) == SOMEBODY


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"])
def test_what_a_client_tells_the_proxy_of_itself_is_not_taken_for_the_proxys(
    muster: Muster, front: Front, name: str
) -> None:
    with coming(muster, f"{front.url}/tenant", **{name: FORGED[name]}) as idp:
        made = idp.post(user("ada@north.example"))

        assert made.headers["Location"] == f"{idp.base_url}/Users/{made.json()['id']}"
        assert last_used_address(muster, idp) == SOMEBODY


def test_a_forwarded_header_that_the_proxy_lets_pass_is_not_believed(muster: Muster, front: Front) -> None:
    with coming(muster, f"{front.url}/tenant", Forwarded=FORGED["Forwarded"]) as idp:
        made = idp.post(user("ada@north.example"))

        assert made.headers["Location"].startswith(f"{front.behind}/scim/v2/")
        assert last_used_address(muster, idp) == ""


def test_allowed_networks_are_those_of_the_client_and_not_of_the_proxy(muster: Muster, front: Front) -> None:
    one = muster.new_list()
    muster.cli("list", "allow", one.list_id, f"{SOMEBODY}/32")

    def status(source: str, way: str, **headers: str) -> int:
        with httpx.Client(transport=httpx.HTTPTransport(local_address=source), trust_env=False) as client:
            url = f"{front.url}{way}/scim/v2/{one.list_id}/Users"
            return client.get(url, headers={"Authorization": f"Bearer {one.token}"} | headers).status_code

    assert [status(SOMEBODY, way) for way in WAYS] == [200] * len(WAYS)
    assert [status("127.0.0.3", way, **FORGED | {"X-Forwarded-For": SOMEBODY}) for way in WAYS] == [403] * len(WAYS)
    # Whoever contradicts the proxy is not taken for it.
    muster.cli("list", "allow", one.list_id, f"{SOMEBODY}/32", "127.0.0.1/32")
    assert [status("127.0.0.3", way, Forwarded=f"for={SOMEBODY}") for way in WAYS] == [403] * len(WAYS)
