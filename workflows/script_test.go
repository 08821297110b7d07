package workflows_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/hook"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// script plays every activity on a small cluster in memory: what one activity does, the next one finds. It keeps a record of what
// happened in which order, fails where a test says so, and holds the workflows to what the real activities demand of them.
type script struct {
	mu      sync.Mutex
	cluster *servers
	record  []event
	// broken are demands of an activity that the workflows did not meet.
	broken []string
	faults map[string][]fault
	hooks  map[string]interruption
	// claims are held by whoever changes a node, as the named lock does on a real server.
	claims map[string]*sync.Mutex

	plans     []contract.Plan
	reports   []contract.Report
	notified  [][]string
	asked     []activities.MailApprovalInput
	throttled []string
	// othersAsked says of each attempt to clone to b whether another donor could be asked for.
	othersAsked []bool
	// leaving are the nodes that did not count for the floor when each node was rechecked.
	leaving map[string][]string
	// cheapFirst says of each proof whether what is cheap to look at came first.
	cheapFirst []bool
	quiet      []activities.QuietInput
	called     []hook.Event
	audited    []contract.Report
	// open are the node children of other runs, holder the one who holds the lock.
	open   []string
	holder activities.LockHolderResult
}

// event is one line of the record.
type event struct {
	// kind is asked (an attempt begins), done (its work is done), heard (the workflow has its result), begun and closed (children),
	// stopped (the run has taken note of a cancel or of a lost lock).
	kind string
	// step is the activity's name, or the child's workflow ID.
	step, node, donor string
	attempt           int32
	err               error
	// standing are the nodes already begun, when kind is stopped.
	standing []string
}

func (e event) String() string {
	text := e.kind + " " + e.step
	if e.node != "" {
		text += " " + e.node
	}
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

// fault is a failure of one attempt.
type fault struct {
	err error
	// after says that the work was done and only its answer was lost.
	after bool
	// always repeats it for every further attempt.
	always bool
}

// interruption is what a test does while an activity is at work, before or after the work is done.
type interruption struct {
	before, after func()
}

func newScript(cluster *servers) *script {
	s := &script{cluster: cluster, faults: map[string][]fault{}, hooks: map[string]interruption{}, claims: map[string]*sync.Mutex{}, leaving: map[string][]string{}}
	for _, server := range cluster.all {
		s.claims[server.name] = &sync.Mutex{}
	}
	return s
}

// lasting is a failure that no further attempt can mend, passing one that it can, as activities/errors.go makes them.
func lasting(typ contract.ErrorType) error { return failing(typ, true) }
func passing(typ contract.ErrorType) error { return failing(typ, false) }

func failing(typ contract.ErrorType, final bool) error {
	return temporal.NewApplicationErrorWithOptions("seen: "+string(typ), string(typ), temporal.ApplicationErrorOptions{
		NonRetryable: final, Details: []any{activities.FailureFacts{Attempt: 1}},
	})
}

// ofDonor is a failure of the donor's, for which the attempts end because another can be had.
func ofDonor(typ contract.ErrorType) error {
	return temporal.NewApplicationErrorWithOptions("the donor failed: "+string(typ), string(typ), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{activities.FailureFacts{Attempt: 1, Donor: true}},
	})
}

// fault makes the next attempts of an activity fail, one fault each.
func (s *script) fault(step, node string, faults ...fault) {
	s.faults[step+"/"+node] = append(s.faults[step+"/"+node], faults...)
}

func (s *script) write(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record = append(s.record, e)
}

func (s *script) demand(met bool, format string, args ...any) {
	if !met {
		s.broken = append(s.broken, fmt.Sprintf(format, args...))
	}
}

// takeFault is what is wrong with this attempt.
func (s *script) takeFault(key string) (fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	planned := s.faults[key]
	if len(planned) == 0 {
		return fault{}, false
	}
	if !planned[0].always {
		s.faults[key] = planned[1:]
	}
	return planned[0], true
}

func (s *script) takeHook(key string) interruption {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.hooks[key]
	delete(s.hooks, key)
	return taken
}

