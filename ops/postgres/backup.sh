#!/bin/sh
# One more dump in the folder $BACKUPS, whole or not at all; those older than $KEEP_DAYS days go. libpq's variables
# say of which database. Compose and Kubernetes run it in PostgreSQL's image, whose pg_dump is as new as the server.
set -eu
umask 077
dump="$BACKUPS/muster-$(date -u +%Y%m%dT%H%M%SZ).dump"
trap 'rm -f "$dump.partial"' EXIT
pg_dump --no-password --format=custom --no-owner --no-privileges \
    --exclude-table-data=operator_session --exclude-table-data=traffic --file="$dump.partial"
pg_restore --list "$dump.partial" >/dev/null
mv "$dump.partial" "$dump"
find "$BACKUPS" -type f -name 'muster-*.dump*' -mtime "+$KEEP_DAYS" -delete
ls -l "$dump"
