package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestAHeartbeatIsFinerThanWhatTheRunWasTold(t *testing.T) {
	var s Snapshot
	s.Merge(&contract.Progress{Cluster: "shop", Nodes: []contract.NodeProgress{
		{Name: "db2", Step: contract.StepClone, Detail: &contract.StepProgress{Step: contract.StepClone, Bytes: 1}},
		{Name: "db3"},
	}}, []Beat{{Cluster: "shop", Node: "db2", At: now, Detail: &contract.StepProgress{Step: contract.StepClone, Bytes: 9}}})
	assert.Equal(t, int64(9), s.Nodes[0].Detail.Bytes)
	assert.Equal(t, now, s.Nodes[0].HeartbeatAt)
	assert.True(t, s.Nodes[0].Open)
	assert.False(t, s.Nodes[1].Open)
}

func TestAHeartbeatOfTheNextStepMovesTheNodeOn(t *testing.T) {
	var s Snapshot
	// A repair goes from its proof to the erase: a step that comes earlier in the order of steps may come later in time.
	s.Merge(&contract.Progress{Nodes: []contract.NodeProgress{{Name: "db2", Step: contract.StepVerify}}},
		[]Beat{{Node: "db2", Detail: &contract.StepProgress{Step: contract.StepErase}}})
	assert.Equal(t, contract.StepErase, s.Nodes[0].Step)
}

func TestADetailOfAStepThatEndedIsDropped(t *testing.T) {
	var s Snapshot
	s.Merge(&contract.Progress{Nodes: []contract.NodeProgress{
		{Name: "db2", Step: contract.StepFollow, Detail: &contract.StepProgress{Step: contract.StepClone, Bytes: 10, TotalBytes: 10}}}}, nil)
	assert.Nil(t, s.Nodes[0].Detail)
}

func TestAHeartbeatWithoutAStepBelongsToTheStepOfTheNode(t *testing.T) {
	var s Snapshot
	s.Merge(&contract.Progress{Nodes: []contract.NodeProgress{{Name: "db2", Step: contract.StepFollow}}},
		[]Beat{{Node: "db2", Detail: &contract.StepProgress{Waiting: "for the primary"}}})
	assert.Equal(t, contract.StepFollow, s.Nodes[0].Step)
	assert.Equal(t, "for the primary", s.Nodes[0].Detail.Waiting)
}

func TestARunThatNeverAnsweredIsKnownByItsHeartbeats(t *testing.T) {
	var s Snapshot
	s.Merge(nil, []Beat{{Cluster: "shop", Node: "db2", Detail: &contract.StepProgress{Step: contract.StepClone, Bytes: 9}}})
	assert.Equal(t, "shop", s.Cluster)
	assert.Equal(t, contract.StepClone, s.Nodes[0].Step)
}

func TestMergeLeavesItsSourcesAlone(t *testing.T) {
	progress := &contract.Progress{Nodes: []contract.NodeProgress{{Name: "db2", Step: contract.StepClone}}}
	beat := &contract.StepProgress{Bytes: 1}
	for range 2 {
		var s Snapshot
		s.Merge(progress, []Beat{{Node: "db2", Detail: beat}})
		s.Nodes[0].Step = contract.StepReturn
	}
	assert.Equal(t, contract.StepClone, progress.Nodes[0].Step)
	assert.Empty(t, beat.Step)
}

func TestLogSaysEachChangeOnce(t *testing.T) {
	var log Log
	s := Snapshot{WorkflowID: "resync/shop", Phase: contract.PhasePreconditions}
	assert.Equal(t, []string{"resync/shop: preconditions"}, log.Next(s, now))
	assert.Empty(t, log.Next(s, now.Add(time.Second)))

	clone := func(bytes int64) Snapshot {
		return Snapshot{WorkflowID: "resync/shop", Phase: contract.PhaseNodes, Nodes: []Node{
			{NodeProgress: contract.NodeProgress{Name: "db2", Step: contract.StepClone,
				Detail: &contract.StepProgress{Step: contract.StepClone, Stage: "FILE COPY", Bytes: bytes << 20, TotalBytes: 100 << 20, MiBps: 10}}},
			{NodeProgress: contract.NodeProgress{Name: "db3"}}}}
	}
	assert.Equal(t, []string{"resync/shop: nodes", "db2: clone  FILE COPY  [#---------]  10%  10.0/100.0 MiB  10.0 MiB/s  ETA 9s"},
		log.Next(clone(10), now))
	assert.Empty(t, log.Next(clone(20), now.Add(time.Second)), "bytes alone are no change")
	assert.Equal(t, []string{"db2: clone  FILE COPY  [###-------]  30%  30.0/100.0 MiB  10.0 MiB/s  ETA 7s"},
		log.Next(clone(30), now.Add(31*time.Second)), "but they are mentioned now and then")

	waiting := clone(30)
	waiting.Nodes[0].Detail.Waiting = "for mysqld to be started"
	assert.Len(t, log.Next(waiting, now.Add(32*time.Second)), 1)

	failed := waiting
	failed.Nodes[0].Trouble = []Attempt{{Activity: "Clone", Attempt: 2, LastFailure: "gone", Next: now}}
	assert.Equal(t, []string{"db2: Clone: attempt 2 in 0s, the last one failed: gone"}, log.Next(failed, now.Add(33*time.Second)))
	assert.Empty(t, log.Next(failed, now.Add(34*time.Second)))

	refused := failed
	refused.RefusedRequests = []string{"pause: paused already"}
	assert.Equal(t, []string{"refused request: pause: paused already"}, log.Next(refused, now.Add(35*time.Second)))
	assert.Empty(t, log.Next(refused, now.Add(36*time.Second)))
}

func TestAwayIsSaidOnceThoughItsAgeGrows(t *testing.T) {
	var log Log
	s := Snapshot{WorkflowID: "resync/shop", Phase: contract.PhaseNodes, Away: "no worker", AnsweredAt: now}
	assert.Equal(t, []string{"resync/shop: nodes; no worker; below is what it said 5s ago"}, log.Next(s, now.Add(5*time.Second)))
	assert.Empty(t, log.Next(s, now.Add(65*time.Second)))
}
