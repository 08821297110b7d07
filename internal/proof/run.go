package proof

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// engine is one Run.
type engine struct {
	options   Options
	primary   server
	replicas  []*replica
	progress  *reporter
	traffic   traffic // when the run began
	batching  bool    // every server can hash small tables
	seesLocks bool    // every server shows who waits for a metadata lock
}

// Run compares each secondary with the primary and gives one proof per secondary, in the order given. A difference is a result, not an
// error; an error means that no proof could be had (see ErrNoPair, ErrNotReplicating, ErrBehind, ErrUnfit), and whatever was
// found is dropped except for what Progress.Resume carries. The primary is read once for all secondaries. One of
// several secondaries that fails drops out: its proof is incomplete and says why.
//
// Nothing is changed on any server but this: each secondary's applier stands still for moments and is running again on every
// return, a cancelled ctx included. A worker that died in between leaves it stopped: see EnsureApplier.
//
// report may be nil. It is called about once a second and at every change of stage, never twice at a time.
func Run(ctx context.Context, primary Side, secondaries []Side, options Options, report func(Progress)) ([]contract.Proof, error) {
	e := &engine{options: options.withDefaults(), progress: newReporter(report)}
	defer e.progress.stop()
	defer e.close()
	if len(secondaries) == 0 {
		return nil, fmt.Errorf("no secondary to prove: %w", ErrUnfit)
	}
	if err := e.open(ctx, primary, secondaries); err != nil {
		return nil, err
	}
	layers := []struct {
		name contract.ProofLayerName
		do   func(context.Context) error
		skip bool
	}{
		{name: contract.ProofClone, do: e.proveClone, skip: e.options.Clone == nil},
		{name: contract.ProofGTIDs, do: e.proveGTIDs},
		{name: contract.ProofSchema, do: e.proveSchema},
		{name: contract.ProofAccounts, do: e.proveAccounts},
		{name: contract.ProofSettings, do: e.proveSettings},
		{name: contract.ProofRows, do: e.proveRows, skip: e.options.SkipRows},
		{name: contract.ProofService, do: e.proveService},
	}
	for _, layer := range layers {
		if layer.skip && layer.name == contract.ProofClone {
			continue // a node that was not refilled has no clone to speak of
		}
		if layer.skip {
			for _, r := range e.alive() {
				l := r.begin(layer.name)
				l.Verdict, l.Notes = contract.ProofSkipped, []string{"left out on request: nothing is said about " + string(layer.name)}
			}
			continue
		}
		if err := e.prove(ctx, layer.name, layer.do); err != nil {
			return nil, err
		}
	}
	// Writes on a secondary while it was proven would make the proof one of the past.
	for {
		err := e.lookForErrant(ctx)
		if err == nil {
			break
		}
		if !e.drop(ctx, err) {
			return nil, err
		}
	}
	out := make([]contract.Proof, len(e.replicas))
	for i, r := range e.replicas {
		if r.lost != nil {
			out[i] = r.concludeLost()
		} else {
			out[i] = r.conclude()
		}
	}
	return out, nil
}

// prove does one layer, and begins it again for the others when a secondary drops out.
func (e *engine) prove(ctx context.Context, name contract.ProofLayerName, do func(context.Context) error) error {
	for {
		e.progress.stage(string(name))
		began := time.Now()
		for _, r := range e.alive() {
			r.begin(name)
		}
		err := do(ctx)
		if err == nil {
			for _, r := range e.alive() {
				r.layer(name).Milliseconds = time.Since(began).Milliseconds()
			}
			return nil
		}
		if !e.drop(ctx, err) {
			return err
		}
		for _, r := range e.alive() {
			r.result.Layers = r.result.Layers[:len(r.result.Layers)-1]
		}
	}
}

func (e *engine) open(ctx context.Context, primary Side, secondaries []Side) error {
	var err error
	if e.primary, err = openServer(ctx, primary, e.options.Streams); err != nil {
		return err
	}
	var absent []error
	for i, side := range secondaries {
		r := &replica{index: i, service: side.Service, result: contract.Proof{Node: side.Name, Primary: primary.Name, Started: time.Now().UTC()}}
		e.replicas = append(e.replicas, r)
		if r.server, err = openServer(ctx, side, e.options.Streams); err != nil {
			absent = append(absent, e.blame(r, err))
		} else if r.uuid == e.primary.uuid {
			return fmt.Errorf("%s and %s are one server (%s): %w", primary.Name, side.Name, r.uuid, ErrUnfit)
		}
	}
	if err := errors.Join(absent...); err != nil && !e.drop(ctx, err) {
		return err
	}
	if err := e.checkFitness(ctx); err != nil {
		return err
	}
	if e.traffic, err = readTraffic(ctx, e.primary.control); err != nil {
		return err
	}
	absent = nil
	for _, r := range e.alive() {
		absent = append(absent, e.blame(r, r.findChannel(ctx, &e.primary)))
	}
	if err := errors.Join(absent...); err != nil && !e.drop(ctx, err) {
		return err
	}
	return nil
}

