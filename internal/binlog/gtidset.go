package binlog

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Source is who numbers transactions: a server's UUID and, since 8.3, an optional tag.
type Source struct {
	UUID string // lower case, with dashes
	Tag  string // lower case; usually empty
}

// GTID names one transaction.
type GTID struct {
	Source
	Number int64
}

func (g GTID) String() string {
	if g.Tag == "" {
		return fmt.Sprintf("%s:%d", g.UUID, g.Number)
	}
	return fmt.Sprintf("%s:%s:%d", g.UUID, g.Tag, g.Number)
}

// interval is from first to last, both included.
type interval struct{ first, last int64 }

// Set is a set of GTIDs. The zero value is the empty set.
type Set struct {
	intervals map[Source][]interval // sorted, neither overlapping nor touching, never empty
}

// ParseSet reads a set as the server writes it: "uuid:1-3:5:tag:1,uuid:1". Line breaks and blanks do not matter.
func ParseSet(text string) (Set, error) {
	var set Set
	for part := range strings.SplitSeq(node.CleanGTIDSet(text), ",") {
		if part == "" {
			continue
		}
		uuid, rest, _ := strings.Cut(strings.ToLower(part), ":")
		if _, err := uuidBytes(uuid); err != nil {
			return Set{}, fmt.Errorf("GTID set: %q does not begin with a UUID", part)
		}
		source := Source{UUID: uuid}
		for item := range strings.SplitSeq(rest, ":") {
			if item != "" && (item[0] == '_' || item[0] >= 'a' && item[0] <= 'z') {
				source.Tag = item
				continue
			}
			from, to, isRange := strings.Cut(item, "-")
			if !isRange {
				to = from
			}
			first, errFirst := strconv.ParseInt(from, 10, 64)
			last, errLast := strconv.ParseInt(to, 10, 64)
			if errFirst != nil || errLast != nil || first < 1 || last < first {
				return Set{}, fmt.Errorf("GTID set: %q is no interval in %q", item, part)
			}
			set.add(source, interval{first, last})
		}
	}
	return set, nil
}

// Empty reports whether nothing is in the set.
func (s Set) Empty() bool { return len(s.intervals) == 0 }

// Count is the number of transactions.
func (s Set) Count() int64 {
	var n int64
	for _, list := range s.intervals {
		for _, i := range list {
			n += i.last - i.first + 1
		}
	}
	return n
}

// Contains reports whether the transaction is in the set.
func (s Set) Contains(g GTID) bool {
	list := s.intervals[g.Source]
	i, found := slices.BinarySearchFunc(list, g.Number, func(i interval, n int64) int { return cmp.Compare(i.first, n) })
	return found || i > 0 && g.Number <= list[i-1].last
}

// Add puts one transaction into the set.
func (s *Set) Add(g GTID) { s.add(g.Source, interval{g.Number, g.Number}) }

func (s *Set) add(source Source, add interval) {
	if s.intervals == nil {
		s.intervals = map[Source][]interval{}
	}
	list := s.intervals[source]
	// The first that ends no earlier than just before add begins, and the first that begins later than just after add ends.
	from, _ := slices.BinarySearchFunc(list, add.first-1, func(i interval, n int64) int { return cmp.Compare(i.last, n) })
	to := from
	for to < len(list) && list[to].first <= add.last+1 {
		add.first, add.last = min(add.first, list[to].first), max(add.last, list[to].last)
		to++
	}
	s.intervals[source] = slices.Replace(list, from, to, add)
}

// Minus is what is in s and not in other.
func (s Set) Minus(other Set) Set {
	var rest Set
	for source, list := range s.intervals {
		without := other.intervals[source]
		for _, i := range list {
			for _, w := range without {
				if w.last < i.first || w.first > i.last {
					continue
				}
				if w.first > i.first {
					rest.add(source, interval{i.first, w.first - 1})
				}
				i.first = w.last + 1
			}
			if i.first <= i.last {
				rest.add(source, i)
			}
		}
	}
	return rest
}

// And is what is in both.
func (s Set) And(other Set) Set { return s.Minus(s.Minus(other)) }

// Equal reports whether both have the same transactions.
func (s Set) Equal(other Set) bool { return s.Minus(other).Empty() && other.Minus(s).Empty() }

// String is the set as the server writes it, without line breaks.
func (s Set) String() string {
	var b strings.Builder
	last := ""
	for _, source := range s.sources() {
		if source.UUID != last {
			if last != "" {
				b.WriteByte(',')
			}
			b.WriteString(source.UUID)
			last = source.UUID
		}
		if source.Tag != "" {
			b.WriteString(":" + source.Tag)
		}
		for _, i := range s.intervals[source] {
			fmt.Fprintf(&b, ":%d", i.first)
			if i.last > i.first {
				fmt.Fprintf(&b, "-%d", i.last)
			}
		}
	}
	return b.String()
}

// sources are in the server's order: by UUID, the one without a tag first.
func (s Set) sources() []Source {
	return slices.SortedFunc(maps.Keys(s.intervals), func(a, b Source) int {
		return cmp.Or(strings.Compare(a.UUID, b.UUID), strings.Compare(a.Tag, b.Tag))
	})
}

// encode is the set as COM_BINLOG_DUMP_GTID takes it. A server before 8.3 knows no tags, and has none to be named (MySQL source:
// Gtid_set::encode; with tags the count of sources is marked in its first and last byte, and each UUID is followed by its tag).
func (s Set) encode() ([]byte, error) {
	tagged := slices.ContainsFunc(s.sources(), func(source Source) bool { return source.Tag != "" })
	count := uint64(len(s.intervals))
	if tagged {
		count = 1<<56 | count<<8 | 1
	}
	data := binary.LittleEndian.AppendUint64(nil, count)
	for _, source := range s.sources() {
		uuid, err := uuidBytes(source.UUID)
		if err != nil {
			return nil, err
		}
		data = append(data, uuid...)
		if tagged {
			data = append(data, byte(len(source.Tag)<<1)) // a tag has at most 32 characters
			data = append(data, source.Tag...)
		}
		data = binary.LittleEndian.AppendUint64(data, uint64(len(s.intervals[source])))
		for _, i := range s.intervals[source] {
			data = binary.LittleEndian.AppendUint64(data, uint64(i.first))
			data = binary.LittleEndian.AppendUint64(data, uint64(i.last+1))
		}
	}
	return data, nil
}

func uuidBytes(uuid string) ([]byte, error) {
	digits := strings.ReplaceAll(uuid, "-", "")
	data, err := hex.DecodeString(digits)
	if err != nil || len(data) != 16 || uuid != uuidText(data) {
		return nil, fmt.Errorf("%q is no UUID", uuid)
	}
	return data, nil
}

func uuidText(data []byte) string {
	h := hex.EncodeToString(data)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
