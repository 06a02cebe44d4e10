"""The tables of the main job: lists, tokens, identities, the journal, people and their log."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LISTS = """
create table organisation (
    id uuid primary key, name text not null, plan text not null, created_at timestamptz not null default now(),
    constraint organisation_name_key unique (name),
    constraint organisation_plan_check check (plan in ('free', 'pro', 'business', 'enterprise')));
create table operator (
    id uuid primary key, organisation_id uuid not null references organisation, email text not null,
    email_key text not null, password_digest text not null, role text not null,
    created_at timestamptz not null default now(),
    constraint operator_email_key unique (email_key),
    constraint operator_role_check check (role in ('viewer', 'admin')));
create table operator_session (
    id uuid primary key, operator_id uuid not null references operator on delete cascade, digest bytea not null,
    created_at timestamptz not null default now(), seen_at timestamptz not null default now(),
    expires_at timestamptz not null, address text, user_agent text,
    constraint operator_session_digest_key unique (digest));
create table master_list (
    id text primary key, organisation_id uuid not null references organisation, name text not null,
    fields jsonb not null, created_at timestamptz not null default clock_timestamp(),
    constraint master_list_name_key unique (organisation_id, name));
create table connection (
    list_id text primary key references master_list, provider text not null, unique_identifier text not null,
    state text not null, mapping_version integer not null default 1, connected_by text not null,
    connected_at timestamptz not null default now(),
    constraint connection_state_check check (state in ('connected', 'disconnecting')));
create table bearer_token (
    id uuid primary key, list_id text not null references master_list, digest bytea not null, prefix text not null,
    label text not null default '', created_by text not null, created_at timestamptz not null default now(),
    expires_at timestamptz, last_used_at timestamptz, last_used_address text, revoked_at timestamptz,
    constraint bearer_token_digest_key unique (digest), constraint bearer_token_prefix_key unique (prefix));
-- A list's tokens, for its Sync tab and for Disconnect.
create index bearer_token_list on bearer_token (list_id);
create table field_mapping (
    list_id text not null references master_list, attribute text not null, field text not null,
    enabled boolean not null default true, transform text not null default 'copy', primary key (list_id, attribute));
-- Two mappings never write one field (product rule M5).
create unique index field_mapping_field on field_mapping (list_id, field);
"""

IDENTITIES = """
create table identity (
    list_id text not null, id uuid not null, external_id text, user_name_key text not null, uid_key text,
    email_keys text[] not null default '{}', active boolean not null, version integer not null default 1,
    waiting_reason text, document jsonb not null, created timestamptz not null, modified timestamptz not null,
    primary key (list_id, id));
-- userName is unique in a list in any case, inactive users included (RFC 7643 section 4.1.1).
create unique index identity_user_name on identity (list_id, user_name_key);
-- One active user per UID (product rule V3); a leaver's UID is free for the next.
create unique index identity_active_uid on identity (list_id, uid_key) where active;
-- The lookup by externalId; not unique: Entra's default is a mail nickname.
create index identity_external_id on identity (list_id, external_id);
-- The lookup by e-mail, any element.
create index identity_email on identity using gin (email_keys);
-- Who waits for a UID that has just been freed.
create index identity_waiting on identity (list_id, uid_key) where waiting_reason is not null;
-- Lists in a stable order: the page of users, oldest first.
create index identity_page on identity (list_id, created, id);
create table scim_group (
    list_id text not null, id uuid not null, display_name text not null, display_name_key text not null,
    external_id text, member_count integer not null default 0, version integer not null default 1,
    document jsonb not null, created timestamptz not null, modified timestamptz not null, primary key (list_id, id));
-- A group's name is unique in a list, in any case.
create unique index scim_group_name on scim_group (list_id, display_name_key);
create table group_member (
    list_id text not null, group_id uuid not null, identity_id uuid not null,
    primary key (list_id, group_id, identity_id));
-- The groups of a user, and a deleted user's memberships.
create index group_member_identity on group_member (list_id, identity_id);
"""

JOURNAL = """
-- CACHE 1: a cached range per connection would break the order of acceptance.
create sequence journal_seq cache 1;
create table journal (
    list_id text not null, lane smallint not null, seq bigint not null default nextval('journal_seq'),
    resource text not null, resource_id uuid not null, operation text not null, document jsonb, body text,
    token_prefix text, request_id text not null, idp text, accepted_at timestamptz not null default clock_timestamp(),
    primary key (list_id, lane, seq))
    with (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0,
          autovacuum_vacuum_insert_threshold = 20000, autovacuum_analyze_threshold = 100000);
