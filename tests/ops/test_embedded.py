"""The embedded PostgreSQL's roles, in new clusters and in those of an earlier Muster."""

from models.database import connect
from ops.embedded import SERVING, Postgres

SEES = f"select pg_has_role('{SERVING}', 'pg_read_all_stats', 'usage')"


def test_the_serving_role_sees_everybodys_sessions(postgres: Postgres) -> None:
    with connect(postgres.url()) as serving:
        assert serving.execute(SEES).fetchone() == (True,)


def test_an_older_cluster_gets_once_what_a_new_one_has(postgres: Postgres) -> None:
    with connect(postgres.url("postgres")) as superuser:
        superuser.execute(f"revoke pg_read_all_stats from {SERVING}")
        postgres.grant()
        remembered = superuser.execute(SEES).fetchone()
        (postgres.folder / "muster.roles").unlink()
        postgres.grant()
        granted = superuser.execute(SEES).fetchone()

    assert (remembered, granted) == ((False,), (True,))
