package proof

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestATableIsCutWhereThatHelps: for the streams' balance, and to bound what a range holds; never for its own sake.
func TestATableIsCutWhereThatHelps(t *testing.T) {
	const million, gib = 1_000_000, 1 << 30
	for name, c := range map[string]struct {
		options Options
		table   table
		others  int64 // their effort
		want    int
	}{
		"the only one":                     {table: table{rows: 4 * million, bytes: 200 * million}, want: 9},
		"the only one, for one stream":     {options: Options{Streams: 1}, table: table{rows: 4 * million, bytes: 200 * million}, want: 1},
		"half of all":                      {table: table{rows: 4 * million, bytes: 200 * million}, others: 600 * million, want: 1},
		"three quarters of all":            {table: table{rows: 4 * million, bytes: 200 * million}, others: 200 * million, want: 7},
		"half of all, for four streams":    {options: Options{Streams: 4}, table: table{rows: 4 * million, bytes: 200 * million}, others: 600 * million, want: 9},
		"small":                            {table: table{rows: 100_000, bytes: 10 * million}, want: 1},
		"empty":                            {want: 0},
		"many rows among many":             {table: table{rows: 80 * million}, others: 100_000 * million, want: 10},
		"nearly twice a range":             {table: table{rows: 15_900_000}, others: 100_000 * million, want: 2},
		"large rows among many":            {table: table{rows: million, bytes: 20 * gib}, others: 1_000_000 * million, want: 20},
		"many rows, with a limit":          {options: Options{BytesPerSecond: million}, table: table{rows: 80 * million}, others: 100_000 * million, want: 160},
		"many rows, hashed by the servers": {options: Options{ServerSide: true}, table: table{rows: 80 * million}, others: 100_000 * million, want: 160},
		"more than a table may have":       {table: table{rows: 80_000 * million}, others: 100_000_000 * million, want: maxRanges},
	} {
		require.Equal(t, c.want, c.options.withDefaults().parts(&c.table, c.table.effort()+c.others), name)
	}
}
