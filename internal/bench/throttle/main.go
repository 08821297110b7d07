// Program throttle measures what limits a copy: whether throttleMiBps holds over a whole copy, and what a copy does to the latency of the
// primary without a limit and under the adaptive one. It brings its own servers and a load generator (sysbench, fetched with apt into
// the cache), on the loopback address, and leaves nothing behind but the cache.
//
//	go run ./internal/bench/throttle -mib 1500
//
// It ends with 1 if what is wanted does not hold. All servers share this machine, so that the figures say how the ways compare and
// not how fast anything is.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	mib := flag.Int("mib", 1500, "size of the data to copy, in MiB")
	limits := flag.String("limits", "20,40,80", "limits to measure, in MiB/s")
	threads := flag.Int("threads", 4, "clients of the load")
	share := flag.Float64("share", 0.4, "the load's rate as a share of what the primary can do at most")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	holds, err := run(ctx, *mib, *limits, *threads, *share)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-throttle:", err)
		os.Exit(2)
	}
	if !holds {
		os.Exit(1)
	}
}

func say(format string, arguments ...any) { fmt.Printf(format+"\n", arguments...) }

func run(ctx context.Context, mib int, limits string, threads int, share float64) (holds bool, err error) {
	wanted, err := numbers(limits)
	if err != nil {
		return false, err
	}
	s, err := open(ctx, mib)
	if err != nil {
		return false, err
	}
	defer s.close()
	rates, err := measureRates(ctx, s, wanted)
	if err != nil {
		return false, err
	}
	load, err := prepareLoad(ctx, s, threads, share)
	if err != nil {
		return false, err
	}
	latencies, err := measureLatencies(ctx, s, load)
	if err != nil {
		return false, err
	}
	held := rates.print()
	return latencies.print() && held, nil
}

func numbers(list string) ([]int, error) {
	var all []int
	for _, field := range strings.Split(list, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-limits %q: want whole MiB/s, such as 20,40,80", list)
		}
		all = append(all, n)
	}
	return all, nil
}
