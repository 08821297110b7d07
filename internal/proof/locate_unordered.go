package proof

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// A table without a key has no place at which two rows could be compared: its rows are a multiset. It is located in passes over both
// sides: the first sums the rows by bucket of their hash; the next ones count, bucket by differing bucket, how often each hash occurs.
const (
	// rowsPerPass bounds the hashes kept in one pass (about 100 bytes each).
	rowsPerPass = 200_000
	// maxPasses bounds the reading: beyond it the counts are lower bounds, and say so.
	maxPasses = 8
)

type bucket struct {
	sum  multiset
	rows int64
}

func bucketOf(hash [sha256.Size]byte) int {
	return int(binary.LittleEndian.Uint16(hash[:])) % noKeyBuckets
}

func (l *locator) sides() [2]*session { return [2]*session{l.ours, l.theirs} }

// scan reads one side whole.
func (l *locator) scan(s *session, each func(hash [sha256.Size]byte, row []driver.Value) error) error {
	err := readMultiset(l.ctx, s, l.span, each)
	if err != nil {
		return nodeError(l.ctx, s.Node, "read a differing table", err)
	}
	return nodeError(l.ctx, s.Node, "release locks", s.releaseLocks(l.ctx))
}

func (l *locator) unordered() error {
	var buckets [2][noKeyBuckets]bucket
	for side, s := range l.sides() {
		err := l.scan(s, func(hash [sha256.Size]byte, _ []driver.Value) error {
			b := &buckets[side][bucketOf(hash)]
			b.sum.add(hash)
			b.rows++
			return nil
		})
		if err != nil {
			return err
		}
	}
	var differing []int
	for i := range buckets[0] {
		if buckets[0][i] != buckets[1][i] {
			differing = append(differing, i)
		}
	}
	listing := map[[sha256.Size]byte]int64{} // primary's occurrences minus the secondary's
	for pass := 0; len(differing) > 0; pass++ {
		if pass == maxPasses {
			l.counts.atLeast = true
			for _, i := range differing {
				l.countRoughly(buckets[0][i].rows, buckets[1][i].rows)
			}
			break
		}
		taken := map[int]bool{}
		var rows int64
		for len(differing) > 0 && (len(taken) == 0 || rows+buckets[0][differing[0]].rows <= rowsPerPass) {
			rows += buckets[0][differing[0]].rows
			taken[differing[0]] = true
			differing = differing[1:]
		}
		if err := l.countPass(taken, listing); err != nil {
			return err
		}
	}
	return l.listRows(listing)
}

// countRoughly counts a bucket that is known to differ, by its number of rows alone.
func (l *locator) countRoughly(ours, theirs int64) {
	switch {
	case ours > theirs:
		l.counts.missing += ours - theirs
	case theirs > ours:
		l.counts.extra += theirs - ours
	default: // at least one row is another
		l.counts.missing++
		l.counts.extra++
	}
}

// countPass counts exactly within the taken buckets, and keeps some hashes to list.
func (l *locator) countPass(taken map[int]bool, listing map[[sha256.Size]byte]int64) error {
	balance := map[[sha256.Size]byte]int64{}
	for side, s := range l.sides() {
		err := l.scan(s, func(hash [sha256.Size]byte, _ []driver.Value) error {
			if !taken[bucketOf(hash)] {
				return nil
			}
			if side == 0 {
				balance[hash]++
			} else if balance[hash]--; balance[hash] == 0 {
				delete(balance, hash)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for hash, n := range balance {
		if n > 0 {
			l.counts.missing += n
		} else {
			l.counts.extra -= n
		}
		if len(listing) < listedPerSpan {
			listing[hash] = n
		}
	}
	return nil
}

// listRows reads the listed rows once more to show them: without a key, the whole row says which it is.
func (l *locator) listRows(listing map[[sha256.Size]byte]int64) error {
	t := l.span.table
	for side, s := range l.sides() {
		seen := map[[sha256.Size]byte]bool{}
		wanted := func(n int64) bool { return n > 0 == (side == 0) }
		err := l.scan(s, func(hash [sha256.Size]byte, row []driver.Value) error {
			n, listed := listing[hash]
			if !listed || seen[hash] || !wanted(n) {
				return nil
			}
			seen[hash] = true
			d := contract.ProofDifference{Kind: contract.ProofMissing, Object: "row", Schema: t.schema, Name: t.name, Member: l.span.partition}
			if side == 1 {
				d.Kind, n = contract.ProofExtra, -n
			}
			if n > 1 {
				d.Detail = fmt.Sprintf("%d times", n)
			}
			// The row is its own key, and all of it is values: these are told on request only.
			d.Key = fmt.Sprintf("row with hash %x", hash[:6])
			if l.options.ShowValues {
				var out []string
				for i, c := range t.columns {
					out = append(out, node.Quote(c.name)+"="+c.show(row[i]))
				}
				d.Key = cut(strings.Join(out, " AND "), shownRow)
			}
			l.list(d)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
