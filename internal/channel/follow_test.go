package channel_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

func source() channel.Source {
	return channel.Source{
		Host: "127.0.0.1", Port: servers.Primary().PeerPort(),
		User: servers.Accounts.Replication.User, Password: servers.Accounts.Replication.Password.Reveal(),
	}
}

// usual puts the secondary back to the plain channel it came with, whatever a test left.
func usual(t *testing.T) *sandbox.Node {
	t.Helper()
	s := servers.Secondaries()[0]
	t.Cleanup(func() {
		nodetest.Exec(t, s, "SET PERSIST offline_mode = OFF", "RESET PERSIST offline_mode", "RESET PERSIST IF EXISTS skip_replica_start", "SET GLOBAL super_read_only = ON",
			"STOP REPLICA", "RESET REPLICA ALL",
			"CHANGE REPLICATION FILTER REPLICATE_DO_DB = (), REPLICATE_IGNORE_DB = (), REPLICATE_DO_TABLE = (), REPLICATE_IGNORE_TABLE = (), REPLICATE_WILD_DO_TABLE = (), REPLICATE_WILD_IGNORE_TABLE = (), REPLICATE_REWRITE_DB = ()")
		follow(t, s)
	})
	return s
}

func follow(t *testing.T, s *sandbox.Node) {
	t.Helper()
	ctx := t.Context()
	if ctx.Err() != nil { // in a Cleanup
		ctx = background
	}
	require.NoError(t, s.Follow(ctx, servers.Primary(), servers.Accounts.Replication))
	require.NoError(t, s.WaitFor(ctx, servers.Primary()))
}

func noted(t *testing.T, s *sandbox.Node) channel.Note {
	t.Helper()
	note, err := channel.Take(t.Context(), nodetest.Open(t, servers, s))
	require.NoError(t, err)
	return note
}

func TestEveryOptionComesBack(t *testing.T) {
	s := usual(t)
	p := servers.Primary()
	nodetest.Exec(t, p, "CREATE USER IF NOT EXISTS `check``er`@`127.0.0.%`", "GRANT ALL ON *.* TO `check``er`@`127.0.0.%`")
	require.NoError(t, s.WaitFor(t.Context(), p))
	nodetest.Exec(t, s, "STOP REPLICA",
		`CHANGE REPLICATION SOURCE TO SOURCE_BIND='127.0.0.1', SOURCE_SSL=1, SOURCE_SSL_VERIFY_SERVER_CERT=0, SOURCE_SSL_CIPHER='ECDHE-RSA-AES256-GCM-SHA384',
			SOURCE_TLS_VERSION='TLSv1.2,TLSv1.3', SOURCE_TLS_CIPHERSUITES='TLS_AES_256_GCM_SHA384', SOURCE_CONNECT_RETRY=7, SOURCE_RETRY_COUNT=77, SOURCE_HEARTBEAT_PERIOD=12.5,
			SOURCE_COMPRESSION_ALGORITHMS='zstd,uncompressed', SOURCE_ZSTD_COMPRESSION_LEVEL=9, GET_SOURCE_PUBLIC_KEY=1,
			PRIVILEGE_CHECKS_USER='check`+"`"+`er'@'127.0.0.%', REQUIRE_ROW_FORMAT=1, REQUIRE_TABLE_PRIMARY_KEY_CHECK=OFF, GTID_ONLY=1, SOURCE_DELAY=3`,
		"CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (`odd``one`, plain), REPLICATE_WILD_IGNORE_TABLE = ('no\\'where.t%', 'x.y\\_z'), REPLICATE_REWRITE_DB = ((a, b), (c, d))",
		"CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE = (i.`t-1`, i.t2) FOR CHANNEL ''",
		"START REPLICA")
	before := noted(t, s)
	require.True(t, before.Configured)
	require.True(t, before.IO)
	require.True(t, before.SQL)
	require.True(t, before.AutoPosition)
	require.Equal(t, "3", before.DelaySeconds())
	require.Len(t, before.Filters, 4)
	require.Empty(t, before.Unkept())
	for name, want := range map[string]string{
		"SOURCE_BIND": "127.0.0.1", "SOURCE_SSL": "1", "SOURCE_SSL_CIPHER": "ECDHE-RSA-AES256-GCM-SHA384", "SOURCE_TLS_VERSION": "TLSv1.2,TLSv1.3",
		"SOURCE_TLS_CIPHERSUITES": "TLS_AES_256_GCM_SHA384", "SOURCE_CONNECT_RETRY": "7", "SOURCE_RETRY_COUNT": "77", "SOURCE_HEARTBEAT_PERIOD": "12.5",
		"SOURCE_COMPRESSION_ALGORITHMS": "zstd,uncompressed", "SOURCE_ZSTD_COMPRESSION_LEVEL": "9", "GET_SOURCE_PUBLIC_KEY": "1",
		"REQUIRE_ROW_FORMAT": "1", "REQUIRE_TABLE_PRIMARY_KEY_CHECK": "OFF", "GTID_ONLY": "1", "SOURCE_DELAY": "3",
	} {
		require.Equal(t, want, before.Options[name], name)
	}
	j, err := json.Marshal(before)
	require.NoError(t, err)
	require.NotContains(t, string(j), source().Password)
	var note channel.Note
	require.NoError(t, json.Unmarshal(j, &note))
	require.Equal(t, before, note)

	c := nodetest.Claim(t, servers, s)
	require.NoError(t, channel.Forget(t.Context(), c))
	nodetest.Exec(t, s, "CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (), REPLICATE_WILD_IGNORE_TABLE = (), REPLICATE_REWRITE_DB = ()") // as a restart does
	require.False(t, noted(t, s).Configured)
	require.NoError(t, channel.Follow(t.Context(), c, source(), note))
	nodetest.Exec(t, p, "CREATE DATABASE IF NOT EXISTS after_follow")
	require.NoError(t, channel.CatchUp(t.Context(), c, nodetest.String(t, p, "SELECT @@global.gtid_executed"), nil))
	now := noted(t, s)
	require.Equal(t, "0", now.DelaySeconds())
	now.Options["SOURCE_DELAY"] = "3"
	require.Equal(t, before, now)

	// A second Follow finds it done.
	threads := func() string {
		return nodetest.String(t, s, "SELECT GROUP_CONCAT(THREAD_ID ORDER BY NAME) FROM performance_schema.threads WHERE NAME IN ('thread/sql/replica_io', 'thread/sql/replica_sql')")
	}
	running := threads()
	require.NotEmpty(t, running)
	require.NoError(t, channel.Follow(t.Context(), c, source(), note))
	require.Equal(t, running, threads())

	require.NoError(t, channel.SetDelay(t.Context(), c, note))
	require.Equal(t, before, noted(t, s))
	running = threads()
	require.NoError(t, channel.SetDelay(t.Context(), c, note))
	require.Equal(t, running, threads())
}

