package channel_test

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// makeEvents makes, once, events of every odd kind on the secondary alone, enabled as a clone of a primary brings them.
var makeEvents = sync.OnceValue(func() error {
	return servers.Secondaries()[0].Exec(background, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0",
		"CREATE DATABASE ev", "CREATE TABLE ev.t (id INT)", "CREATE DATABASE `odd ``é`", "CREATE USER owner@localhost", "CREATE USER `o@dd``é`@`%`",
		"CREATE DEFINER=owner@localhost EVENT ev.plain ON SCHEDULE EVERY 1 SECOND STARTS '2026-01-01 00:00:00' ENDS '2037-01-01 00:00:00' ON COMPLETION PRESERVE COMMENT 'it''s' DO INSERT INTO ev.t VALUES (1)",
		"CREATE DEFINER=ghost@nowhere EVENT ev.ghosts ON SCHEDULE EVERY 1 HOUR DO DO 1",
		"CREATE DEFINER=`o@dd``é`@`%` EVENT `odd ``é`.`näme ``x` ON SCHEDULE AT '2037-05-05 05:05:05' DO DO 1",
		"CREATE DEFINER=owner@localhost EVENT ev.off ON SCHEDULE EVERY 1 HOUR DISABLE DO DO 1",
		"SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'", "SET time_zone = '+05:00'",
		"CREATE DEFINER=owner@localhost EVENT ev.modes ON SCHEDULE EVERY 1 DAY STARTS '2026-02-02 02:02:02' DO SELECT 'a' || 'b' AS \"c\"",
		"SET sql_mode = DEFAULT", "SET time_zone = DEFAULT", "SET character_set_client = latin1, collation_connection = latin1_german2_ci",
		"CREATE DEFINER=owner@localhost EVENT ev.l\xe4tin ON SCHEDULE EVERY 1 DAY DO SELECT '\xe4'",
		"SET NAMES utf8mb4", "SET GLOBAL super_read_only = ON")
})

// enable are the statements that bring each event back to where a clone of a primary leaves it.
var enable = map[string][]string{
	"plain":  {"ALTER DEFINER=owner@localhost EVENT ev.plain ENABLE"},
	"ghosts": {"ALTER DEFINER=ghost@nowhere EVENT ev.ghosts ENABLE"},
	"modes":  {"ALTER DEFINER=owner@localhost EVENT ev.modes ENABLE"},
	"näme":   {"ALTER DEFINER=`o@dd``é`@`%` EVENT `odd ``é`.`näme ``x` ENABLE"},
	"lätin": {"SET character_set_client = latin1, collation_connection = latin1_german2_ci",
		"ALTER DEFINER=owner@localhost EVENT ev.l\xe4tin ENABLE", "SET NAMES utf8mb4"},
}

func enabled(t *testing.T, s *sandbox.Node, names ...string) {
	t.Helper()
	require.NoError(t, makeEvents())
	statements := []string{"SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0"}
	for _, name := range names {
		statements = append(statements, enable[name]...)
	}
	nodetest.Exec(t, s, append(statements, "SET GLOBAL super_read_only = ON")...)
}

type event map[string]string

func events(t *testing.T, n *node.Node) map[string]event {
	t.Helper()
	rows, err := node.Table(t.Context(), n, "look at the events", "SELECT * FROM information_schema.EVENTS WHERE EVENT_SCHEMA <> 'sys'")
	require.NoError(t, err)
	all := map[string]event{}
	for _, r := range rows {
		delete(r, "LAST_ALTERED")
		all[r["EVENT_SCHEMA"]+"."+r["EVENT_NAME"]] = event(r)
	}
	return all
}

func TestEventsAreDisabledAndNothingElseOfThemChanges(t *testing.T) {
	s := usual(t)
	n := nodetest.Open(t, servers, s)
	enabled(t, s, slices.Collect(maps.Keys(enable))...)
	c := nodetest.Claim(t, servers, s)
	_, err := channel.DisableEvents(t.Context(), c)
	require.ErrorIs(t, err, fence.ErrNotFenced)
	_, err = fence.Raise(t.Context(), c)
	require.NoError(t, err)
	before := events(t, n)
	gtids := nodetest.String(t, s, "SELECT @@global.gtid_executed")

	disabled, err := channel.DisableEvents(t.Context(), c)
	require.NoError(t, err)
	require.Len(t, disabled, 5)
	require.Equal(t, gtids, nodetest.String(t, s, "SELECT @@global.gtid_executed"))
	require.NoError(t, fence.Require(t.Context(), c), "super_read_only must be on again")
	after := events(t, n)
	for name, want := range before {
		if want["STATUS"] == "ENABLED" {
			want["STATUS"] = "REPLICA_SIDE_DISABLED"
			if !c.Version().AtLeast(8, 2, 0) {
				want["STATUS"] = "SLAVESIDE_DISABLED"
			}
			want["ORIGINATOR"] = after[name]["ORIGINATOR"] // becomes this server's own ID
		}
		require.Equal(t, want, after[name], name)
	}
	var charset, logged string
	require.NoError(t, node.One(t.Context(), c, "look at the session", "SELECT @@character_set_client, @@sql_log_bin", nil, &charset, &logged))
	require.Equal(t, "utf8mb4 1", charset+" "+logged)

	disabled, err = channel.DisableEvents(t.Context(), c)
	require.NoError(t, err)
	require.Empty(t, disabled)
}

func TestDisableEventsCutAnywhere(t *testing.T) {
	s := usual(t)
	n := nodetest.Open(t, servers, s)
	for k := 0; ; k++ {
		enabled(t, s, "plain", "lätin")
		_, err := fence.Raise(t.Context(), nodetest.Claim(t, servers, s))
		require.NoError(t, err)
		c, cut := nodetest.CutBefore(t, s, n, nodetest.Options(t, servers, s), k)
		_, err = channel.DisableEvents(t.Context(), c)
		if !cut() {
			require.NoError(t, err)
			require.Greater(t, k, 7)
			return
		}
		require.ErrorIs(t, err, node.ErrClaimLost)
		require.Equal(t, "0", nodetest.String(t, s, "SELECT @@global.event_scheduler = 'ON'"), "nothing may run meanwhile")
		_, err = channel.DisableEvents(t.Context(), nodetest.Claim(t, servers, s))
		require.NoError(t, err)
		left := 0
		for _, e := range events(t, n) {
			if e["STATUS"] == "ENABLED" {
				left++
			}
		}
		require.Zero(t, left, "cut at %d", k)
		definers := nodetest.String(t, s, "SELECT GROUP_CONCAT(DEFINER ORDER BY EVENT_NAME) FROM information_schema.EVENTS WHERE EVENT_SCHEMA <> 'sys'")
		require.NotContains(t, definers, servers.Accounts.Admin.User)
		require.NoError(t, fence.Require(t.Context(), n))
	}
}
