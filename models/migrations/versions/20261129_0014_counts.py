"""How many users and groups a list has, kept as they come and go: a page tells it without counting them."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COUNTS = """
-- The sum of a list's rows. Each connection adds to a row of its own, nearly always: two that write at once would wait
-- for each other's COMMIT on one.
create table resource_count (
    list_id text not null, resource text not null, slot smallint not null, count bigint not null,
    primary key (list_id, resource, slot))
    with (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
create function muster_counted() returns trigger language plpgsql as
    $$ begin
      insert into public.resource_count as c (list_id, resource, slot, count)
        select list_id, tg_argv[0], pg_backend_pid() % 64, tg_argv[1]::integer * count(*) from changed
        group by list_id order by list_id
        on conflict (list_id, resource, slot) do update set count = c.count + excluded.count;
      return null;
    end $$;
-- Once these are there nobody writes until the counts of now are.
create trigger identity_comes after insert on identity referencing new table as changed
    for each statement execute function muster_counted('user', '1');
create trigger identity_goes after delete on identity referencing old table as changed
    for each statement execute function muster_counted('user', '-1');
create trigger scim_group_comes after insert on scim_group referencing new table as changed
    for each statement execute function muster_counted('group', '1');
create trigger scim_group_goes after delete on scim_group referencing old table as changed
    for each statement execute function muster_counted('group', '-1');
insert into resource_count select list_id, 'user', 0, count(*) from identity group by list_id;
insert into resource_count select list_id, 'group', 0, count(*) from scim_group group by list_id;
"""


def upgrade() -> None:
    """Add the table, count, and keep on counting."""
    op.execute("set local lock_timeout = '1s'")
    op.execute(COUNTS)
