#!/bin/sh
# Restore a backup into a folder of its own, beside everything that serves, and verify the ledger in it.
#
#   rehearse.sh BACKUP ARCHIVE CHECKPOINTS [time '2026-11-24 14:05:00+00' | lsn 0/3000148]
#
# CHECKPOINTS is a checkpoint kept elsewhere, or a folder of them; KEY names the file with the key that they are
# verified by (`gateway audit checkpoint --key`). AS is put before PostgreSQL's own commands, as in
# AS='sudo -u postgres'; DATABASE is the database's name, SCRATCH the folder to work in, which is removed afterwards.
# It ends with 0 where the ledger is whole and goes on from every checkpoint.
set -eu

[ $# -eq 3 ] || [ $# -eq 5 ] || { sed -n 2,9p "$0" >&2; exit 2; }
backup=$1 archive=$2 checkpoints=$3
shift 3
AS=${AS:-} DATABASE=${DATABASE:-release_gateway}
: "${KEY:?export it: the file with the key that checkpoints are verified by (gateway audit checkpoint --key)}"
scratch=$($AS mktemp -d "${SCRATCH:-/tmp}/rehearsal.XXXXXX")

end() {
    $AS pg_ctl -D "$scratch/data" -m immediate stop >/dev/null 2>&1 || true
    $AS rm -rf "$scratch"
}
trap end EXIT

$AS sh "$(dirname "$0")/restore.sh" "$backup" "$archive" "$scratch/data" "$@"
# It archives nothing, and nobody reaches it but through a socket in its own folder.
$AS pg_ctl -D "$scratch/data" -l "$scratch/log" -w -t "${PATIENCE_S:-3600}" \
    -o "-c archive_mode=off -c listen_addresses= -k $scratch" start >/dev/null ||
    { $AS tail -n 5 "$scratch/log" >&2; exit 1; }
$AS chmod 755 "$scratch"
echo "recovered: $($AS psql -h "$scratch" -d "$DATABASE" -Atc "SELECT to_timestamp(at / 1e6) FROM ledger_head") is when its last entry was recorded"
GATEWAY_DATABASE_URL="postgresql://${PGUSER:-postgres}@/$DATABASE?host=$scratch" \
    ${GATEWAY:-gateway} audit verify --checkpoints "$checkpoints" --key "$KEY"
