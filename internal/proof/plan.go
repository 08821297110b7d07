package proof

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// unit is a part of a table that is compared, and resumed, as one: a partition, a range of a large table, or all of a small one.
type unit struct {
	state *tableState
	span  span
	index int // among the table's units
}

// tableState is how far one table is with those secondaries that are compared on it together. It is guarded by rowWork.mu, except that
// replicas changes only between pairs.
type tableState struct {
	table    *table
	replicas []int
	cuts     []position // where the table is cut into ranges, in the order of its key
	private  bool       // the cuts are keys of rows, which are data and go into no token
	units    int
	left     int
	rows     int64
	bytes    int64
	// done are the finished units without a suspicion, with their rows and bytes.
	done      []int
	doneRows  int64
	doneBytes int64
	suspects  []suspect
	found     []located

	admitted bool   // has jobs in the current pair
	stale    string // why its results are void
	tries    int    // how often it was begun again
	givenUp  string // why it is not compared at all
	dropped  bool
}

// sides are the sessions' numbers of the primary and of the state's secondaries.
func (s *tableState) sides() []int {
	out := []int{0}
	for _, i := range s.replicas {
		out = append(out, i+1)
	}
	return out
}

const (
	// maxRanges bounds the ranges of one table.
	maxRanges = 256
	// rangeBytes bounds a range whose rows are large, on disk.
	rangeBytes = 1 << 30
)

// effort is about how many nanoseconds a server takes to send all rows: 100 a row, 1 a byte.
func (t *table) effort() int64 { return 100*t.rows + t.bytes }

// parts is into how many ranges a table should be cut, if all tables together take so much effort. Ranges cost the server something, so
// that beside the bounds of one only a table is cut that would keep one stream at work a third longer than its share.
func (o Options) parts(t *table, all int64) int {
	parts := max((t.rows+o.sizes.rangeRows-1)/o.sizes.rangeRows, (t.bytes+rangeBytes-1)/rangeBytes)
	streams := int64(o.Streams)
	if least := o.sizes.shareRows; least > 0 && t.rows >= least && streams > 1 && 3*streams*t.effort() > 4*all {
		parts = max(parts, 1+4*streams*t.effort()/all)
	}
	return int(min(parts, maxRanges))
}

// unitsOf cuts a table. Ends are open, so that the units cover all rows whatever the cuts were taken from.
func unitsOf(state *tableState) []unit {
	t := state.table
	partitions := t.partitions
	if len(partitions) == 0 {
		partitions = []string{""}
	}
	var out []unit
	for _, p := range partitions {
		for i := 0; i <= len(state.cuts); i++ {
			u := unit{state: state, index: len(out), span: span{table: t, partition: p}}
			if i > 0 {
				u.span.after = state.cuts[i-1]
			}
			if i < len(state.cuts) {
				u.span.upTo = state.cuts[i]
			}
			out = append(out, u)
		}
	}
	state.units, state.left = len(out), len(out)
	return out
}

// cut finds where to cut a large table into so many parts, for parallel reading and for resuming. A key that begins with an integer is cut
// evenly between its least and its greatest value: uneven data make uneven ranges. Any other is walked along, on a secondary, so that the
// primary has no part in it. Without cuts the table is one range: whatever goes wrong here is no error.
func (e *engine) cut(ctx context.Context, t *table, parts int) (cuts []position, private bool) {
	if len(t.key) == 0 || parts < 2 || len(t.partitions) > 0 {
		return nil, false
	}
	switch t.columns[t.key[0].column].dataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		if cuts := e.cutEvenly(ctx, t, parts); len(cuts) > 0 {
			return cuts, false
		}
	}
	return walk(ctx, e.alive()[0].streams[0], t, parts), true
}

