package channel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// MaxPassword is the longest replication password that a channel takes (MySQL manual: SOURCE_PASSWORD).
const MaxPassword = 32

// Source is the server to replicate from, as the secondary reaches it, and as whom.
type Source struct {
	Host string
	Port int
	User string
	// Password is left out of every format verb and of JSON.
	Password string `json:"-"`
	// Options by their name in CHANGE REPLICATION SOURCE go over the noted ones, such as SOURCE_SSL.
	Options map[string]string
}

// Format implements fmt.Formatter: no verb shows the password.
func (s Source) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%s@%s:%d", s.User, s.Host, s.Port) }

// Stop stops every channel; it is no error when none runs.
func Stop(ctx context.Context, c *node.Claim) error {
	return c.Exec(ctx, "stop replication", "STOP REPLICA")
}

// Forget stops and forgets every channel with its relay logs and options.
func Forget(ctx context.Context, c *node.Claim) error {
	if err := Stop(ctx, c); err != nil {
		return err
	}
	return c.Exec(ctx, "forget replication", "RESET REPLICA ALL")
}

// Follow makes the default channel replicate from the source with the noted options and filters, and starts it. The delay is
// 0 until SetDelay: a copy is proven before it may lag on purpose. It may be run again: a channel that runs with all of this
// is left alone, anything else is forgotten and set up anew (a channel cloned from a donor may have run already).
func Follow(ctx context.Context, c *node.Claim, source Source, note Note) error {
	if source.Host == "" || source.Port <= 0 || source.User == "" {
		return node.Wrap(c.Name(), "follow the primary", errors.New("the source needs host, port and user"))
	}
	if len(source.Password) > MaxPassword {
		return node.Wrap(c.Name(), "follow the primary", fmt.Errorf("the replication password has %d characters; MySQL takes at most %d", len(source.Password), MaxPassword))
	}
	// All that can be refused here is refused before anything is forgotten.
	want := wanted(source, note)
	parts, args, err := clauses(want)
	if err != nil {
		return node.Wrap(c.Name(), "follow the primary", err)
	}
	filters, err := filterStatements(note.Filters)
	if err != nil {
		return node.Wrap(c.Name(), "follow the primary", err)
	}
	follows, err := already(ctx, c, source, want, note.Filters)
	if err != nil || follows {
		return err
	}
	if err := Forget(ctx, c); err != nil {
		return err
	}
	parts = append([]string{"SOURCE_HOST = ?", "SOURCE_PORT = " + strconv.Itoa(source.Port), "SOURCE_USER = ?", "SOURCE_PASSWORD = ?", "SOURCE_AUTO_POSITION = 1"}, parts...)
	args = append([]any{source.Host, source.User, source.Password}, args...)
	err = c.ExecSecret(ctx, "set up the channel", []string{source.Password},
		"CHANGE REPLICATION SOURCE TO "+strings.Join(parts, ", ")+" FOR CHANNEL ''", args...)
	if err != nil {
		return err
	}
	for _, f := range filters { // while the applier does not run
		if err := c.Exec(ctx, "put back a replication filter", f.statement, f.args...); err != nil {
			return err
		}
	}
	return c.Exec(ctx, "start replication", "START REPLICA FOR CHANNEL ''")
}

// wanted are the options the channel is to have: noted, then given, then what a new channel needs.
func wanted(source Source, note Note) map[string]string {
	want := map[string]string{}
	maps.Copy(want, note.Options)
	maps.Copy(want, source.Options)
	want[optionDelay] = "0"
	// Without TLS caching_sha2_password needs the source's public key; with TLS it is not asked for.
	if _, said := want[optionPublicKey]; !said {
		want[optionPublicKey] = "1"
	}
	return want
}

func already(ctx context.Context, c *node.Claim, source Source, want map[string]string, filters []Filter) (bool, error) {
	now, err := Take(ctx, c)
	if err != nil && !errors.Is(err, ErrAmbiguousFilter) {
		return false, err
	}
	if err != nil || !now.Configured || !now.AutoPosition || now.AssignGTIDs != "" || now.Host != source.Host || now.Port != source.Port || now.User != source.User {
		return false, nil
	}
	for name, value := range want {
		if now.Options[name] != value {
			return false, nil
		}
	}
	if !sameFilters(now.Filters, filters) {
		return false, nil
	}
	channels, err := node.ReadReplication(ctx, c)
	if err != nil {
		return false, err
	}
	// Connecting is not enough: perhaps it will never get in, with another password.
	return len(channels) == 1 && channels[0].Running(), nil
}

// Rests reports whether the default channel stands still without an error, which nobody's waiting mends.
func Rests(channels []node.Channel) bool {
	ch, err := defaultChannel(channels)
	if err != nil {
		return false
	}
	_, failed := ch.ApplierFailure()
	return !failed && ch.IOErrno == 0 && (ch.IO == "No" || !ch.SQL)
}

// Resume starts a channel that Rests: when a server restarts behind its fence nothing starts replication (skip_replica_start). One that
// stopped by an error is left alone, for whoever waits for it to name. It may be run again.
func Resume(ctx context.Context, c *node.Claim) error {
	channels, err := node.ReadReplication(ctx, c)
	if err != nil || !Rests(channels) {
		return err
	}
	return c.Exec(ctx, "start replication", "START REPLICA FOR CHANNEL ''")
}

// SetDelay puts the noted delay back, once the copy is proven. It may be run again.
func SetDelay(ctx context.Context, c *node.Claim, note Note) error {
	delay := note.DelaySeconds()
	now, err := Take(ctx, c)
	if err != nil || now.DelaySeconds() == delay && now.SQL {
		return err
	}
	if !numberPattern.MatchString(delay) {
		return node.Wrap(c.Name(), "put back the delay", fmt.Errorf("noted delay %q is no number", delay))
	}
	if err := c.Exec(ctx, "stop the applier", "STOP REPLICA SQL_THREAD FOR CHANNEL ''"); err != nil {
		return err
	}
	if err := c.Exec(ctx, "put back the delay", "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = "+delay+" FOR CHANNEL ''"); err != nil {
		return err
	}
	return c.Exec(ctx, "start the applier", "START REPLICA SQL_THREAD FOR CHANNEL ''")
}
