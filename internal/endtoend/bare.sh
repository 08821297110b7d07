#!/bin/sh
# What a resync comes to in bare statements, without a check, a fence, a rehearsal or a proof: the yardstick of BenchmarkResync.
#
#   bare.sh DONOR_HOST DONOR_PORT MYSQL...
#
# MYSQL... is the client with its options for the recipient; DONOR and REPLICATION are "user password" in the environment, PRIMARY is
# the client for the primary, as one word list. It ends when the recipient has executed what the primary had when replication started.
set -eu
host=$1 port=$2
shift 2
donor_user=${DONOR% *} donor_password=${DONOR#* }
replication_user=${REPLICATION% *} replication_password=${REPLICATION#* }

"$@" -e "STOP REPLICA; RESET REPLICA ALL; SET GLOBAL super_read_only = OFF; SET GLOBAL event_scheduler = OFF;
	RESET BINARY LOGS AND GTIDS; SET GLOBAL clone_valid_donor_list = '$host:$port';
	CLONE INSTANCE FROM '$donor_user'@'$host':$port IDENTIFIED BY '$donor_password'"
# The server restarts now: it first goes away, then answers again.
while "$@" -e "DO 1" 2>/dev/null; do sleep 0.05; done
until "$@" -e "DO 1" 2>/dev/null; do sleep 0.05; done
"$@" -e "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '$host', SOURCE_PORT = $port, SOURCE_USER = '$replication_user',
	SOURCE_PASSWORD = '$replication_password', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA"
gtids=$($PRIMARY -N -e "SELECT REPLACE(@@gtid_executed, '\n', '')")
"$@" -e "DO WAIT_FOR_EXECUTED_GTID_SET('$gtids'); SET GLOBAL super_read_only = ON"
