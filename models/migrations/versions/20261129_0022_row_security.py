"""Row-level security: a transaction sees and changes the rows of the lists that it named (`muster.lists`)."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Every table whose key begins with list_id. Outside are those of an organisation (its lists, operators, keys, directory
# connections), and three that are asked before a list is known or across lists: bearer_token (whose list is it?), job
# (which ones wait for a worker?) and audit_entry (what did an organisation's operators do?).
TABLES = (
    "burst", "connection", "deactivation", "directory_change", "directory_member", "directory_sync", "field_mapping",
    "group_member", "guard", "identity", "identity_email", "import", "import_row", "journal", "lane_trouble",
    "list_session", "list_session_person", "log_entry", "person", "resource_count", "rhythm", "scim_group",
    "seen_attribute", "set_aside", "traffic",
)  # fmt: skip

# Of what was never named nothing is seen: the setting is null then, and empty once a transaction that had it is over.
# The sub-select is evaluated once a statement. As an object a list is looked up among 128 nearly as fast as among
# one (128 look-ups: 0.36 ms for 0.31); `= any(array)` compares one by one (1.48 ms).
POLICY = """
alter table {0} enable row level security;
create policy lists on {0} using ({1}) with check ({1});
"""
NAMED = (
    "jsonb_exists((select jsonb_object(one, one)"
    " from cast(nullif(current_setting('muster.lists', true), '') as text[]) one), list_id)"
)

# A partition that is addressed by itself has a policy of none, which lets nobody but its owner in; by way of log_entry
# the policy is that of log_entry. `like … including all` copies neither, so that each month begins with it.
MONTHS = """
do $$ declare part regclass; begin
  for part in select inhrelid::regclass from pg_inherits where inhparent = 'log_entry'::regclass loop
    execute format('alter table %s enable row level security', part);
  end loop; end $$;
create or replace function muster_log_month(month date) returns boolean
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' set timezone = 'UTC'
    as $$ declare
      first date := date_trunc('month', month)::date;
      after date := (first + interval '1 month')::date;
      name text := 'log_entry_' || to_char(first, 'YYYY_MM');
    begin
      if to_regclass(name) is not null then
        return false;
      end if;
      lock table log_entry_other in access exclusive mode;
      execute format('create table %I (like log_entry including all)', name);
      execute format('alter table %I enable row level security', name);
      execute format('with moved as (delete from log_entry_other where at >= %L and at < %L returning *)'
        ' insert into %I select * from moved', first, after, name);
      execute format('alter table log_entry attach partition %I for values from (%L) to (%L)',
        name, first::text || ' 00:00+00', after::text || ' 00:00+00');
      return true;
    end $$;
"""

# What is asked before a list is known, or of all lists at once: no more than that.
UNNAMED = """
-- Whether a list is connected, and to what: the page of all lists shows it of each.
create function muster_connection(wanted text) returns table (provider text, state text)
    language sql stable rows 1 security definer set search_path = public, pg_temp as
    $$ select provider, state from connection where list_id = wanted $$;
-- The lists that are synced from a directory, which is their organisation's.
create function muster_directory_lists(wanted uuid) returns setof text
    language sql stable security definer set search_path = public, pg_temp as
    $$ select list_id from directory_sync where directory_connection_id = wanted $$;
