package node

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Quote quotes an identifier, whatever it contains.
func Quote(identifier string) string {
	return "`" + strings.ReplaceAll(identifier, "`", "``") + "`"
}

// CleanGTIDSet takes the line breaks and blanks out of a GTID set; the server writes one line per UUID.
func CleanGTIDSet(set string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', '\t', ' ':
			return -1
		}
		return r
	}, set)
}

// GTIDs are the sets by which a server is compared with another.
type GTIDs struct {
	Executed string // @@gtid_executed
	Purged   string // @@gtid_purged
}

// GTIDs reads the server's executed and purged sets, without line breaks.
func (n *Node) GTIDs(ctx context.Context) (GTIDs, error) { return ReadGTIDs(ctx, n) }

// ReadGTIDs is Node.GTIDs for any Reader.
func ReadGTIDs(ctx context.Context, r Reader) (GTIDs, error) {
	var g GTIDs
	err := One(ctx, r, "read the GTID sets", "SELECT @@global.gtid_executed, @@global.gtid_purged", nil, &g.Executed, &g.Purged)
	g.Executed, g.Purged = CleanGTIDSet(g.Executed), CleanGTIDSet(g.Purged)
	return g, err
}

// Subtract is GTID_SUBTRACT(a, b) as the server judges it, tags included: what is in a and not in b.
func Subtract(ctx context.Context, r Reader, a, b string) (string, error) {
	var rest string
	err := One(ctx, r, "subtract GTID sets", "SELECT GTID_SUBTRACT(?, ?)", []any{CleanGTIDSet(a), CleanGTIDSet(b)}, &rest)
	return CleanGTIDSet(rest), err
}

// subtractPairs and subtractBytes bound one statement of SubtractAll, far below what a server's parser and max_allowed_packet take. A
// single longer pair has a statement of its own.
const (
	subtractPairs = 500
	subtractBytes = 256 << 10
)

// SubtractAll is Subtract for many pairs, in their order: in as few statements as keeps them small, so that the cost of asking does not
// grow with the distance to the server times the pairs.
func SubtractAll(ctx context.Context, r Reader, pairs [][2]string) ([]string, error) {
	rests := make([]string, len(pairs))
	var selects []string
	var args []any
	size := 0
	ask := func() error {
		if len(selects) == 0 {
			return nil
		}
		err := Each(ctx, r, "subtract GTID sets", strings.Join(selects, " UNION ALL "), args, func(scan func(...any) error) error {
			var at int
			var rest string
			if err := scan(&at, &rest); err != nil {
				return err
			}
			rests[at] = CleanGTIDSet(rest)
			return nil
		})
		selects, args, size = nil, nil, 0
		return err
	}
	for i, pair := range pairs {
		a, b := CleanGTIDSet(pair[0]), CleanGTIDSet(pair[1])
		if len(selects) == subtractPairs || size > 0 && size+len(a)+len(b) > subtractBytes {
			if err := ask(); err != nil {
				return nil, err
			}
		}
		selects = append(selects, "SELECT ?, GTID_SUBTRACT(?, ?)")
		args = append(args, i, a, b)
		size += len(a) + len(b)
	}
	return rests, ask()
}

// Subset is GTID_SUBSET(a, b): whether everything in a is in b.
func Subset(ctx context.Context, r Reader, a, b string) (bool, error) {
	var within bool
	err := One(ctx, r, "compare GTID sets", "SELECT GTID_SUBSET(?, ?)", []any{CleanGTIDSet(a), CleanGTIDSet(b)}, &within)
	return within, err
}

// CountGTIDs is the number of transactions in a set, tagged ones included ("uuid:1-3:tag:1" has four).
func CountGTIDs(set string) (int64, error) {
	var total int64
	for part := range strings.SplitSeq(CleanGTIDSet(set), ",") {
		if part == "" {
			continue
		}
		uuid, intervals, found := strings.Cut(part, ":")
		if !found || uuid == "" {
			return 0, fmt.Errorf("GTID set %q: %q has no interval", set, part)
		}
		for interval := range strings.SplitSeq(intervals, ":") {
			if interval == "" {
				return 0, fmt.Errorf("GTID set %q: %q has an empty interval", set, part)
			}
			if c := interval[0]; c < '0' || c > '9' {
				continue // a tag
			}
			from, to, isRange := strings.Cut(interval, "-")
			if !isRange {
				to = from
			}
			a, errA := strconv.ParseInt(from, 10, 64)
			b, errB := strconv.ParseInt(to, 10, 64)
			if errA != nil || errB != nil || b < a {
				return 0, fmt.Errorf("GTID set %q: %q is no interval", set, interval)
			}
			total += b - a + 1
		}
	}
	return total, nil
}
