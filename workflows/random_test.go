package workflows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestWhateverHappens plays runs of random clusters in which random steps fail and people do random things at random moments. Every run
// ends, and keeps every law of laws_test.go.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := tell(t, []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(t, "secondaries")]...)
		s.mayEndEarly = true
		drawServers(t, s)
		drawRequest(t, s)
		faults := drawFaults(t, s)
		events := drawEvents(t, s)
		sound := !slices.ContainsFunc(s.cluster.all, func(n *server) bool {
			return n.corrupts || n.gaps || (n.differs || !n.following) && s.request.Mode == contract.ModeVerify
		})
		plan := s.cluster.plan(s.request)
		// Nodes that are out of service are healed first; then one more than the floor must be there to begin with those that serve.
		able := 0
		for _, node := range plan.Secondaries {
			if !node.Delayed() && (node.Chosen || node.Serving) {
				able++
			}
		}
		enough := able > plan.MinServing

		report := s.run()

		if faults+events == 0 && sound && enough {
			require.True(t, report.Outcome.Good(), "nothing was in its way")
		}
	})
}

func drawServers(t *rapid.T, s *story) {
	var late []string
	for _, node := range s.cluster.all {
		switch rapid.SampledFrom([]string{"healthy", "healthy", "wreck", "stopped", "lags", "lags", "delayed", "errant", "differs", "corrupts", "gaps"}).Draw(t, node.name) {
		case "wreck":
			node.fenced, node.wreck, node.following = true, true, false
		case "stopped":
			node.serving, node.following = false, false
		case "lags":
			node.lags = true
			if rapid.Bool().Draw(t, "catches up") {
				late = append(late, node.name)
			}
		case "delayed":
			node.delay = 3600
		case "errant":
			node.errant = "uuid-of-" + node.name + ":1"
		case "differs":
			node.differs = true
		case "corrupts":
			node.corrupts = true
		case "gaps":
			node.gaps = true
		}
	}
	// A plan may wait for its approval for a day.
	s.whenDone("Preconditions", "", func() {
		for _, name := range late {
			s.catchUp(name)
		}
	})
}

func drawRequest(t *rapid.T, s *story) {
	s.request.Mode = rapid.SampledFrom([]contract.Mode{contract.ModeResync, contract.ModeResync, contract.ModeRepair, contract.ModeVerify}).Draw(t, "mode")
	if rapid.IntRange(0, 3).Draw(t, "some nodes") == 0 {
		s.request.Nodes = []string{drawNode(t, s)}
	}
	s.request.MaxParallel = rapid.IntRange(1, 3).Draw(t, "maxParallel")
	s.request.Donors = rapid.SampledFrom([]contract.Donors{contract.DonorsAny, contract.DonorsPrimary}).Draw(t, "donors")
	s.cluster.fencedDonors = rapid.Bool().Draw(t, "fencedDonors")
	if rapid.Bool().Draw(t, "floor") {
		floor := rapid.IntRange(0, 2).Draw(t, "minServing")
		s.request.MinServing = &floor
	}
	// Losses are consented to, by a person who comes some time later and approves whatever plan there is.
	s.request.UnreplicatedWrites = rapid.SampledFrom([]contract.UnreplicatedWrites{
		contract.UnreplicatedDiscard, contract.UnreplicatedRescue,
	}).Draw(t, "unreplicatedWrites")
	s.cluster.audited = rapid.Bool().Draw(t, "audited")
	if rapid.Bool().Draw(t, "hooked") {
		s.cluster.hooked = inventory.HookPlaces()
	}
	if rapid.Bool().Draw(t, "quiet") {
		s.request.Quiet = &contract.Quiet{}
	}
	if s.cluster.plan(s.request).Destroys() || s.request.Mode == contract.ModeRepair || rapid.Bool().Draw(t, "awaited") {
		s.request.Confirm = ""
		s.env.RegisterDelayedCallback(func() {
			progress, err := s.progress()
			if err == nil && progress.Plan != nil {
				s.signal(contract.RequestApprove, contract.Approve{Plan: progress.Plan.ID, Cluster: "shop", By: "bob"})
			}
		}, time.Hour)
	}
}