-- One more ring for the `most` lanes whose oldest rows are the oldest of all and older than this, which of the first
-- `doubted` makes a stuck one after `before`; the others' are forgotten. Of any list: the sweep has none. (Nor could it
-- name thousands: a policy would look through all of them for each row.)
create function muster_note_late_lanes(older interval, most integer, doubted integer, before integer)
    returns table (list_id text, lane smallint, oldest_seq bigint, rings integer, attempts integer)
    language sql volatile security definer set search_path = public, pg_temp as
    $$ with late as materialized (select * from muster_lanes(older) order by oldest_seq limit most),
       first as (select l.list_id, l.lane from late l order by l.oldest_seq limit doubted),
       well as (delete from lane_trouble t where not exists (select from late l
         where l.list_id = t.list_id and l.lane = t.lane))
       insert into lane_trouble as t (list_id, lane, oldest_seq, rings, single, rung_at)
       select l.list_id, l.lane, l.oldest_seq, 1, false, clock_timestamp() from late l order by l.list_id, l.lane
       on conflict on constraint lane_trouble_pkey do update set oldest_seq = excluded.oldest_seq,
         rings = case when t.oldest_seq = excluded.oldest_seq and (t.list_id, t.lane) in (table first)
           then t.rings + 1 else 1 end,
         attempts = case when t.oldest_seq = excluded.oldest_seq then t.attempts else 0 end,
         single = t.oldest_seq = excluded.oldest_seq and t.rings >= before
           and (t.list_id, t.lane) in (table first), rung_at = excluded.rung_at
       -- Every worker process sweeps; a lane is counted once a second all the same.
       where t.rung_at < excluded.rung_at - interval '0.9 seconds'
       returning t.list_id, t.lane, t.oldest_seq, t.rings, t.attempts $$;
"""

# LIKE might tell of a row what it compared, so that it comes after the policy and its index is of no use; the owner has
# no policy. Hence these look for themselves whether the list was named. Statements are put together as text: the index
# on words is worth its cost for some of them only, and a plan for any word would not know.
SEARCHES = """
-- People with words like all of `patterns`, and of `besides`, which the index is not asked for; active or inactive, or
-- either (null); between two keys.
create function muster_people_like(list text, patterns text[], besides text[], is_active boolean, after_key text,
    before_key text, most bigint) returns setof person
    language plpgsql stable security definer set search_path = public, pg_temp as
    $$ begin
      if list = any (nullif(current_setting('muster.lists', true), '')::text[]) then
        return query execute 'select p.* from person p where p.list_id = $1'
          || case when is_active then ' and p.active' when not is_active then ' and not p.active' else '' end
          || case when after_key is null then '' else ' and p.uid_key > $2' end
          || case when before_key is null then '' else ' and p.uid_key < $3' end
          || (select coalesce(string_agg(format(' and p.search like %L', one), ''), '') from unnest(patterns) one)
          || (select coalesce(string_agg(format(' and (p.search || '''') like %L', one), ''), '')
              from unnest(besides) one)
          || ' limit $4' using list, after_key, before_key, most;
      end if;
    end $$;
-- Entries about nobody in the list whose user name is like a pattern: from a moment on (or all), beyond an entry (or
-- from the end), of some operation and of some results (or any).
create function muster_log_like(list text, pattern text, since timestamptz, edge_at timestamptz, edge_id bigint,
    forward boolean, wanted text, results text[], most bigint) returns table (at timestamptz, id bigint)
    language plpgsql stable security definer set search_path = public, pg_temp as
    $$ begin
      if list = any (nullif(current_setting('muster.lists', true), '')::text[]) then
        return query execute 'select e.at, e.id from log_entry e where e.list_id = $1 and e.person_id is null'
          || ' and lower(e.user_name) like $2'
          || case when since is null then '' else ' and e.at >= $3' end
          || case when edge_at is null then '' when forward then ' and (e.at, e.id) > ($4, $5) and e.at >= $4'
             else ' and (e.at, e.id) < ($4, $5) and e.at <= $4' end
          || case when wanted is null then '' else ' and e.operation = $6' end
          || case when results is null then '' else ' and e.result = any($7)' end
          || case when forward then ' order by e.at, e.id' else ' order by e.at desc, e.id desc' end || ' limit $8'
          using list, pattern, since, edge_at, edge_id, wanted, results, most;
      end if;
    end $$;
revoke execute on function muster_connection, muster_directory_lists, muster_note_late_lanes, muster_people_like,
    muster_log_like from public;
"""


def upgrade() -> None:
    """Close the tables, and open what has to be."""
    op.execute("set local lock_timeout = '5s'")
    for part in (MONTHS, UNNAMED, SEARCHES, *(POLICY.format(table, NAMED) for table in TABLES)):
        op.execute(part)
