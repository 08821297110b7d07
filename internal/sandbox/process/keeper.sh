#!/bin/sh
# Keeps one server of a sandbox running after its starter has left.
#
#   keeper.sh MODE PAUSE DIR COMMAND...
#
# MODE says what happens when the server ends:
#   supervised  as under mysqld_safe or systemd: started again when it asks for
#               it (exit code 16) or dies of a signal; any other end is final.
#               MYSQLD_PARENT_PID tells mysqld that RESTART may be used.
#   container   as with "restart: unless-stopped": started again whatever its
#               exit code; nothing tells mysqld of a supervisor.
#   bare        never started again.
# PAUSE is waited before a new start, in seconds, except after exit code 16.
# DIR holds what this script writes: server.pid ("pid start boot"), exits (one
# exit code a line), output.log; and "stop", which makes any end final.
#
# When file descriptor 3 is open, its end of file means that the process which
# the sandbox is tied to is gone: the server is then stopped.
mode=$1 pause=$2 dir=$3
shift 3
umask 077

boot=$(cat /proc/sys/kernel/random/boot_id)
child=
interrupted=

record() {
	stat=$(cat "/proc/$child/stat" 2>/dev/null) || return 0
	rest=${stat##*) }
	start=$(echo "$rest" | cut -d ' ' -f 20)
	echo "$child $start $boot" >"$dir/server.pid.new" && mv "$dir/server.pid.new" "$dir/server.pid"
}

terminate() {
	interrupted=1
	: >"$dir/stop"
	[ -n "$child" ] && kill -TERM "$child" 2>/dev/null
}
trap terminate TERM
trap '' HUP INT

unset MYSQLD_PARENT_PID NOTIFY_SOCKET
[ "$mode" = supervised ] && export MYSQLD_PARENT_PID=$$

watcher=
if [ -e /proc/$$/fd/3 ]; then
	(
		trap - TERM
		read -r _ <&3
		# Only while the keeper is still our parent: its pid may be another's.
		read -r _ _ _ parent _ </proc/self/stat
		[ "$parent" = $$ ] && kill -TERM $$
	) &
	watcher=$!
	exec 3<&-
fi

# A signal that reaches a child before it has become its program may be lost in
# the shell's own handlers; KILL never is, and whoever stops a server sends TERM
# only once it sees the program.
while [ ! -e "$dir/stop" ]; do
	"$@" >>"$dir/output.log" 2>&1 &
	child=$!
	record
	# A stop that came between the look at the file and the start had no child
	# to tell.
	[ -e "$dir/stop" ] && kill -TERM "$child" 2>/dev/null
	while :; do
		interrupted=
		wait "$child"
		code=$?
		[ -z "$interrupted" ] && break
	done
	child=
	rm -f "$dir/server.pid"
	echo "$code" >>"$dir/exits"
	case $mode in
	supervised)
		[ "$code" -eq 16 ] && continue
		[ "$code" -gt 128 ] || break
		;;
	container) ;;
	*) break ;;
	esac
	[ -e "$dir/stop" ] && break
	sleep "$pause" &
	pausing=$!
	wait "$pausing"
	kill -KILL "$pausing" 2>/dev/null
done
[ -n "$watcher" ] && kill -KILL "$watcher" 2>/dev/null
exit 0
