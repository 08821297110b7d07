# Thin over go: every target can be run without make as well.

.PHONY: bench-proof demo test check build bench-scale bench-throttle bench-tree

# A real cluster is started, harmed, resynced and proven; --keep leaves it up: make demo ARGS=--keep
demo:
	go run ./starter demo $(ARGS)

# What CI runs: the checkers, then every test, on real servers.
test: check
	go test -timeout 25m ./...

check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go tool -modfile=.ci/tools/go.mod staticcheck ./...
	go tool -modfile=.ci/tools/go.mod workflowcheck ./workflows/...

build:
	go build -trimpath -o bin/worker ./worker
	go build -trimpath -o bin/starter ./starter

# What a thousand secondaries in one run, and a thousand clusters on one worker, cost beside Temporal's limits; half an hour on two cores.
bench-scale:
	go test ./internal/scale -run '^$$' -bench . -benchtime 1x -timeout 3h $(ARGS)

# Seven secondaries by a growing tree of donors against the primary alone, each copy limited to the same rate; in single copies' time;
# half an hour on two cores.
bench-tree:
	go test ./internal/endtoend -run '^$$' -bench Tree -benchtime 1x -timeout 3h $(ARGS)

# Whether a limit holds over a whole copy, and what a copy does to the primary's latency without a limit and with the adaptive one;
# six minutes on two cores. sysbench is fetched with apt into the cache, once.
bench-throttle:
	go run ./internal/bench/throttle $(ARGS)

# The proof beside pt-table-checksum and a plain scan, on about 1 GB, and its memory up to 8 GB; half an hour on a quiet machine.
bench-proof:
	go test -tags bench -run TestBench -count=1 -v -timeout 2h ./internal/proof
