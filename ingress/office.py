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
        self.pool: ConnectionPool[database.Connection] = ConnectionPool(
            settings.database_url, min_size=0, max_size=most, max_idle=60, timeout=10, open=False,
            check=ConnectionPool.check_connection,  # one that a restart of the server has cut is replaced unseen
            kwargs={"autocommit": True, "application_name": application, "options": options},
        )  # fmt: skip

    def address_of(self, scope: Scope | Any) -> str:
        """Who asks: the client's address, by the word of trusted proxies alone."""
        return self.proxies.client(headers_of(scope["headers"]), peer(scope))

    def root_of(self, scope: Scope | Any) -> str:
        """The root of the URLs that identity providers call, as SCIM itself tells it."""
        return self.proxies.root(headers_of(scope["headers"]), peer(scope))