func (e *engine) close() {
	e.primary.close()
	for _, r := range e.replicas {
		r.server.close()
	}
}

// checkFitness wants the settings and privileges without which a proof would be wrong, not merely fail.
func (e *engine) checkFitness(ctx context.Context) error {
	var problems []error
	add := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: "+format, append([]any{name}, args...)...))
	}
	servers := []*server{&e.primary}
	for _, r := range e.alive() {
		servers = append(servers, &r.server)
	}
	e.batching, e.seesLocks = true, true
	for i, s := range servers {
		settings, err := s.control.value(ctx, "SELECT CONCAT_WS(' ', @@global.gtid_mode, @@global.log_bin, @@global.binlog_order_commits)")
		if err != nil {
			return err
		}
		saw := strings.Fields(settings)
		if len(saw) != 3 || saw[0] != "ON" {
			add(s.name, "gtid_mode, log_bin and binlog_order_commits are %q, want the first ON", settings)
		} else if i == 0 && (saw[1] != "1" || saw[2] != "1") {
			add(s.name, "log_bin=%s binlog_order_commits=%s, want both 1: without them a snapshot cannot be tied to a set of transactions; SET GLOBAL binlog_order_commits=ON", saw[1], saw[2])
		}
		fits, err := s.control.hashesPackets(ctx)
		if err != nil {
			return err
		}
		e.batching = e.batching && fits
		locks, err := s.control.value(ctx, "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OWNER_THREAD_ID=PS_CURRENT_THREAD_ID()")
		if err != nil {
			return err
		}
		e.seesLocks = e.seesLocks && locks != "0" // at least that on the table it is read from
		if e.options.ServerSide && !fits {
			add(s.name, "max_allowed_packet is below %d, which hashing rows on the server needs; SET GLOBAL max_allowed_packet, or let the client hash", packetNeeded)
		}
		missing, err := s.missingPrivileges(ctx)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			add(s.name, "the account lacks %s on *.*; what it cannot see would look equal on both sides", strings.Join(missing, ", "))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", ErrUnfit, errors.Join(problems...))
	}
	return nil
}

// neededPrivileges make definitions visible: without them the server leaves objects or their texts out, silently. Routines need no more
// than SELECT on *.* (MySQL manual: SHOW CREATE PROCEDURE).
var neededPrivileges = []string{"SELECT", "SHOW VIEW", "TRIGGER", "EVENT"}

// missingPrivileges looks at the account's global grants, with those of its active roles.
func (s *server) missingPrivileges(ctx context.Context) ([]string, error) {
	granted := map[string]bool{}
	role, err := s.control.value(ctx, "SELECT CURRENT_ROLE()")
	if err != nil {
		return nil, err
	}
	show := "SHOW GRANTS"
	if role != "" && role != "NONE" {
		show += " FOR CURRENT_USER() USING " + role
	}
	rows, err := s.control.Conn.QueryContext(ctx, show)
	if err != nil {
		return nil, nodeError(ctx, s.name, "SHOW GRANTS", err)
	}
	defer rows.Close()
	var revoked []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, nodeError(ctx, s.name, "SHOW GRANTS", err)
		}
		if list, _, found := strings.Cut(strings.TrimPrefix(line, "GRANT "), " ON *.* TO "); found && strings.HasPrefix(line, "GRANT ") {
			for _, p := range strings.Split(list, ",") {
				granted[strings.TrimSpace(p)] = true
			}
		}
		if list, on, found := strings.Cut(strings.TrimPrefix(line, "REVOKE "), " ON "); found && strings.HasPrefix(line, "REVOKE ") {
			on, _, _ = strings.Cut(on, ".* FROM ")
			revoked = append(revoked, list+" (revoked on "+on+")")
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nodeError(ctx, s.name, "SHOW GRANTS", err)
	}
	var missing []string
	for _, p := range neededPrivileges {
		if !granted[p] && !granted["ALL PRIVILEGES"] {
			missing = append(missing, p)
		}
	}
	return append(missing, revoked...), nil
}
