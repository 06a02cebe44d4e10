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