func TestFollowWithoutANoteAndFromAnywhere(t *testing.T) {
	s := usual(t)
	c := nodetest.Claim(t, servers, s)
	target := nodetest.String(t, servers.Primary(), "SELECT @@global.gtid_executed")
	for name, left := range map[string][]string{
		"nothing":                  {"STOP REPLICA", "RESET REPLICA ALL"},
		"another source, running":  {"STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_PORT=1", "START REPLICA"},
		"this source, stopped":     {"STOP REPLICA"},
		"this source, wrong user":  {"STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_USER='x'", "START REPLICA"},
		"this source, an old word": {"STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD='x'", "START REPLICA"},
		"a delay of its own":       {"STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=600", "START REPLICA"},
	} {
		t.Run(name, func(t *testing.T) {
			nodetest.Exec(t, s, left...)
			require.NoError(t, channel.Follow(t.Context(), c, source(), channel.Note{}))
			require.NoError(t, channel.CatchUp(t.Context(), c, target, nil))
			now := noted(t, s)
			require.Equal(t, "0", now.DelaySeconds())
			require.Equal(t, "1", now.Options["GET_SOURCE_PUBLIC_KEY"])
			require.True(t, now.AutoPosition)
		})
	}
}

func TestFollowCutAnywhere(t *testing.T) {
	s := usual(t)
	n := nodetest.Open(t, servers, s)
	nodetest.Exec(t, s, "STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_RETRY_COUNT=55, SOURCE_DELAY=2", "CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (x)", "START REPLICA")
	note := noted(t, s)
	want := noted(t, s)
	want.Options["SOURCE_DELAY"] = "0"
	target := nodetest.String(t, servers.Primary(), "SELECT @@global.gtid_executed")
	for k := 0; ; k++ {
		nodetest.Exec(t, s, "STOP REPLICA", "RESET REPLICA ALL", "CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = ()")
		c, cut := nodetest.CutBefore(t, s, n, nodetest.Options(t, servers, s), k)
		err := channel.Follow(t.Context(), c, source(), note)
		if !cut() {
			require.NoError(t, err)
			require.Equal(t, 5, k)
			break
		}
		require.ErrorIs(t, err, node.ErrClaimLost)
		c = nodetest.Claim(t, servers, s)
		require.NoError(t, channel.Follow(t.Context(), c, source(), note))
		require.NoError(t, channel.CatchUp(t.Context(), c, target, nil))
		require.Equal(t, want, noted(t, s), "cut at %d", k)
	}
}

// TestResumeStartsWhatRests, as a restart behind the fence leaves it, and nothing that an error stopped.
func TestResumeStartsWhatRests(t *testing.T) {
	s := usual(t)
	p := servers.Primary()
	for name, left := range map[string]string{"all of it": "STOP REPLICA", "the receiver": "STOP REPLICA IO_THREAD", "the applier": "STOP REPLICA SQL_THREAD"} {
		t.Run(name, func(t *testing.T) {
			c := nodetest.Claim(t, servers, s)
			nodetest.Exec(t, s, left)
			nodetest.Exec(t, p, "CREATE DATABASE one", "DROP DATABASE one")
			for range 2 {
				require.NoError(t, channel.Resume(t.Context(), c))
				require.NoError(t, channel.CatchUp(t.Context(), c, executed(t), nil))
			}
			require.True(t, noted(t, s).SQL)
		})
	}
	t.Run("an error", func(t *testing.T) {
		c := nodetest.Claim(t, servers, s)
		nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "CREATE DATABASE one", "SET GLOBAL super_read_only = ON")
		nodetest.Exec(t, p, "CREATE DATABASE one", "DROP DATABASE one")
		var stopped *channel.ApplierError
		require.ErrorAs(t, channel.CatchUp(t.Context(), c, executed(t), nil), &stopped)
		require.NoError(t, channel.Resume(t.Context(), c))
		require.ErrorAs(t, channel.CatchUp(t.Context(), c, executed(t), nil), &stopped)
		nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "DROP DATABASE one", "SET GLOBAL super_read_only = ON")
	})
	t.Run("no channel", func(t *testing.T) {
		c := nodetest.Claim(t, servers, s)
		nodetest.Exec(t, s, "STOP REPLICA", "RESET REPLICA ALL")
		require.NoError(t, channel.Resume(t.Context(), c))
	})
}

func TestFollowRefusesBeforeItForgets(t *testing.T) {
	s := usual(t)
	c := nodetest.Claim(t, servers, s)
	before := noted(t, s)
	long := source()
	long.Password = strings.Repeat("x", channel.MaxPassword+1)
	err := channel.Follow(t.Context(), c, long, channel.Note{})
	require.ErrorContains(t, err, "32")
	require.NotContains(t, err.Error(), long.Password)
	require.Error(t, channel.Follow(t.Context(), c, channel.Source{Host: "h"}, channel.Note{}))
	for name, bad := range map[string]string{"SOURCE_DELAY": "1; DROP DATABASE x", "NO_SUCH_OPTION": "1", "REQUIRE_TABLE_PRIMARY_KEY_CHECK": "off)"} {
		spoilt := source()
		spoilt.Options = map[string]string{name: bad}
		if name == "SOURCE_DELAY" {
			require.Error(t, channel.SetDelay(t.Context(), c, channel.Note{Options: spoilt.Options}))
			continue
		}
		require.Error(t, channel.Follow(t.Context(), c, spoilt, channel.Note{}), name)
	}
	require.Equal(t, before, noted(t, s))
}

func TestANameWithACommaMakesAFilterUnreadable(t *testing.T) {
	s := usual(t)
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "CREATE DATABASE `a,b`", "SET GLOBAL super_read_only = ON",
		"STOP REPLICA", "CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (`a,b`)", "START REPLICA")
	t.Cleanup(func() {
		nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "SET sql_log_bin = 0", "DROP DATABASE `a,b`", "SET GLOBAL super_read_only = ON")
	})
	_, err := channel.Take(t.Context(), nodetest.Open(t, servers, s))
	require.ErrorIs(t, err, channel.ErrAmbiguousFilter)
}

func TestASourceNeverShowsItsPassword(t *testing.T) {
	require.NotContains(t, strings.Join([]string{sprint("%v"), sprint("%+v"), sprint("%#v"), sprint("%s")}, ""), source().Password)
	j, err := json.Marshal(source())
	require.NoError(t, err)
	require.NotContains(t, string(j), source().Password)
}
