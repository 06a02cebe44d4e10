"""Microsoft Graph as Directory Sync uses it: a token, pages, batches, and what to do when it says no.

Sources: learn.microsoft.com, "Use delta query to track changes", "Microsoft Graph throttling guidance", "Combine
multiple HTTP requests using JSON batching", "Microsoft identity platform and the OAuth 2.0 client credentials flow".
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import tenacity
import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from models.errors import Refused
from models.text import is_line
from ops import metrics
from ops.graph_errors import Broken, ConnectionRefused, refusal_of_graph, refusal_of_token, wait_of
from ops.vault import Vault

MOST_IN_BATCH = 20
EARLY = 300.0  # seconds before its end at which a token is not used any more
CONNECT_SECONDS = 5.0
LONGEST_ANSWER = 16 * 1024 * 1024  # bytes; a page of 999 users is under 2 MB
PIECE = 64 * 1024  # bytes that are read at a time
LONGEST_LINK = 16_384  # characters, of which a state may have thousands
LONGEST_ID = 100  # characters; they are GUIDs
RETRY_SECONDS = 5.0  # after which nothing is sent again, so that a request ends within `RUN`'s 30 s
EVENTUAL = {"ConsistencyLevel": "eventual"}  # $count and $search want it

_decode = msgspec.json.Decoder().decode


class Cloud(NamedTuple):
    """Where a national cloud of Microsoft's signs applications in and where its Graph is
    (learn.microsoft.com/graph/deployments)."""

    label: str
    login: str
    graph: str


CLOUDS = {
    "global": Cloud("Microsoft Entra ID", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "us": Cloud("US Government (L4)", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "dod": Cloud("US Government (L5, DoD)", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": Cloud(
        "China (21Vianet)", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"
    ),
}
SIMULATED = "simulated"


class Patience(NamedTuple):
    """How long an answer is waited for, to its last byte, and how often nothing may come back."""

    read_seconds: float
    tries: int


RUN = Patience(20.0, 3)  # a request under the 30 s after which another worker takes a run over
PAGE = Patience(8.0, 1)  # somebody looks at a page that is loading, and one of the console's threads waits with them


def clouds(simulator: str | None) -> dict[str, Cloud]:
    """The clouds that can be chosen, by name; a simulated one where there is a simulator (its URL)."""
    if not simulator:
        return CLOUDS
    root = simulator.rstrip("/")
    return CLOUDS | {SIMULATED: Cloud("Simulated directory", root, root)}


class _Reply(NamedTuple):
    """An answer over HTTP, read whole."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Answer(NamedTuple):
    """One answer out of a batch."""

    status: int
    body: Any
    retry_after: float | None


