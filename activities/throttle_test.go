package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// parent is a Temporal client that answers one question.
type parent struct {
	client.Client
	progress contract.Progress
	err      error
	asked    []string
}

type answer struct{ progress contract.Progress }

func (a answer) HasValue() bool { return true }
func (a answer) Get(into any) error {
	payload, err := converter.GetDefaultDataConverter().ToPayload(a.progress)
	if err != nil {
		return err
	}
	return converter.GetDefaultDataConverter().FromPayload(payload, into)
}

func (p *parent) QueryWorkflow(_ context.Context, id, run, query string, _ ...any) (converter.EncodedValue, error) {
	p.asked = append(p.asked, id+" "+run+" "+query)
	if p.err != nil {
		return nil, p.err
	}
	return answer{p.progress}, nil
}

// A retry takes the limit that holds now, not the one of its input, which is as old as the step.
func TestARetryTakesTheNewestLimit(t *testing.T) {
	p := &parent{progress: contract.Progress{ThrottleMiBps: 20}}
	a := New(Config{Temporal: p})
	in := CloneInput{ThrottleMiBps: 50, Parent: &ParentRef{WorkflowID: "resync/shop", RunID: "r1"}}
	pulse := &pulse{}
	require.Equal(t, 20, a.newestThrottle(t.Context(), in, pulse))
	require.Equal(t, []string{"resync/shop r1 progress"}, p.asked)

	p.progress.ThrottleMiBps = 0
	require.Zero(t, a.newestThrottle(t.Context(), in, pulse), "a limit that was taken away")

	p.err = errors.New("no worker answers")
	require.Equal(t, 50, a.newestThrottle(t.Context(), in, pulse))
	seven := 7
	pulse.tell(func(h *heartbeat) { h.Ceiling = &seven })
	require.Equal(t, 7, a.newestThrottle(t.Context(), in, pulse), "the attempt before knew of a newer one")

	p.err, in.Parent = nil, nil
	require.Equal(t, 7, a.newestThrottle(t.Context(), in, pulse), "there is nobody to ask")
}

// What waits for a person says for what, and is no failure of the clone that would be counted.
func TestALackOfRoomIsNamed(t *testing.T) {
	in := CloneInput{Target: Target{Node: "db2"}, Donor: "db1"}
	full := &clone.Failure{Node: "db2", Donor: "10.0.0.1:3306", Kind: clone.DiskFull, Number: 1026, Text: "errno: 28 - No space left on device", Data: clone.Empty}
	require.True(t, full.LacksRoom())
	require.Contains(t, roomFor(in, full), "room on the disk of db2; free some: ")
	require.Contains(t, roomFor(in, full), "No space left on device")
	busy := &clone.Failure{Kind: clone.DonorFull, Number: 3862, Inner: 1040, Text: "Too many connections"}
	require.True(t, busy.LacksRoom())
	require.Contains(t, roomFor(in, busy), "a free connection on db1: ")
	require.False(t, (&clone.Failure{Kind: clone.Unfit}).LacksRoom())
}
