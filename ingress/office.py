"""What the requests of operators and of their scripts share: connections, the bell, clients of directories."""

from typing import Any

from litestar.types import Scope
from psycopg_pool import ConnectionPool

from ingress.http import headers_of, peer
from ingress.proxy import Proxies
from models import database
from ops.bell import Bell
from ops.graph import PAGE
from ops.graphs import Graphs
from ops.settings import Settings
from ops.vault import Vault

STATEMENT_SECONDS = 15
CHECK_SECONDS = 3.0  # that a server is given to say that it is there


def _check(connection: database.Bounded) -> None:
    """Raises where a connection is of no use: one that a restart of the server has cut is replaced unseen."""
    connection.silence = CHECK_SECONDS
    ConnectionPool.check_connection(connection)
    connection.silence = database.Bounded.silence


class Office:
    """Of one application: the console, or the admin API."""

    def __init__(self, settings: Settings, application: str, most: int) -> None:
        """`most`: requests that are served at once, each with a connection of its own."""
        self.settings = settings
        self.bell = Bell(settings.redis_url)
        self.vault, self.graphs = Vault(settings.secret_keys()), Graphs(settings, PAGE)
        # A plan for each question: how many a search word finds decides which index it is.
        plans = "-c plan_cache_mode=force_custom_plan"
        limits = f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout=3s"
        options = database.options(settings.database_url, f"{limits} {plans}")
        self.proxies = Proxies(settings.trusted_proxies, settings.public_root(), settings.public_url is not None)
        chosen = {"connect_timeout": 5, **database.alive(settings.database_url), "options": options}
        self.pool: ConnectionPool[database.Bounded] = ConnectionPool(
            settings.database_url, connection_class=database.Bounded, min_size=0, max_size=most, max_idle=60,
            timeout=10, open=False, check=_check,
            kwargs={"autocommit": True, "application_name": application, **chosen},
        )  # fmt: skip

    def address_of(self, scope: Scope | Any) -> str:
        """Who asks: the client's address, by the word of trusted proxies alone."""
        return self.proxies.client(headers_of(scope["headers"]), peer(scope))

    def root_of(self, scope: Scope | Any) -> str:
        """The root of the URLs that identity providers call, as SCIM itself tells it."""
        return self.proxies.root(headers_of(scope["headers"]), peer(scope))