class Graph:
    """A tenant's directory, for any thread. Raises what `graph_errors` has, and waits for a few seconds at most."""

    def __init__(self, cloud: Cloud, tenant_id: str, client_id: str, secret: str, patience: Patience = RUN) -> None:
        self._cloud, self._tenant_id, self._patience = cloud, tenant_id, patience
        self._form = {
            "client_id": client_id,
            "scope": f"{cloud.graph}/.default",
            "client_secret": secret,
            "grant_type": "client_credentials",
        }
        self._pool = urllib3.PoolManager(
            maxsize=4, retries=False, timeout=urllib3.Timeout(CONNECT_SECONDS, patience.read_seconds)
        )
        self._token, self._good_until = "", 0.0
        self._asking = threading.Lock()
        self._of_thread = threading.local()

    @property
    def requests(self) -> int:
        """How many were sent by this thread since it set this to 0."""
        return getattr(self._of_thread, "requests", 0)

    @requests.setter
    def requests(self, count: int) -> None:
        self._of_thread.requests = count

    def get(self, link: str, headers: Mapping[str, str] | None = None) -> Any:
        """What a path below /v1.0, or a link out of an answer, has: parsed JSON, or text of a $count."""
        response = self._ask("GET", self.url(link), headers or {}, None)
        return _parsed(response)

    def batch(self, paths: Sequence[str], headers: Mapping[str, str] | None = None) -> list[Answer]:
        """Up to 20 GETs in one request, answered in this order."""
        assert 0 < len(paths) <= MOST_IN_BATCH
        of_each = {"headers": dict(headers)} if headers else {}
        numbered = {str(number): path for number, path in enumerate(paths, 1)}
        wanted = [{"id": number, "method": "GET", "url": path, **of_each} for number, path in numbered.items()]
        body = msgspec.json.encode({"requests": wanted})
        parsed = _parsed(self._ask("POST", self.url("/$batch"), {"Content-Type": "application/json"}, body))
        try:
            found = {str(one["id"]): _inner(one) for one in parsed["responses"]}
            return [found[number] for number in numbered]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Broken("Microsoft Graph answered a batch in a form that is not known") from None

    def url(self, link: str) -> str:
        """A link's whole URL; refused where it is none, or of another host, which must not see the token."""
        if not (is_line(link, LONGEST_LINK) and link.isascii() and " " not in link):
            raise Broken("Microsoft Graph sent a link that is no URL")
        if link.startswith("/"):
            return f"{self._cloud.graph}/v1.0{link}"
        try:
            own, other = urlsplit(self._cloud.graph), urlsplit(link)
        except ValueError:
            raise Broken("Microsoft Graph sent a link that is no URL") from None
        if (own.scheme, own.netloc) != (other.scheme, other.netloc):
            raise Broken(f"Microsoft Graph sent a link to another host, {other.netloc[:100]}, which is not followed")
        return link

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Reply:
        """One request, with a new token where the present one was not taken, or has not the permissions of now."""
        for renewed in (False, True):
            authorised = {"Authorization": f"Bearer {self._present_token(renewed)}", **headers}
            response = self._send(method, url, authorised, body)
            if response.status not in (401, 403) or renewed:
                break
        if response.status >= 300:
            raise refusal_of_graph(response.status, response.headers, response.data)
        return response

    def _present_token(self, renewed: bool) -> str:
        with self._asking:
            if renewed or time.monotonic() >= self._good_until:
                self._token, lasts = self._new_token()
                self._good_until = time.monotonic() + max(0.0, lasts - EARLY)
            return self._token

    def _new_token(self) -> tuple[str, float]:
        url = f"{self._cloud.login}/{quote(self._tenant_id, safe='')}/oauth2/v2.0/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = self._send("POST", url, headers, urlencode(self._form).encode())
        if response.status >= 300:
            raise refusal_of_token(response.status, response.headers, response.data)
        parsed = _parsed(response)
        try:
            token, lasts = parsed["access_token"], float(parsed["expires_in"])
        except (KeyError, TypeError, ValueError):
            token, lasts = None, 0.0
        # What is no header would be in the exception that says so.
        if not (isinstance(token, str) and token.isascii() and token.isprintable() and token.strip()):
            raise Broken("Microsoft's sign-in answered in a form that is not known")
        return token, lasts

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Reply:
        """Sent, and sent again a moment later where nothing or a 5xx without a time came back."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._patience.tries) | tenacity.stop_after_delay(RETRY_SECONDS),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2),
            retry=tenacity.retry_if_exception_type(ConnectionRefused),
            reraise=True,
        )
        return retrying(self._send_once, method, url, headers, body)

    def _send_once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Reply:
        self.requests += 1
        try:
            # Redirects are not followed: they would take the token along.
            response = self._pool.request(
                method, url, headers=dict(headers), body=body, redirect=False, preload_content=False
            )
            data = _read(response, time.monotonic() + self._patience.read_seconds)
            response.release_conn()
        except HTTPError as error:
            metrics.GRAPH_REQUESTS.labels("lost").inc()
            raise ConnectionRefused(urlsplit(url).netloc, error) from None
        reply = _Reply(response.status, response.headers, data)
        metrics.GRAPH_REQUESTS.labels("429" if reply.status == 429 else f"{reply.status // 100}xx").inc()
        if reply.status >= 500 and "retry-after" not in reply.headers:
            raise ConnectionRefused(urlsplit(url).netloc, None, reply.status)
        return reply


def _read(response: urllib3.BaseHTTPResponse, ends: float) -> bytes:
    """An answer to its end, within this time: one that trickles would keep a thread for ever."""
    data = bytearray()
    while piece := response.read1(PIECE):
        data += piece
        if len(data) > LONGEST_ANSWER:
            response.close()
            raise Broken(f"Microsoft Graph answered with more than {LONGEST_ANSWER >> 20} MB")
        if time.monotonic() > ends:
            response.close()
            raise HTTPTimeout("it took too long")
    return bytes(data)


def is_id(value: Any) -> bool:
    """Whether this can be the id of an object."""
    return isinstance(value, str) and is_line(value, LONGEST_ID)


def listed(page: Any) -> list[dict[str, Any]]:
    """The objects of a page; refused where it is none."""
    value = page.get("value") if isinstance(page, dict) else None
    if not isinstance(value, list) or not all(isinstance(one, dict) and is_id(one.get("id")) for one in value):
        raise Broken("Microsoft Graph answered with something that is no page of objects")
    return value


def _inner(one: Mapping[str, Any]) -> Answer:
    after = {name.lower(): value for name, value in (one.get("headers") or {}).items()}.get("retry-after")
    return Answer(int(one["status"]), one.get("body"), wait_of(after) if after is not None else None)


def _parsed(response: _Reply) -> Any:
    try:
        if "text/plain" in response.headers.get("content-type", ""):
            return response.data.decode("utf-8-sig")  # $count begins with a byte order mark
        return _decode(response.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Broken("Microsoft Graph answered with something that is not JSON: a proxy, perhaps") from None


def connected(
    vault: Vault,
    cloud: str,
    tenant_id: str,
    client_id: str,
    sealed: bytes,
    simulator: str | None,
    patience: Patience = RUN,
) -> Graph:
    """The client of a stored connection; refused where its cloud or its secret cannot be used here."""
    known = clouds(simulator).get(cloud)
    if known is None:
        offered = ", ".join(clouds(simulator))
        raise Refused(f"cloud '{cloud}' is not offered by this installation: choose one of {offered}")
    return Graph(known, tenant_id, client_id, vault.open(sealed), patience)
