package binlog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
)

// TestMalformedEvents changes bytes of real events, checksums put right again: whatever then is decoded or not, nothing breaks, and no
// error quotes a value.
func TestMalformedEvents(t *testing.T) {
	s, errant := astray(t, "CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(100), d DECIMAL(20,5), j JSON, b BLOB, ts TIMESTAMP(3), e ENUM('a','b'))",
		"INSERT INTO app.t VALUES (1, 'row-secret', 1.5, '{\"row-secret\": [1, \"row-secret\"]}', 'row-secret', NOW(), 'b'), (2, NULL, NULL, NULL, NULL, NULL, NULL)",
		"UPDATE app.t SET v = CONCAT(v, 'x'), j = JSON_SET(j, '$.a', 'row-secret')",
		"SET binlog_row_value_options = PARTIAL_JSON", "UPDATE app.t SET j = JSON_SET(j, '$.a', 'row')", "SET binlog_row_value_options = ''",
		"SET binlog_transaction_compression = ON", "DELETE FROM app.t",
		"SET gtid_next = 'AUTOMATIC:tag'", "DROP TABLE app.t")
	var events []binlog.Event
	file := binlog.Magic()
	require.NoError(t, binlog.Read(t.Context(), nodetest.Open(t, servers, s), errant, func(e binlog.Event) error {
		e.Raw = bytes.Clone(e.Raw)
		events = append(events, e)
		file = append(file, e.Raw...)
		return nil
	}))
	verify := func(t require.TestingT, file []byte) error {
		v, err := binlog.NewVerifier(errant)
		require.NoError(t, err)
		if err := v.File("file", bytes.NewReader(file)); err != nil {
			return err
		}
		return v.Done("file")
	}
	require.NoError(t, verify(t, file))
	require.ErrorContains(t, verify(t, append(bytes.Clone(file), file[4:]...)), "twice")
	for cut := range len(file) {
		require.Error(t, verify(t, file[:cut]), cut)
	}

	rapid.Check(t, func(t *rapid.T) {
		which := rapid.IntRange(0, len(events)-1).Draw(t, "event")
		changed := events[which]
		changed.Raw = bytes.Clone(changed.Raw)
		end := len(changed.Raw) - 4
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			changed.Raw[rapid.IntRange(19, end-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		binary.LittleEndian.PutUint32(changed.Raw[end:], crc32.ChecksumIEEE(changed.Raw[:end]))
		summary := binlog.NewSummary(binlog.NewDecoder(rapid.Bool().Draw(t, "values"), 1<<20), func(_ binlog.Event, _ binlog.Change, err error) error {
			require.NotContains(t, fmt.Sprintf("%v %+v", err, err), "secret")
			return nil
		})
		var whole []byte
		for i, e := range events {
			if i == which {
				e = changed
			}
			whole = append(whole, e.Raw...)
			require.NoError(t, summary.Add(e))
		}
		require.NotContains(t, summary.Undecoded(), "secret")
		if err := verify(t, append(binlog.Magic(), whole...)); err != nil {
			require.NotContains(t, err.Error(), "secret")
		}
	})
}
