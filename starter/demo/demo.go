// Package demo tells the whole story on real servers: a shop whose secondaries have gone wrong, each in a way of its own, the refusal to
// destroy what only one of them has, the resync, the proof and the mail. It drives the product as a person would, by the starter's own
// commands, and checks the result with means that share no code with the product's proof.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/shop"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Options of a demo.
type Options struct {
	// Out is where the story goes.
	Out io.Writer
	// Folder of the sandbox; empty makes one below the system's folder for temporary files.
	Folder string
	// Bytes is about how large the shop becomes; 0 means shop.DefaultBytes.
	Bytes int64
	// Keep leaves everything up at the end.
	Keep bool
	// Starter carries out one command line of the starter against the sandbox's Temporal and returns its exit code.
	Starter func(ctx context.Context, temporalAddress string, args ...string) int
}

const (
	cluster = "shop"
	// watch is the watch period of the demo's run; the product's default is longer.
	watch = "15s"
)

// story is a demo under way.
type story struct {
	Options
	cluster *sandbox.Cluster
	writer  *shop.Writer
	chapter int
	began   time.Time
}

// Run tells the story. Whatever happens, everything is stopped at the end unless Keep says otherwise.
func Run(ctx context.Context, options Options) (err error) {
	s := &story{Options: options, began: time.Now()}
	if s.Folder == "" {
		parent, err := os.MkdirTemp("", "clusterresync-demo-")
		if err != nil {
			return fmt.Errorf("make the demo's folder: %w", err)
		}
		s.Folder = filepath.Join(parent, "sandbox")
		if !s.Keep {
			defer os.RemoveAll(parent)
		}
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.end(context.WithoutCancel(ctx))) }()
	for _, chapter := range []struct {
		title string
		tell  func(context.Context) error
	}{
		{"A shop is loaded on the primary, and its customers never stop", s.open},
		{"Each secondary goes wrong in a way of its own", s.harm},
		{"A verification finds what replication does not know of; it changes nothing", s.verify},
		{"A resync is refused: it would destroy writes that only db3 has", s.refusal},
		{"The plan that gives these writes up", s.plan},
		{"The resync of that very plan, with consent", s.resync},
		{"An independent look: CHECKSUM TABLE of every table on every node, the writer stopped", s.look},
	} {
		s.chapter++
		s.say("\n== %d. %s\n", s.chapter, chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return fmt.Errorf("chapter %d: %w", s.chapter, err)
		}
	}
	s.say("\nAll is well, after %s. The mail of each run lies in %s\nThe runs in Temporal's UI: %s", time.Since(s.began).Round(time.Second),
		s.cluster.Outbox(), s.cluster.Temporal.UI())
	return nil
}

func (s *story) start(ctx context.Context) error {
	s.say("== 0. Real servers: Temporal, and MySQL with one primary and three secondaries\n")
	program, err := WorkerProgram(ctx, s.say)
	if err != nil {
		return err
	}
	s.cluster, err = sandbox.Up(ctx, sandbox.Options{
		Folder: s.Folder, Name: cluster, Nodes: sandbox.Nodes(4), Temporal: &sandbox.TemporalOptions{}, Tied: !s.Keep, Say: s.say,
	})
	if err != nil {
		return err
	}
	s.say("MySQL %s in %s; Temporal's UI: %s", s.cluster.MySQLVersion(), s.cluster.Folder, s.cluster.Temporal.UI())
	if _, err := s.cluster.StartWorker("", program); err != nil {
		return errors.Join(err, s.cluster.Down(context.WithoutCancel(ctx), sandbox.DownOptions{Now: true}))
	}
	return nil
}

func (s *story) end(ctx context.Context) error {
	if s.writer != nil {
		s.writer.Stop()
	}
	if s.Keep {
		s.say("\nEverything is left up. To play on:\n  . %s\n  go run ./starter plan %s\nTo end it:\n  go run ./starter sandbox down --folder %s",
			s.cluster.Environment(), cluster, s.cluster.Folder)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s.showMails()
	if err := s.cluster.Down(ctx, sandbox.DownOptions{}); err != nil {
		return fmt.Errorf("stop the sandbox: %w", err)
	}
	s.say("Everything is stopped.")
	return nil
}

// showMails prints the subjects: without Keep the files go with the sandbox.
func (s *story) showMails() {
	mails, _ := filepath.Glob(filepath.Join(s.cluster.Outbox(), "*.eml"))
	for _, path := range mails {
		s.say("mail %s: %s", filepath.Base(path), subject(path))
	}
}

func (s *story) open(ctx context.Context) error {
	db, err := s.cluster.Primary().DB()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := shop.Create(ctx, db, shop.Options{Bytes: s.Bytes}); err != nil {
		return err
	}
	s.say("loaded in %s: two schemas, foreign keys, generated columns, JSON, BLOB, spatial data, partitions, a table without a key,\n"+
		"views, triggers, routines and an event", time.Since(began).Round(time.Second))
	s.writer = shop.NewWriter(db, shop.WriterOptions{})
	return s.writer.Start(ctx)
}

func (s *story) harm(ctx context.Context) error {
	primary, err := s.cluster.Primary().DB()
	if err != nil {
		return err
	}
	for _, node := range s.cluster.Secondaries() {
		if err := s.caughtUp(ctx, node); err != nil {
			return err
		}
		db, err := node.DB()
		if err != nil {
			return err
		}
		var harm shop.Harm
		switch node.Name {
		case "db2":
			harm, err = shop.HarmFallBehind(ctx, primary, db)
		case "db3":
			harm, err = shop.HarmErrantWrites(ctx, db)
		default:
			harm, err = shop.HarmSilentChange(ctx, db)
		}
		if err != nil {
			return fmt.Errorf("harm %s: %w", node.Name, err)
		}
		s.say("%s: %s", node.Name, harm.Sentence)
	}
	return nil
}

func (s *story) verify(ctx context.Context) error {
	return s.run(ctx, contract.OutcomeDiverged, "start", cluster, "--mode", "verify")
}

func (s *story) refusal(ctx context.Context) error {
	return s.run(ctx, contract.OutcomeRefused, "start", cluster, "--confirm", cluster)
}

func (s *story) plan(ctx context.Context) error {
	return s.run(ctx, contract.OutcomePlanned, "plan", cluster, "--unreplicated-writes", "discard")
}

func (s *story) resync(ctx context.Context) error {
	plan, err := s.planID(ctx)
	if err != nil {
		return err
	}
	return s.run(ctx, contract.OutcomeSucceeded, "start", cluster, "--unreplicated-writes", "discard", "--plan", plan,
		"--confirm", cluster, "--watch", watch)
}

// run types one command line and wants its outcome.
func (s *story) run(ctx context.Context, want contract.Outcome, args ...string) error {
	s.say("$ starter %s\n", strings.Join(args, " "))
	code := s.Starter(ctx, s.cluster.Temporal.Address(), args...)
	if err := ctx.Err(); err != nil {
		return err
	}
	if code != want.ExitCode() {
		return fmt.Errorf("starter %s ended with exit code %d, wanted %d (%s); the worker's log is %s",
			args[0], code, want.ExitCode(), want, s.cluster.WorkerLog())
	}
	s.say("\n(exit code %d, as it must be)", code)
	return nil
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }
