package node_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string][3]int{"8.0.36-28": {8, 0, 36}, "9.7.4": {9, 7, 4}, "8.4.0-debug-log": {8, 4, 0}} {
		v, err := node.ParseVersion(text)
		require.NoError(t, err)
		require.Equal(t, want, [3]int{v.Major, v.Minor, v.Patch})
		require.Equal(t, text, v.String())
	}
	for _, text := range []string{"", "8.0", "x.y.z", "8.0.-1", "8.0.1.2"} {
		_, err := node.ParseVersion(text)
		require.Error(t, err, text)
	}
}

func TestVersionAtLeast(t *testing.T) {
	v := node.Version{Major: 8, Minor: 4, Patch: 3}
	require.True(t, v.AtLeast(8, 4, 3))
	require.True(t, v.AtLeast(8, 0, 99))
	require.True(t, v.AtLeast(7, 9, 9))
	require.False(t, v.AtLeast(8, 4, 4))
	require.False(t, v.AtLeast(8, 5, 0))
	require.False(t, v.AtLeast(9, 0, 0))
}

func TestStatementsChangeWith82(t *testing.T) {
	former, later := node.Version{Major: 8, Minor: 1}, node.Version{Major: 8, Minor: 2}
	require.Equal(t, "SHOW MASTER STATUS", former.BinaryLogStatus())
	require.Equal(t, "SHOW BINARY LOG STATUS", later.BinaryLogStatus())
	require.Equal(t, "RESET MASTER", former.ResetBinaryLogs())
	require.Equal(t, "RESET BINARY LOGS AND GTIDS", later.ResetBinaryLogs())
	require.Equal(t, "DISABLE ON SLAVE", former.DisableOnReplica())
	require.Equal(t, "DISABLE ON REPLICA", later.DisableOnReplica())
}

func TestCountGTIDs(t *testing.T) {
	const u = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	for set, want := range map[string]int64{
		"":                             0,
		u + ":1":                       1,
		u + ":1-3":                     3,
		u + ":1-3:7":                   4,
		u + ":1-3:tag:1-2:other:5":     6,
		u + ":1-3,\n" + u + ":tag:4-5": 5,
		u + ":1-9223372036854775806":   9223372036854775806,
	} {
		got, err := node.CountGTIDs(set)
		require.NoError(t, err, set)
		require.Equal(t, want, got, set)
	}
	for _, set := range []string{u, u + ":", u + ":3-1", u + ":1-x", ":1"} {
		_, err := node.CountGTIDs(set)
		require.Error(t, err, set)
	}
}

func TestQuote(t *testing.T) {
	require.Equal(t, "`a`", node.Quote("a"))
	require.Equal(t, "`a``; DROP`", node.Quote("a`; DROP"))
}

func TestClassify(t *testing.T) {
	my := func(n uint16) error { return fmt.Errorf("x: %w", &mysql.MySQLError{Number: n}) }
	for _, c := range []struct {
		err  error
		want node.Class
	}{
		{nil, node.ClassOther},
		{errors.New("x"), node.ClassOther},
		{my(1064), node.ClassOther},
		{my(1045), node.ClassAccessDenied},
		{my(1227), node.ClassAccessDenied},
		{my(3032), node.ClassOffline},
		{my(1290), node.ClassReadOnly},
		{my(1053), node.ClassConnectionLost},
		{my(1040), node.ClassUnreachable},
		{mysql.ErrInvalidConn, node.ClassConnectionLost},
		{driver.ErrBadConn, node.ClassConnectionLost},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, node.ClassUnreachable},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, node.ClassConnectionLost},
		{context.Canceled, node.ClassCancelled},
		{context.DeadlineExceeded, node.ClassCancelled},
	} {
		require.Equal(t, c.want, node.Classify(c.err), "%v", c.err)
		require.Equal(t, c.want, node.Classify(node.Wrap("n", "d", c.err)), "%v wrapped", c.err)
	}
	var found *mysql.MySQLError
	require.ErrorAs(t, node.Wrap("n", "d", my(1290)), &found)
	require.Nil(t, node.Wrap("n", "d", nil))
}
