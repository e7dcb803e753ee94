#!/bin/sh
# Make a data directory on which PostgreSQL, once started, recovers from a base backup and the archived log.
#
#   restore.sh BACKUP ARCHIVE NEW [time '2026-11-24 14:05:00+00' | lsn 0/3000148]
#
# Without a target it recovers to the end of the archive. NEW must not be there yet: nothing is written over.
# Run it as the user that PostgreSQL runs as.
set -eu

[ $# -eq 3 ] || [ $# -eq 5 ] || { sed -n 2,7p "$0" >&2; exit 2; }
backup=$1 archive=$2 new=$3 kind=${4:-} target=${5:-}
case $kind in '' | time | lsn) ;; *) echo "$kind is no kind of target: time or lsn" >&2; exit 2 ;; esac
case $archive$target in *[\'\\]*) echo "a quote or a backslash cannot stand in the archive's path or the target" >&2; exit 2 ;; esac
[ -f "$backup/backup_label" ] || { echo "$backup is no base backup: it has no backup_label" >&2; exit 1; }
[ -d "$archive" ] || { echo "$archive is no folder of archived log" >&2; exit 1; }
[ ! -e "$new" ] || { echo "$new is there already: name another" >&2; exit 1; }

umask 077
cp -a "$backup" "$new"
chmod 700 "$new"
{
    echo "restore_command = 'cp \"$archive/%f\" \"%p\"'"
    echo "recovery_target_timeline = 'latest'"
    [ -z "$kind" ] || echo "recovery_target_$kind = '$target'"
    echo "recovery_target_action = 'promote'"
} >>"$new/postgresql.auto.conf"
touch "$new/recovery.signal"
echo "$new recovers to ${target:-the end of the archive} when it is started: pg_ctl -D $new -w start"
