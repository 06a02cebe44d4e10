"""The whole protocol: groups in use, filters on any attribute, extension attributes remembered."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Casefolding whatever the server's locale is, as far as this PostgreSQL can: 18 folds as Python does,
# 17 lowers every letter, an older one what its locale says.
FOLDS = ((180000, "casefold({} collate pg_unicode_fast)"), (170000, "lower({} collate pg_c_utf8)"), (0, "lower({})"))
# What Python's str.strip() strips.
BLANKS = (
    r"E'\t\n\x0b\f\r\x1c\x1d\x1e\x1f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    r"\u200a\u2028\u2029\u202f\u205f\u3000'"
)
ASCII_BLANKS = r"E'\t\n\x0b\f\r\x1c\x1d\x1e\x1f '"

IDENTITIES = """
-- Keys compare and sort by code point, whatever the database's locale is: prefixes and order use their index.
alter table identity alter column user_name_key type text collate "C";
-- With identity_active_uid, the lookup by the list's unique identifier; leavers are few, so creates hardly pay.
create index identity_inactive_uid on identity (list_id, uid_key) where not active;
-- Room on each page for a row's next version: updates then touch no index (HOT), 5 ms against 16 for 128 users.
alter table identity set (fillfactor = 85);
-- Times are served in milliseconds, and a filter on what was served finds it.
update identity set created = date_trunc('milliseconds', created), modified = date_trunc('milliseconds', modified);
"""

# A table beside, and no longer an array in the row with a GIN index: the look-up is one index entry a
# list, and a create pays less (measured at 1,000,000 users, see docs/measurements.md).
EMAILS = """
alter index identity_email rename to identity_email_gin;
create table identity_email (
    list_id text not null, key text collate "C" not null, identity_id uuid not null,
    primary key (list_id, key, identity_id));
insert into identity_email (list_id, key, identity_id)
    select distinct i.list_id, k, i.id from identity i cross join unnest(i.email_keys) k;
drop index identity_email_gin;
alter table identity drop column email_keys;
"""

GROUPS = """
alter table scim_group set (fillfactor = 85);
alter table scim_group alter column display_name_key type text collate "C";
-- The lookup by externalId (Entra's object id of the group); not unique.
create index scim_group_external_id on scim_group (list_id, external_id);
-- Lists in a stable order, oldest first.
create index scim_group_page on scim_group (list_id, created, id);
"""

# Which attributes of which unknown extensions a list's IdP has sent: what the mapping editor offers,
# what /Schemas describes and what a filter may name.
SEEN = """
create table seen_attribute (
    list_id text not null, resource text not null, urn text not null, name text not null, type text not null,
    multi_valued boolean not null, seen_at timestamptz not null default now(),
    primary key (list_id, resource, urn, name));
"""

FUNCTIONS = """
create function muster_key(value text) returns text language sql immutable strict parallel safe as
    $$ select case when octet_length(value) = char_length(value) then lower(btrim(value, {blanks}) collate "C")
        else normalize({fold}, nfc) collate "C" end $$;
create function muster_member(holder jsonb, name text) returns jsonb language sql immutable parallel safe as
    $$ select case when jsonb_typeof(holder) = 'object' then coalesce(holder -> name,
        (select e.value from jsonb_each(holder) e where lower(e.key collate "C") = lower(name collate "C")
         order by e.key limit 1)) end $$;
create function muster_elements(held jsonb) returns setof jsonb language sql immutable parallel safe as
    $$ select e.value from jsonb_array_elements(case jsonb_typeof(held) when 'array' then held
        when 'null' then '[]' else jsonb_build_array(held) end) e where held is not null $$;
revoke execute on function muster_key, muster_member, muster_elements from public;
"""


def _fold(version: int) -> str:
    trimmed = f"btrim(normalize(value, nfc), {BLANKS})"
    return next(fold for least, fold in FOLDS if version >= least).format(trimmed)


def upgrade() -> None:
    """Change what 0001 made, and add the rest."""
    op.execute("set local lock_timeout = '1s'")
    version = int(op.get_bind().exec_driver_sql("show server_version_num").scalar_one())
    for part in (
        IDENTITIES,
        EMAILS,
        GROUPS,
        SEEN,
        FUNCTIONS.replace("{fold}", _fold(version)).replace("{blanks}", ASCII_BLANKS),
    ):
        op.get_bind().exec_driver_sql(part)
