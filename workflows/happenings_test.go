package workflows_test

import (
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// What people and the world do to a run on its way, and when.

// when lets something happen while an activity is at work on a node, before its work is done; its effects have settled before the
// activity goes on. An activity that was given up meanwhile does nothing more.
func (s *story) when(step, node string, happens func()) { s.hook(step, node, happens, nil) }

// whenDone is when, with the work done and its answer not yet given.
func (s *story) whenDone(step, node string, happens func()) { s.hook(step, node, nil, happens) }

// awaits lets an activity go on, after what else happens in it, only when the record of the same node holds a line so often (or it is
// clear that it never will).
func (s *story) awaits(step, node, kind, other string, times int) {
	s.awaitsOf(step, node, kind, other, node, times)
}

// awaitsOf is awaits for the record of another node.
func (s *story) awaitsOf(step, node, kind, other, of string, times int) {
	key := step + "/" + node
	happens := s.hooks[key].before
	s.hooks[key] = interruption{before: func() {
		if happens != nil {
			happens()
		}
		for patience := time.Now().Add(time.Minute); time.Now().Before(patience); {
			s.settle()
			s.mu.Lock()
			seen := s.count(kind, other, of)
			s.mu.Unlock()
			if seen >= times {
				return
			}
		}
	}}
}

// whenClosed lets something happen as soon as a child has closed.
func (s *story) whenClosed(id string, happens func()) { s.closing[id] = happens }

func (s *story) hook(step, node string, before, after func()) {
	settled := func(happens func()) func() {
		if happens == nil {
			return nil
		}
		return func() { happens(); s.settle() }
	}
	s.hooks[step+"/"+node] = interruption{before: settled(before), after: settled(after)}
}

// at lets something happen some time after the start; a story whose run has ended before is told wrong.
func (s *story) at(after time.Duration, happens func()) {
	s.pending++
	s.env.RegisterDelayedCallback(func() {
		s.pending--
		happens()
	}, after)
}

// onLoop does something on the environment's main loop, after everything that was posted before it.
func (s *story) onLoop(do func()) { s.env.RegisterDelayedCallback(do, 0) }

// rounds of the main loop after which a cancel has reached every child and every activity.
const rounds = 30

// afterRounds does something once everything under way has settled. Timers stand still meanwhile.
func (s *story) afterRounds(n int, do func()) {
	s.onLoop(func() {
		if n == 0 {
			do()
			return
		}
		s.afterRounds(n-1, do)
	})
}

// settle waits, in an activity, until the workflows have seen everything that was done to them.
func (s *story) settle() {
	settled := make(chan struct{})
	s.afterRounds(rounds, func() { close(settled) })
	select {
	case <-settled:
	case <-s.ended:
	}
}

// cancel asks the run to stop. From the moment at which it has taken note, the record says which nodes were begun.
func (s *story) cancel() { s.stop(func() { s.env.CancelWorkflow() }) }

// endLock ends a lock as an administrator would.
func (s *story) endLock(id string) { s.stop(func() { s.env.CancelWorkflowByID(id, "") }) }

func (s *story) stop(how func()) {
	s.onLoop(how)
	s.afterRounds(rounds, func() {
		progress, err := s.progress()
		if err != nil || progress.Stopping == "" {
			return
		}
		e := event{kind: "stopped", step: progress.Stopping}
		for _, node := range progress.Nodes {
			if !node.Since.IsZero() {
				e.standing = append(e.standing, node.Name)
			}
		}
		s.write(e)
	})
}

// idle reports that no activity of the node is under way.
func (s *story) idle(node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	underWay := 0
	for _, e := range s.record {
		switch {
		case e.node == node && e.kind == "asked" && e.attempt == 1:
			underWay++
		case e.node == node && e.kind == "heard":
			underWay--
		}
	}
	return underWay == 0
}

// terminateAfter ends the node's child from outside once a step has been done and nothing else is begun. (In the middle of an activity,
// the environment would hand a late result to a workflow that is gone.)
func (s *story) terminateAfter(step, node string) { s.terminates[node] = step }

// progress asks the run; only on the main loop, or after the run.
func (s *story) progress() (contract.Progress, error) {
	var progress contract.Progress
	value, err := s.env.QueryWorkflow(contract.QueryProgress)
	if err == nil {
		err = value.Get(&progress)
	}
	return progress, err
}

// signal sends a request as tctl would.
func (s *story) signal(name string, payload any) {
	s.onLoop(func() { s.env.SignalWorkflow(name, payload) })
}

// answer is what the caller of an Update hears.
type answer struct {
	accepted  bool
	rejection error
	progress  contract.Progress
	err       error
}

// update sends a request as an Update.
func (s *story) update(name string, payload any) *answer {
	a := &answer{}
	s.onLoop(func() {
		s.env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
			OnAccept: func() { a.accepted = true },
			OnReject: func(err error) { a.rejection = err },
			OnComplete: func(result any, err error) {
				a.err = err
				a.progress, _ = result.(contract.Progress)
			},
		}, payload)
	})
	return a
}