var steps = append(strings.Fields(whole), "Rescue", "Hook", "Release", "Inspect")

func drawNode(t *rapid.T, s *story) string {
	return rapid.SampledFrom(s.cluster.all).Draw(t, "node").name
}

func drawFaults(t *rapid.T, s *story) int {
	count := rapid.IntRange(0, 4).Draw(t, "faults")
	for range count {
		step, node := rapid.SampledFrom(steps).Draw(t, "step"), drawNode(t, s)
		faults := map[string]fault{
			"once":             {err: passing(contract.ErrorUnreachable)},
			"once, work done":  {err: passing(contract.ErrorWorkerStopped), after: true},
			"for good":         {err: lasting(contract.ErrorMySQL)},
			"good, work done":  {err: lasting(contract.ErrorMySQL), after: true},
			"again and again":  {err: passing(contract.ErrorUnreachable), always: true},
			"again, work done": {err: passing(contract.ErrorUnreachable), always: true, after: true},
		}
		kinds := []string{"once", "once, work done", "for good", "good, work done", "again and again", "again, work done"}
		if step == "Rehearse" || step == "Clone" {
			// A donor that is busy for ever is waited for as long.
			faults["donor"], faults["donor busy"] = fault{err: ofDonor(contract.ErrorClone)}, fault{err: ofDonor(contract.ErrorDonorBusy)}
			faults["donor, again and again"] = fault{err: ofDonor(contract.ErrorClone), always: true}
			kinds = append(kinds, "donor", "donor busy", "donor, again and again")
		}
		s.fault(step, node, faults[rapid.SampledFrom(kinds).Draw(t, fmt.Sprintf("fault of %s on %s", step, node))])
	}
	if rapid.IntRange(0, 9).Draw(t, "mail") == 0 {
		s.fault("MailReport", "", fault{err: lasting(contract.ErrorMail)})
	}
	return count
}

// drawEvents lets people do things while a step of a node is at work.
func drawEvents(t *rapid.T, s *story) int {
	count := rapid.IntRange(0, 3).Draw(t, "events")
	for range count {
		step, node := rapid.SampledFrom(steps).Draw(t, "while"), drawNode(t, s)
		other := drawNode(t, s)
		events := map[string]func(){
			"cancel":      s.cancel,
			"lock ended":  func() { s.endLock(lockID) },
			"abort":       func() { s.signal(contract.RequestAbort, contract.Abort{Node: other}) },
			"pause":       func() { s.signal(contract.RequestPause, nil) },
			"failover":    func() { s.mu.Lock(); defer s.mu.Unlock(); s.cluster.anotherPrimary = true },
			"stray write": func() { s.strayWrite(other) },
			"catch up":    func() { s.catchUp(other) },
			"throttle":    func() { s.update(contract.RequestThrottle, contract.Throttle{MiBps: 10}) },
		}
		kinds := []string{"cancel", "lock ended", "abort", "pause", "failover", "stray write", "catch up", "throttle", "terminate"}
		kind := rapid.SampledFrom(kinds).Draw(t, fmt.Sprintf("event during %s of %s", step, node))
		switch {
		case kind == "terminate":
			s.terminateAfter(step, node)
		case rapid.Bool().Draw(t, "work done"):
			s.whenDone(step, node, events[kind])
		default:
			s.when(step, node, events[kind])
		}
	}
	// Whoever paused comes back, as often as there may be pauses.
	for i := range count {
		s.env.RegisterDelayedCallback(func() { s.signal(contract.RequestResume, nil) }, time.Duration(i+1)*100*time.Hour)
	}
	return count
}

// catchUp brings a secondary into service that was far behind, unless the run has begun it: between its last look and the fence nobody can
// tell.
func (s *story) catchUp(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count("begun", contract.NodeWorkflowID("shop", name), name) == 0 {
		s.cluster.node(name).lags = false
	}
}

// strayWrite is a write of a client on a secondary, which only its fence keeps away.
func (s *story) strayWrite(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if node := s.cluster.node(name); !node.fenced && node.data == own {
		node.errant += "+"
	}
}
