"""Where a console request is served: a transaction of its own, and whoever is signed in.

Every handler begins with `at_desk`, which answers for sign-in, CSRF, roles and whose list it is.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Annotated, Any, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

from litestar import Request
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from ingress import office
from models import database, master_list, operator_session
from models.database import Cursor
from models.errors import Refused
from models.master_list import MasterList
from models.operator_session import Session
from ops import metrics
from ops.settings import Settings

THREADS = 8  # requests that are served at once, each with a connection of its own
SIGN_INS = 2  # at once: each takes the 64 MB of memory that argon2 wants, and nobody has to be known for it
SAFE = ("GET", "HEAD", "OPTIONS")
CSRF_FIELD, CSRF_HEADER = "_csrf", "x-csrftoken"
POLL_HEADER = "x-poll"  # what an open page asks by itself; app.js says so
Call = Request[Any, Any, Any]
# What handlers take: of the path, and of a form that was sent.
ListId: TypeAlias = FromPath[str]
Id: TypeAlias = FromPath[UUID]
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="console")
_signing_in = ThreadPoolExecutor(SIGN_INS, thread_name_prefix="sign-in")
P = ParamSpec("P")
T = TypeVar("T")


def in_thread(handler: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run a handler in the console's own threads, so that no page holds up SCIM."""
    return _run_in(_threads, handler)


def signing_in(handler: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run a handler that verifies a password in threads of its own, so that it holds up no page either."""
    return _run_in(_signing_in, handler)


def _run_in(threads: ThreadPoolExecutor, handler: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    # Litestar 2.25's `sync_to_thread` wraps a handler once more for each other method of its path, and then answers
    # with a coroutine.
    @wraps(handler)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, partial(handler, *args, **kwargs))

    return run


class SignedOut(Refused):
    """Nobody is signed in (any more)."""

    status = 401


class OutOfDate(Refused):
    """The page was not made for this session: its CSRF token is missing or another one's."""

    status = 403


class Forbidden(Refused):
    """The operator's role does not allow it."""

    status = 403


class Office(office.Office):
    """What console requests share, and what their cookies are called."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "muster-console", THREADS)
        # https cookies take the __Host- prefix: no other host, path or plain connection can set them.
        self.secure = (settings.console_url or "").startswith("https://")
        self.cookie = "__Host-muster" if self.secure else "muster"
        self.host = _host(settings.console_url or "")  # what browsers call, whatever a proxy makes of it

    def address(self, request: Call) -> str:
        """Who asks."""
        return self.address_of(request.scope)

    def root(self, request: Call) -> str:
        """The root of the URLs that identity providers call."""
        return self.root_of(request.scope)


@dataclass(frozen=True, slots=True)
class Desk:
    """A signed-in request in its transaction."""

    office: Office
    cursor: Cursor
    session: Session
    csrf: str
    current: MasterList | None
    root: str

    @property
    def list(self) -> MasterList:
        """The list that the path names; it belongs to the operator's organisation."""
        assert self.current is not None
        return self.current

    @property
    def base_url(self) -> str:
        """The list's SCIM Base URL: what an IdP administrator enters."""
        return f"{self.root}/scim/v2/{self.list.id}"


@contextmanager
def at_desk(
    request: Call,
    list_id: str | None = None,
    form: Mapping[str, Any] | None = None,
    change: bool | None = None,
    before_body: bool = False,
) -> Iterator[Desk]:
    """Serve a request: signed in, of the list's organisation (404 otherwise), and where something is
    changed (`change`, by default every unsafe method) an admin with a token of this session. `before_body`: whoever
    is about to send a large body is looked at before it is read; their token comes with it."""
    shared: Office = request.app.state.office
    unsafe = request.method not in SAFE
    secret = request.cookies.get(shared.cookie, "")
    asked = time.perf_counter()
    with shared.pool.connection() as connection, database.transaction(connection) as cursor:
        metrics.CONSOLE_POOL_SECONDS.observe(time.perf_counter() - asked)
        address = shared.address(request)
        session = operator_session.find(cursor, secret, address, not is_poll(request)) if secret else None
        if session is None:
            raise SignedOut("sign in to go on")
        csrf = csrf_token(secret)
        if unsafe:
            check_origin(request)
            if not before_body:
                _check_csrf(request, form or {}, csrf)
        if (unsafe if change is None else change) and not session.may_change:
            raise Forbidden("viewers cannot change anything: ask an administrator of your organisation")
        current = master_list.of_organisation(cursor, session.organisation_id, list_id) if list_id else None
        if current is not None:
            database.allow(cursor, [current.id])
        yield Desk(shared, cursor, session, csrf, current, shared.root(request))


def is_poll(request: Call) -> bool:
    """Whether the page asks by itself: that keeps no session from being idle."""
    return POLL_HEADER in request.headers


def csrf_token(secret: str) -> str:
    """A session's token: whoever can read a page of ours has it, and nobody can make it without the cookie."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def _check_csrf(request: Call, form: Mapping[str, Any], csrf: str) -> None:
    sent = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD) or ""
    if not hmac.compare_digest(str(sent).encode(), csrf.encode()):
        raise OutOfDate("this page is out of date: reload it, and try again")


def check_origin(request: Call) -> None:
    """Refuse what another site sends (Fetch Metadata; Origin where a browser does not have it)."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = (request.headers.get("host"), request.app.state.office.host)
    # An origin of "null" has no host, as the console's has none where its URL is not set.
    elsewhere = (
        site not in ("same-origin", "none")
        if site
        else origin is not None and (not _host(origin) or _host(origin) not in ours)
    )
    if elsewhere:
        raise OutOfDate("this request came from another site: open the console itself, and try again")


def _host(origin: str) -> str:
    return origin.partition("://")[2].partition("/")[0]
