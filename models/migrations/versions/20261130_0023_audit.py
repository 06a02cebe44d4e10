"""What operators did can be read and not changed; and from which networks a list's identity provider may come."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

AUDIT = """
-- From where: the address of a browser or a script, or "command line".
alter table audit_entry add column address text not null default '';
-- The page of an organisation's entries, newest first.
create index audit_entry_organisation on audit_entry (organisation_id, at desc, id desc);

-- The serving role may insert and read (migrations/__init__.py takes the rest away). The owner can do no more by
-- accident: an entry is never changed, and goes when it is older than a year and somebody deletes it by hand.
create function muster_audit_kept() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.at < now() - interval '1 year' then
        return old;
    end if;
    raise exception 'the audit log is only added to: an entry may be deleted when it is older than a year'
        using errcode = 'insufficient_privilege';
end $$;
create trigger audit_entry_kept before update or delete on audit_entry
    for each row execute function muster_audit_kept();
"""

NETWORKS = """
-- Empty: any address.
alter table connection add column networks cidr[] not null default '{}';
"""


def upgrade() -> None:
    """Add them."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(AUDIT)
    op.execute(NETWORKS)
