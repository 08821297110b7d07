package clone

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatTheEndOfAProbeSays(t *testing.T) {
	const donor = "Clone Donor Error: "
	for _, c := range []struct {
		number uint16
		text   string
		want   Path
	}{
		{3862, donor + "Connect failed: 1045 : Access denied for user 'x'@'y' (using password: YES).", Path{Proven: true, Number: 1045, What: "it answers, and refuses an account that does not exist"}},
		{3862, donor + "Connect failed: 2003 : Can't connect to MySQL server on 'H:P' (111).", Path{Broken: true, Number: 2003, What: "2003 : Can't connect to MySQL server on 'H:P' (111)."}},
		{3862, donor + "Connect failed: 2005 : Unknown MySQL server host 'H' (-2).", Path{Broken: true, Number: 2005, What: "2005 : Unknown MySQL server host 'H' (-2)."}},
		{3862, donor + "Connect failed: 1130 : Host 'H' is not allowed to connect to this MySQL server.", Path{Broken: true, Number: 1130, What: "1130 : Host 'H' is not allowed to connect to this MySQL server."}},
		{3862, donor + "Connect failed: 1040 : Too many connections.", Path{Number: 1040, What: "1040 : Too many connections."}},
		{3862, donor + "1227 : Access denied; you need BACKUP_ADMIN.", Path{Proven: true, Stranger: true, Number: 1227, What: "the donor let in an account that does not exist: 1227 : Access denied; you need BACKUP_ADMIN."}},
		{3862, "a text of another version", Path{What: "a text of another version"}},
		{1006, "Can't create database", Path{Proven: true, Stranger: true, Number: 1006, What: "the donor let in an account that does not exist"}},
		{3634, "Too many concurrent clone operations.", Path{Number: 3634, What: "Too many concurrent clone operations."}},
		{1227, "Access denied; you need BACKUP_ADMIN.", Path{Number: 1227, What: "Access denied; you need BACKUP_ADMIN."}},
	} {
		require.Equal(t, c.want, judgePath(c.number, c.text), "%d %s", c.number, c.text)
	}
}