// perform is one attempt of an activity: its faults, its hooks and its work, which sees the cluster alone.
func (s *script) perform(ctx context.Context, node, donor string, work func() error) (attempt int, err error) {
	return s.performAs(ctx, activity.GetInfo(ctx).ActivityType.Name, node, donor, work)
}

// performAs is perform under another activity's name. Only the first heartbeat of an activity is sent at once, so that one which performs
// several times asks whether it was given up only where something has happened to it.
func (s *script) performAs(ctx context.Context, step, node, donor string, work func() error) (attempt int, err error) {
	info := activity.GetInfo(ctx)
	s.write(event{kind: "asked", step: step, node: node, donor: donor, attempt: info.Attempt})
	key := step + "/" + node
	hooks := s.takeHook(key)
	if hooks.before != nil {
		hooks.before()
	}
	if (hooks.before != nil || step == info.ActivityType.Name) && givenUp(ctx) {
		return int(info.Attempt), temporal.NewCanceledError()
	}
	fault, faulty := s.takeFault(key)
	if !faulty || fault.after {
		err = func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			return work()
		}()
		if err == nil {
			s.write(event{kind: "done", step: step, node: node, donor: donor, attempt: info.Attempt})
		}
	}
	if faulty && err == nil {
		err = fault.err
	}
	if hooks.after != nil {
		hooks.after()
	}
	return int(info.Attempt), err
}

// givenUp asks the server whether the workflow still wants this attempt. The first heartbeat of an attempt is sent at once.
func givenUp(ctx context.Context) bool {
	activity.RecordHeartbeat(ctx)
	return ctx.Err() != nil
}

// change is perform for what needs the node's named lock: whoever comes later waits until the one before is gone.
func (s *script) change(ctx context.Context, target activities.Target, donor string, work func(*server) error) (activities.Done, error) {
	claim, known := s.claims[target.Node]
	if !known {
		return activities.Done{}, lasting(contract.ErrorIdentity)
	}
	claim.Lock()
	defer claim.Unlock()
	attempt, err := s.perform(ctx, target.Node, donor, func() error {
		node := s.cluster.node(target.Node)
		s.demand(target.Node != primary && target.NodeUUID == node.uuid(), "the target of %s is %v", target.Node, target)
		s.demand(target.PrimaryUUID == s.cluster.donors[primary].uuid() && target.InventoryHash == "hash" && target.Run != "",
			"the target of %s does not bind: %v", target.Node, target)
		return work(node)
	})
	return activities.Done{Attempts: attempt}, err
}

func (s *script) samePrimary() error {
	if s.cluster.anotherPrimary {
		return lasting(contract.ErrorIdentity)
	}
	return nil
}

// steps are the activities that were done on a node, in order, each once however often it was tried.
func (s *script) steps(node string) string {
	var steps []string
	for _, e := range s.record {
		if e.kind == "done" && e.node == node && (len(steps) == 0 || steps[len(steps)-1] != e.step) {
			steps = append(steps, e.step)
		}
	}
	return strings.Join(steps, " ")
}

// count is how many lines of the record are of this kind.
func (s *script) count(kind, step, node string) int {
	count := 0
	for _, e := range s.record {
		if e.kind == kind && e.step == step && e.node == node {
			count++
		}
	}
	return count
}

// TestScriptPlaysEveryActivity: a new activity, or a changed input, must not be missing here unseen.
func TestScriptPlaysEveryActivity(t *testing.T) {
	real, played := reflect.TypeFor[*activities.Activities](), reflect.TypeFor[*script]()
	for i := range real.NumMethod() {
		method := real.Method(i)
		own, found := played.MethodByName(method.Name)
		require.True(t, found, method.Name)
		for in := 1; in < method.Type.NumIn(); in++ {
			require.Equal(t, method.Type.In(in), own.Type.In(in), method.Name)
		}
		require.Equal(t, method.Type.Out(0), own.Type.Out(0), method.Name)
	}
}
