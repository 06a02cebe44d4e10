"""Where a request of the API is served: whose key it is, whose list, and one transaction for all that it does."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingress.api.limit import Limit
from ingress.api.operation import Operation
from ingress.api.problems import Wrong
from ingress.api.receiving import File
from ingress.office import Office as Shared
from ingress.strangers import Strangers
from models import api_key, database, master_list
from models.api_key import Caller
from models.database import Cursor
from models.errors import Refused, Unauthorised, Unknown
from models.master_list import MasterList
from models.token import digest
from ops.settings import Settings

THREADS = 4  # requests that are served at once, each with a connection of its own
MOST_TAGS = 20


class Office(Shared):
    """What requests of the API share."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "muster-api", THREADS)
        self.limit = Limit(settings.redis_url, settings.api_rate)
        self.strangers = Strangers(settings.redis_url, "key")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, taken apart before it goes to a thread. `headers` have lower-case names."""

    operation: Operation
    path: str
    ids: Mapping[str, str]
    query: bytes
    parameters: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    file: File | None  # instead of a body
    address: str
    root: str
    request_id: str


@dataclass(slots=True)
class Desk:
    """An authenticated request in its transaction. `headers` go out with the answer, `after` is done after COMMIT."""

    office: Office
    cursor: Cursor
    caller: Caller
    current: MasterList | None
    asked: Asked
    headers: dict[str, str] = field(default_factory=dict)
    after: list[Callable[[], object]] = field(default_factory=list)

    @property
    def list(self) -> MasterList:
        """The list that the path names; it belongs to the key's organisation."""
        assert self.current is not None
        return self.current

    def tag(self, version: int) -> None:
        """Name the version of what is answered."""
        self.headers["ETag"] = f'"{version}"'

    def check_version(self, present: int, needed: bool = False) -> int | None:
        """The version that If-Match names, if it is the present one; None where it asks for none."""
        given = self.asked.headers.get("if-match")
        if given is None and needed:
            raise Wrong("no-version", "this replaces everything: send If-Match with the ETag of what you have read")
        if given is None or given.strip() == "*":
            return None
        # A weak tag never matches (RFC 9110 §13.1.1).
        if f'"{present}"' not in [one.strip() for one in given.split(",", MOST_TAGS)]:
            raise Wrong("version", f"the present version is {present}: read it again, then make your change anew")
        return present


def authenticate(office: Office, asked: Asked, headers: dict[str, str]) -> str:
    """The key of a request that can be one and has requests left; `headers` gets what is left."""
    scheme, _, key = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorised("send an API key as `Authorization: Bearer msk_…`", "missing")
    key = key.strip()
    if not api_key.well_formed(key):
        raise Unauthorised("this is no API key: they begin with msk_ and have 50 characters", "malformed")
    office.strangers.check(digest(key), asked.address)
    # By the digest: whoever knows no more than a key's prefix cannot use up its requests.
    room = office.limit.take(digest(key))
    headers.update(room.headers() if room else {})
    return key


@contextmanager
def at_desk(office: Office, asked: Asked, key: str) -> Iterator[Desk]:
    """Serve a request: of the list's organisation (404 otherwise), and with a key that may do it. What it asks to be
    done after COMMIT is done then."""
    caller: Caller | None = None
    desk: Desk | None = None
    with office.pool.connection() as connection:
        try:
            with database.transaction(connection) as cursor:
                caller = _opened(office, cursor, key, asked)
                if asked.operation.changes and not caller.may_change:
                    raise Wrong("forbidden", "this key has the scope to read: make one that writes")
                desk = Desk(office, cursor, caller, _list(cursor, caller, asked), asked)
                yield desk
        except Refused:
            _touch(connection, caller, asked)
            raise
        _touch(connection, caller, asked)
    for act in desk.after:
        act()


def _opened(office: Office, cursor: Cursor, key: str, asked: Asked) -> Caller:
    try:
        caller = api_key.opened(cursor, key, asked.address)
    except Unauthorised as refusal:
        if refusal.reason == "unknown":
            office.strangers.failed(asked.address)
        raise
    office.strangers.know(digest(key))
    return caller


def _list(cursor: Cursor, caller: Caller, asked: Asked) -> MasterList | None:
    if any("\x00" in one for one in asked.ids.values()):
        raise Unknown("there is no such address: an id has a character that no id has")
    if "list_id" not in asked.ids:
        return None
    found = master_list.of_organisation(cursor, caller.organisation_id, asked.ids["list_id"])
    database.allow(cursor, [found.id])
    return found


def _touch(connection: database.Connection, caller: Caller | None, asked: Asked) -> None:
    """In a transaction of its own: within the request's, the key's row would be locked as long as that takes."""
    if caller is not None and caller.stale:
        with database.transaction(connection) as cursor:
            api_key.touch(cursor, caller.key_id, asked.address)
