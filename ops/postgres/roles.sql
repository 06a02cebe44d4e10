-- Run once by psql, as the superuser, when the cluster is new: the database and Muster's two roles. The owner runs
-- migrations; the serving role owns nothing and may not create (`muster migrate` grants it what it needs).
\set ON_ERROR_STOP on
do $$ begin
  if current_setting('server_version_num')::int < 170000 then
    raise exception 'Muster needs PostgreSQL 17 or newer, and this server is PostgreSQL %: nothing was made',
      current_setting('server_version');
  end if;
end $$;
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD

create role muster_owner login password :'owner_password';
create role muster_app login password :'app_password';
create database muster owner muster_owner
    template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C';
revoke all on database muster from public;
grant connect on database muster to muster_app;
-- So that it sees how long anybody's transaction is open (`muster_postgres_oldest_transaction_seconds`).
grant pg_read_all_stats to muster_app;

-- Where each kind of process is to have a role of its own, which may do that kind's work alone: give each a password, before
-- `muster migrate` grants it what models/migrations/roles.py says. muster_app is not needed then.
\getenv ingress_password INGRESS_PASSWORD
\getenv workers_password WORKERS_PASSWORD
\getenv console_password CONSOLE_PASSWORD
\if :{?ingress_password}
create role muster_ingress login password :'ingress_password';
create role muster_workers login password :'workers_password';
create role muster_console login password :'console_password';
grant connect on database muster to muster_ingress, muster_workers, muster_console;
grant pg_read_all_stats to muster_ingress, muster_workers;
\endif
