package main

import (
	"context"
	"strconv"
	"time"

	"github.com/clusterresync/clusterresync/internal/clone"
)

// rates are whole copies under limits.
type rates []struct {
	limit int
	copied
}

func measureRates(ctx context.Context, s *stage, limits []int) (rates, error) {
	all := make(rates, len(limits))
	for i, limit := range limits {
		say("copying at %d MiB/s", limit)
		c, err := s.copy(ctx, clone.Options{ThrottleMiBps: limit}, nil)
		if err != nil {
			return nil, err
		}
		all[i].limit, all[i].copied = limit, c
	}
	return all, nil
}

// print reports whether every limit held within a tenth.
func (r rates) print() bool {
	holds := true
	say("\nThe rate of a whole copy under throttleMiBps:\n\n| limit MiB/s | copied MiB | seconds | MiB/s | of the limit |\n| --- | --- | --- | --- | --- |")
	for _, one := range r {
		share := one.mibps() / float64(one.limit)
		holds = holds && share < 1.1
		say("| %d | %d | %.1f | %.1f | %.0f %% |", one.limit, one.bytes>>20, one.copying.Round(100*time.Millisecond).Seconds(), one.mibps(), share*100)
	}
	say("\nwanted: at most 110 %% of each limit: %s", verdict(holds))
	return holds
}

func verdict(holds bool) string {
	if holds {
		return "holds"
	}
	return "DOES NOT HOLD"
}

func limitWord(limit int) string {
	if limit == 0 || limit >= clone.MaxThrottle {
		return "none"
	}
	return strconv.Itoa(limit)
}

// limitOrTop makes no limit the highest of all.
func limitOrTop(limit int) int {
	if limit == 0 {
		return clone.MaxThrottle
	}
	return limit
}
