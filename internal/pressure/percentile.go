package pressure

import (
	"maps"
	"slices"
	"time"
)

// percentile is the upper end of the bucket that holds the statement which so many of a hundred are not slower than; 0 when there
// were too few.
func percentile(before, after map[uint64]uint64, of uint64) time.Duration {
	grown := map[uint64]uint64{}
	var total uint64
	for high, count := range after {
		if count < before[high] {
			return 0 // set to zero meanwhile
		}
		grown[high] = count - before[high]
		total += grown[high]
	}
	if total < fewestStatements {
		return 0
	}
	want := (total*of + 99) / 100
	var seen uint64
	for _, high := range slices.Sorted(maps.Keys(grown)) {
		if seen += grown[high]; seen >= want {
			return picoseconds(high)
		}
	}
	return 0
}
