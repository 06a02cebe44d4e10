"""Directory connections, stored with their secrets sealed: the one way for the console and the API."""

from ingress.office import Office
from models import audit
from models.audit import Actor
from models.database import Cursor
from models.directory import connections
from models.directory.connections import Wanted
from models.errors import Refused
from ops import graph


def store(
    office: Office, cursor: Cursor, actor: Actor, plan: str, wanted: Wanted, secret: str, connection_id: str = ""
) -> str:
    """Add a connection, or change the one with this id (its secret only where one is given), and write down who did;
    returns its id."""
    if wanted.cloud not in graph.clouds(office.settings.graph_simulator):
        raise Refused("choose one of the clouds")
    wanted = wanted.checked()
    sealed = office.vault.seal(connections.check_secret(secret)) if secret.strip() or not connection_id else None
    if not connection_id:
        assert sealed is not None
        connection_id = connections.add(cursor, actor.organisation_id, plan, wanted, sealed, actor.who)
        audit.record(cursor, actor, None, "directory.add", wanted.name)
    else:
        connections.change(cursor, actor.organisation_id, connection_id, wanted, sealed)
        audit.record(cursor, actor, None, "directory.change", wanted.name + (", new secret" if sealed else ""))
    return connection_id
