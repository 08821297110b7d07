package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/sandbox/mysqldist"
)

// load is sysbench against the primary: short transactions that read and write, arriving at a fixed rate whatever the answers take.
type load struct {
	program *mysqldist.Program
	config  string
	threads int
	// rate of transactions a second.
	rate int
}

// second is one line of sysbench: what was done in the second before it.
type second struct {
	at  time.Time
	tps float64
	p99 time.Duration
}

func prepareLoad(ctx context.Context, s *stage, threads int, share float64) (*load, error) {
	program, err := mysqldist.FindProgram(ctx, "sysbench", say)
	if err != nil {
		return nil, err
	}
	l := &load{program: program, threads: threads, config: filepath.Join(s.folder, "sysbench.cnf")}
	password := rand.Text()
	settings := fmt.Sprintf("mysql-host=127.0.0.1\nmysql-port=%d\nmysql-user=bench\nmysql-password=%s\nmysql-db=load\ntables=4\ntable-size=25000\n",
		s.cluster.Primary().PeerPort(), password)
	if err := os.WriteFile(l.config, []byte(settings), 0o600); err != nil {
		return nil, fmt.Errorf("write sysbench's options: %w", err)
	}
	err = s.cluster.Primary().Exec(ctx, "CREATE DATABASE `load`", "CREATE USER bench@'127.0.0.1' IDENTIFIED BY '"+password+"'", "GRANT ALL ON `load`.* TO bench@'127.0.0.1'")
	if err != nil {
		return nil, err
	}
	say("preparing the load's tables")
	if _, err := l.sysbench(ctx, nil, "prepare"); err != nil {
		return nil, err
	}
	say("finding out what the primary can do")
	free, err := l.sysbench(ctx, nil, "--time=10", "run")
	if err != nil {
		return nil, err
	}
	l.rate = max(int(share*median(free, func(s second) float64 { return s.tps })), 1)
	say("the load is %d transactions a second from %d clients", l.rate, threads)
	return l, nil
}

var line = regexp.MustCompile(`^\[ \d+s \] thds: \d+ tps: ([0-9.]+) .* lat \(ms,99%\): ([0-9.]+) `)

// parse reads one of sysbench's reports, which comes once a second.
func parse(text string, at time.Time) (second, bool) {
	m := line.FindStringSubmatch(text)
	if m == nil {
		return second{}, false
	}
	tps, errT := strconv.ParseFloat(m[1], 64)
	ms, errL := strconv.ParseFloat(m[2], 64)
	return second{at: at, tps: tps, p99: time.Duration(ms * float64(time.Millisecond))}, errT == nil && errL == nil
}

// sysbench runs it to its end, or until ctx ends, which is no error then; each second is told as it comes.
func (l *load) sysbench(ctx context.Context, tell func(second), arguments ...string) ([]second, error) {
	scripts := filepath.Join(l.program.Root, "usr/share/sysbench")
	command := l.program.Command(append([]string{filepath.Join(scripts, "oltp_read_write.lua"), "--config-file=" + l.config,
		"--threads=" + strconv.Itoa(l.threads), "--report-interval=1", "--percentile=99", "--db-ps-mode=auto", "--mysql-ignore-errors=1213,1020"}, arguments...)...)
	run := exec.CommandContext(ctx, command[0], command[1:]...)
	plugins, err := filepath.Glob(filepath.Join(l.program.Root, "usr/lib/*/libmariadb3/plugin"))
	if err != nil || len(plugins) == 0 {
		return nil, fmt.Errorf("sysbench's packages hold no plugins of libmariadb, so that it cannot log in")
	}
	run.Env = append(os.Environ(), "LUA_PATH="+filepath.Join(scripts, "?.lua"), "MARIADB_PLUGIN_DIR="+plugins[0])
	output, err := run.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start sysbench: %w", err)
	}
	run.Stderr = run.Stdout
	if err := run.Start(); err != nil {
		return nil, fmt.Errorf("start sysbench: %w", err)
	}
	var seconds []second
	var rest []string
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if one, ok := parse(lines.Text(), time.Now()); ok {
			seconds = append(seconds, one)
			if tell != nil {
				tell(one)
			}
			continue
		}
		rest = append(rest, lines.Text())
	}
	if err := run.Wait(); err != nil && ctx.Err() == nil {
		return nil, errors.Join(fmt.Errorf("sysbench: %w", err), errors.New(strings.Join(rest, "\n")))
	}
	return seconds, nil
}

// running is the load in the background; its seconds are complete once it has ended.
type running struct {
	stop    context.CancelFunc
	ended   chan error
	seconds []second
}

func (l *load) start(ctx context.Context) *running {
	ctx, stop := context.WithCancel(ctx)
	r := &running{stop: stop, ended: make(chan error, 1)}
	go func() {
		_, err := l.sysbench(ctx, func(s second) {
			r.seconds = append(r.seconds, s)
		}, "--time=0", "--rate="+strconv.Itoa(l.rate), "run")
		r.ended <- err
	}()
	return r
}

// end stops the load; its seconds can be read then.
func (r *running) end() error {
	r.stop()
	return <-r.ended
}
