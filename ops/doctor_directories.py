"""Checks of Directory Sync: whether secrets can be read, and whether Microsoft's sign-in answers."""

from collections.abc import Iterator, Sequence

import psycopg

from models import database
from models.database import Connection
from models.directory import connections
from models.directory.connections import DirectoryConnection
from ops import reach
from ops.finding import Finding
from ops.graph import clouds
from ops.reach import NoWay, Unreachable
from ops.vault import Vault

SIGN_IN = "/common/v2.0/.well-known/openid-configuration"
ANSWERS = (200, 400, 404)  # a simulated one has no such page


def examine(connection: Connection, keys: Sequence[str], simulator: str | None, reaching: bool) -> Iterator[Finding]:
    """What is wrong with the directory connections of all organisations. Nothing where the schema is older."""
    try:
        with database.transaction(connection) as cursor:
            found = connections.everywhere(cursor)
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable):
        return
    yield _key(found, keys)
    if reaching:
        offered = clouds(simulator)
        for cloud in sorted({one.cloud for one in found}):
            yield _signs_in(cloud, offered[cloud].login if cloud in offered else None)


def _key(found: Sequence[DirectoryConnection], keys: Sequence[str]) -> Finding:
    vault = Vault(keys)
    closed = [one.name for one in found if not vault.opens(one.secret)]
    older = [one.name for one in found if one.name not in closed and not vault.is_newest(one.secret)]
    if closed:
        why = "no key of MUSTER_SECRET_KEY opens" if keys else "MUSTER_SECRET_KEY is not set, and none opens"
        cure = "put the key that they were sealed with back, or enter the secrets again"
        return Finding("secret key", False, f"{why} the secrets of {', '.join(closed)}: {cure}")
    if not keys:
        detail = "MUSTER_SECRET_KEY is not set: Directory Sync needs one, `muster directory key` makes it"
        return Finding("secret key", True, detail, warning=True)
    if older:
        detail = f"the secrets of {', '.join(older)} are sealed with an older key: `muster directory renew`"
        return Finding("secret key", True, detail, warning=True)
    return Finding("secret key", True, f"opens the secrets of all directory connections ({len(found)})")


def _signs_in(cloud: str, root: str | None) -> Finding:
    if root is None:
        return Finding("sign-in", False, f"cloud '{cloud}' is not offered here: set MUSTER_GRAPH_SIMULATOR")
    try:
        return Finding("sign-in", True, f"{root} {reach.look(root, SIGN_IN, ANSWERS)}")
    except NoWay as why:
        return Finding("sign-in", True, str(why), warning=True)
    except Unreachable as why:
        return Finding("sign-in", False, str(why))
