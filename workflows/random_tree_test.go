package workflows_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestWhateverHappensToATree plays runs in which several nodes are copied at the same time, donors fail them in front of their erase and
// behind it, and people stop, hold and give up what they will meanwhile. Every run ends, and keeps every law of laws_test.go.
func TestWhateverHappensToATree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := tell(t, []string{"a", "b", "c", "d", "e", "f"}[:rapid.SampledFrom([]int{6, 5, 4}).Draw(t, "secondaries")]...)
		s.mayEndEarly = true
		s.request.MaxParallel = rapid.SampledFrom([]int{6, 3, 2}).Draw(t, "maxParallel")
		floor := rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "minServing")
		s.request.MinServing = &floor
		s.request.Donors = rapid.SampledFrom([]contract.Donors{contract.DonorsAny, contract.DonorsAny, contract.DonorsPrimary}).Draw(t, "donors")
		s.cluster.fencedDonors = rapid.Bool().Draw(t, "fencedDonors")
		for _, node := range s.cluster.all {
			switch rapid.SampledFrom([]string{"healthy", "healthy", "healthy", "healthy", "wreck", "corrupts"}).Draw(t, node.name) {
			case "wreck":
				node.fenced, node.wreck, node.following = true, true, false
			case "corrupts":
				node.corrupts = true
			}
			drawDonorFaults(t, s, node.name)
			for _, step := range []string{"Rehearse", "Clone", "Verify"} {
				happens := drawTreeEvent(t, s, step+" of "+node.name)
				s.when(step, node.name, func() { happens(); s.linger() })
			}
		}
		s.run()
	})
}

// linger lets the other nodes go on for a few of their steps.
func (s *story) linger() {
	for range 10 {
		s.settle()
	}
}

func drawDonorFaults(t *rapid.T, s *story, node string) {
	early, late := ofDonor(contract.ErrorDonorBusy), ofDonor(contract.ErrorClone)
	faults := map[string]map[string][]fault{
		"rehearsals": {"Rehearse": {{err: early}, {err: early}}},
		"rehearsal":  {"Rehearse": {{err: early}}},
		"clone":      {"Clone": {{err: late}}},
		"busy":       {"Clone": {{err: early}, {err: early}, {err: early}}},
		"both":       {"Rehearse": {{err: early}}, "Clone": {{err: late}, {err: early}}},
		"for ever":   {"Clone": {{err: late, always: true}}},
		"its own":    {"Clone": {{err: lasting(contract.ErrorMySQL)}}},
	}
	kinds := []string{"none", "none", "none", "none", "none", "none", "rehearsals", "rehearsal", "clone", "clone", "busy", "both", "for ever", "its own"}
	drawn := faults[rapid.SampledFrom(kinds).Draw(t, "faults of "+node)]
	for _, step := range []string{"Rehearse", "Clone"} {
		s.fault(step, node, drawn[step]...)
	}
}

func drawTreeEvent(t *rapid.T, s *story, during string) func() {
	other := drawNode(t, s)
	last := rapid.SampledFrom([]string{"Rehearse", "Clone", "Follow", "Verify"}).Draw(t, "last step")
	events := map[string]func(){
		"cancel":    s.cancel,
		"lost lock": func() { s.endLock(lockID) },
		"failover":  func() { s.mu.Lock(); defer s.mu.Unlock(); s.cluster.anotherPrimary = true },
		"abort":     func() { s.signal(contract.RequestAbort, contract.Abort{Node: other}) },
		"told":      func() { s.update(contract.RequestAbort, contract.Abort{Node: other}) },
		"throttle":  func() { s.update(contract.RequestThrottle, contract.Throttle{MiBps: 10}) },
		"terminate": func() { s.terminateAfter(last, other) },
		"pause": func() {
			s.signal(contract.RequestPause, nil)
			s.onLoop(func() {
				s.env.RegisterDelayedCallback(func() { s.signal(contract.RequestResume, nil) }, time.Hour)
			})
		},
	}
	kinds := append(slices.Repeat([]string{"nothing"}, 24), "cancel", "abort", "abort", "told", "throttle", "pause", "pause", "terminate", "terminate",
		"lost lock", "failover")
	if happens := events[rapid.SampledFrom(kinds).Draw(t, fmt.Sprintf("event during %s", during))]; happens != nil {
		return happens
	}
	return func() {}
}
