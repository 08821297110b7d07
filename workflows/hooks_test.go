package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// places is which hooks were called, and for which node.
func (s *story) places() []string {
	var places []string
	for _, call := range s.called {
		places = append(places, string(call.Place)+" "+call.Node)
	}
	return places
}

func TestHooksAreCalledAtTheirPlaces(t *testing.T) {
	s := tell(t, "a", "b")
	s.cluster.hooked = inventory.HookPlaces()
	report := s.run()
	require.Equal(t, contract.OutcomeSucceeded, report.Outcome)
	require.Equal(t, []string{
		"runStart ", "beforeFence a", "afterReturn a", "beforeFence b", "afterReturn b", "runEnd ",
	}, s.places())
	require.Equal(t, []string{"runStart answered", "runEnd answered"}, report.Notes)
	require.Contains(t, s.nodeReport("a").Notes, "afterReturn answered")
	last := s.called[len(s.called)-1]
	require.Equal(t, contract.OutcomeSucceeded, last.Outcome)
	require.Equal(t, report.Plan.ID, last.Plan)
	require.Equal(t, contract.StandingProven, s.called[2].Standing)
	require.Less(t, s.index("done", "Note", "a"), s.index("done", "Hook", "a"))
	require.Less(t, s.index("done", "Hook", "a"), s.index("done", "Fence", "a"))
}

func TestOnlyDeclaredHooksAreCalled(t *testing.T) {
	s := tell(t, "a")
	s.cluster.hooked = []inventory.HookPlace{inventory.HookAfterReturn}
	s.run()
	require.Equal(t, []string{"afterReturn a"}, s.places())
}

func TestARunWhoseFirstHookStopsItTouchesNothing(t *testing.T) {
	s := tell(t, "a")
	s.cluster.hooked = inventory.HookPlaces()
	s.fault("Hook", "", fault{err: lasting(contract.ErrorHook)})
	report := s.run()
	require.Equal(t, contract.OutcomeRefused, report.Outcome)
	require.Equal(t, contract.ErrorHook, report.ErrorType)
	require.Empty(t, report.Nodes)
	require.Equal(t, []string{"runEnd "}, s.places(), "what the first hook began has to be ended")
}

func TestANodeWhoseHookStopsItIsLeftAsItWas(t *testing.T) {
	s := tell(t, "a", "b")
	s.cluster.hooked = inventory.HookPlaces()
	s.fault("Hook", "a", fault{err: lasting(contract.ErrorHook)})
	report := s.run()
	require.Equal(t, contract.OutcomePartlySucceeded, report.Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Equal(t, contract.ErrorHook, s.nodeReport("a").ErrorType)
	require.Zero(t, s.count("asked", "Fence", "a"))
	require.Equal(t, contract.StandingProven, s.standing("b"))
	require.Contains(t, s.places(), "afterReturn a", "it is in service: what its hook began has to be undone")
}

func TestAReleasedNodeIsGivenBackAndAFencedOneIsNot(t *testing.T) {
	s := tell(t, "a", "b")
	s.cluster.hooked = inventory.HookPlaces()
	s.fault("Rehearse", "a", fault{err: lasting(contract.ErrorRehearsal)})
	s.fault("Clone", "b", fault{err: lasting(contract.ErrorClone)})
	report := s.run()
	require.Equal(t, contract.OutcomeFailed, report.Outcome)
	require.Equal(t, contract.StandingUntouched, s.standing("a"))
	require.Equal(t, contract.StandingFenced, s.standing("b"))
	require.Contains(t, s.places(), "afterReturn a")
	require.NotContains(t, s.places(), "afterReturn b")
}