create table lane_trouble (
    list_id text not null, lane smallint not null, oldest_seq bigint not null, rings integer not null,
    attempts integer not null default 0, single boolean not null default false,
    rung_at timestamptz not null default now(), primary key (list_id, lane));
create table set_aside (
    list_id text not null, seq bigint not null, lane smallint not null, resource text not null,
    resource_id uuid not null, operation text not null, document jsonb, body text, token_prefix text,
    request_id text not null, idp text, accepted_at timestamptz not null, error text not null,
    set_aside_at timestamptz not null default now(), primary key (list_id, seq));
"""

PEOPLE = """
create table person (
    list_id text not null, id uuid not null, uid text not null, uid_key text not null, anchor text,
    identity_id uuid, active boolean not null default true, held_seq bigint, fields jsonb not null default '{}',
    version integer not null default 1, created_at timestamptz not null default now(),
    modified_at timestamptz not null default now(), primary key (list_id, id));
-- The UID identifies a person among active and inactive alike.
create unique index person_uid on person (list_id, uid_key);
-- Matching by the IdP's own identifier; not unique.
create index person_anchor on person (list_id, anchor);
-- The person that an identity holds: at most one.
create unique index person_holder on person (list_id, identity_id);
create table log_entry (
    list_id text not null, at timestamptz not null, id bigint not null, resource text not null,
    operation text not null, result text not null, waits boolean not null default false, identity_id uuid,
    person_id uuid, user_name text, uid text, changes jsonb not null default '[]', detail text,
    request_id text not null, token_prefix text, idp text, body text, repeats integer not null default 1,
    applied_at timestamptz, primary key (list_id, at, id)) partition by range (at);
create table log_entry_other partition of log_entry default;
-- The entries on whose account an identity waits; nearly empty.
create index log_entry_waits on log_entry (list_id, identity_id) where waits;
"""

LATER = """
create table job (
    id uuid primary key, organisation_id uuid, list_id text, kind text not null, state text not null,
    progress jsonb not null default '{}', created_at timestamptz not null default now(),
    heartbeat_at timestamptz, finished_at timestamptz);
create table directory_connection (
    id uuid primary key, organisation_id uuid not null references organisation, name text not null,
    tenant_id text not null, client_id text not null, client_secret bytea not null,
    created_at timestamptz not null default now());
create table directory_run (
    id uuid primary key, list_id text not null references master_list, directory_connection_id uuid not null
    references directory_connection, state text not null, counts jsonb not null default '{}', delta_links jsonb,
    error text, started_at timestamptz not null default now(), finished_at timestamptz);
"""

# What has no list yet: run with the owner's rights, so that row-level security does not hide it.
FUNCTIONS = """
create function muster_token(wanted bytea) returns table (id uuid, list_id text, prefix text)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select id, list_id, prefix from bearer_token where digest = wanted $$;
create function muster_lanes(older interval) returns table (list_id text, lane smallint, oldest_seq bigint)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select list_id, lane, min(seq) from journal group by list_id, lane
       having min(accepted_at) <= clock_timestamp() - older $$;
create function muster_backlog() returns table (pending bigint, oldest double precision, waiting bigint, aside bigint)
    language sql stable security definer set search_path = public, pg_temp as
    $$ select (select count(*) from journal),
              (select extract(epoch from clock_timestamp() - min(accepted_at)) from journal)::double precision,
              (select count(*) from identity where waiting_reason is not null)
              + (select count(*) from person where held_seq is not null),
              (select count(*) from set_aside) $$;
create function muster_disconnecting() returns setof text
    language sql stable security definer set search_path = public, pg_temp as
    $$ select list_id from connection where state = 'disconnecting' $$;
create function muster_log_partitions(months integer) returns void
    language plpgsql security definer set search_path = public, pg_temp as
    $$ declare first date; begin
         for n in 0..months loop
           first := date_trunc('month', now() at time zone 'utc')::date + make_interval(months => n);
           if to_regclass('log_entry_' || to_char(first, 'YYYY_MM')) is null then
             execute format('create table %I partition of log_entry for values from (%L) to (%L)',
               'log_entry_' || to_char(first, 'YYYY_MM'), first::text || ' 00:00+00',
               (first + interval '1 month')::date::text || ' 00:00+00');
           end if;
         end loop; end $$;
revoke execute on all functions in schema public from public;
select muster_log_partitions(2);
"""


def upgrade() -> None:
    """Create everything."""
    op.execute("set local lock_timeout = '1s'")
    for part in (LISTS, IDENTITIES, JOURNAL, PEOPLE, LATER, FUNCTIONS):
        op.execute(part)