func (e *engine) cutEvenly(ctx context.Context, t *table, parts int) []position {
	name := node.Quote(t.columns[t.key[0].column].name)
	ends, err := e.primary.control.value(ctx, fmt.Sprintf("SELECT CONCAT_WS(' ', MIN(%s), MAX(%s)) FROM %s FORCE INDEX (%s)", name, name, t.sqlName(), node.Quote(t.keyName)))
	if err != nil {
		return nil
	}
	var low, high string
	if _, err := fmt.Sscan(ends, &low, &high); err != nil {
		return nil // no rows
	}
	var out []position
	for _, cut := range evenly(low, high, parts) {
		out = append(out, position{cut})
	}
	if t.key[0].descending {
		slices.Reverse(out)
	}
	return out
}

// walk goes along the key and takes the place of every so many rows.
func walk(ctx context.Context, s *session, t *table, parts int) (out []position) {
	at := span{table: t}
	for len(out) < parts-1 {
		p, err := boundary(ctx, s, at, int(t.rows)/parts)
		if err != nil || p == nil {
			break
		}
		out = append(out, p)
		at.after = p
	}
	return out
}

// evenly gives parts-1 whole numbers strictly between low and high, in order.
func evenly(low, high string, parts int) []string {
	l, errL := strconv.ParseInt(low, 10, 64)
	h, errH := strconv.ParseInt(high, 10, 64)
	if errL != nil || errH != nil || parts < 2 { // beyond int64: one range
		return nil
	}
	width := uint64(h) - uint64(l) // exact even where h-l overflows
	step := width / uint64(parts)
	if step == 0 {
		return nil
	}
	var out []string
	for i := 1; i < parts; i++ {
		out = append(out, strconv.FormatInt(int64(uint64(l)+step*uint64(i)), 10))
	}
	return out
}

// token is what Progress.Resume carries: which units of which large tables were found equal, and the spans they were compared in. A
// table is known by a digest of its name and shape, so that one that was altered since is read again. A table that was cut at keys of its
// rows is remembered only as a whole: a token goes through places where no row may.
type token struct {
	Servers []string               `json:"servers"`
	Tables  map[string]tokenTable  `json:"tables,omitempty"`
	Spans   [][]contract.ProofSpan `json:"spans,omitempty"`
}

type tokenTable struct {
	Cuts  []position `json:"cuts,omitempty"`
	Done  []int      `json:"done"`
	Rows  int64      `json:"rows"`
	Bytes int64      `json:"bytes"`
}

func (t *table) tokenID() string { return hex.EncodeToString(t.shape[:12]) }

// servers identifies the pairing: equality with one secondary says nothing of another.
func (e *engine) servers() []string {
	out := []string{e.primary.uuid}
	for _, r := range e.alive() {
		out = append(out, r.uuid)
	}
	return out
}

// resumeFrom reads a token. One that cannot be used is as good as none: the proof begins at the beginning.
func (e *engine) resumeFrom(raw []byte) token {
	var t token
	if len(raw) == 0 || json.Unmarshal(raw, &t) != nil || !slices.Equal(t.Servers, e.servers()) || len(t.Spans) != len(e.alive()) {
		return token{}
	}
	return t
}

// resumeToken is called from the reporter.
func (w *rowWork) resumeToken() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := token{Servers: w.engine.servers(), Tables: map[string]tokenTable{}}
	for _, state := range w.states {
		if !state.dropped && state.givenUp == "" && state.stale == "" && len(state.replicas) == len(w.engine.alive()) && len(state.done) > 0 &&
			state.table.rows >= w.engine.options.sizes.resumeRows {
			entry := tokenTable{Cuts: state.cuts, Done: slices.Clone(state.done), Rows: state.doneRows, Bytes: state.doneBytes}
			if state.private {
				if len(state.done) < state.units {
					continue
				}
				entry.Cuts, entry.Done = nil, []int{0}
			}
			t.Tables[state.table.tokenID()] = entry
		}
	}
	for _, r := range w.engine.alive() {
		t.Spans = append(t.Spans, slices.Clone(w.spans[r.index]))
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return nil
	}
	return raw
}
