package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/fence"
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
	hooks  map[string]hook
	// claims are held by whoever changes a node, as the named lock does on a real server.
	claims map[string]*sync.Mutex

	plans     []contract.Plan
	reports   []contract.Report
	notified  [][]string
	asked     []activities.MailApprovalInput
	throttled []string
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

// hook is what a test does while an activity is at work, before or after the work is done.
type hook struct {
	before, after func()
}

func newScript(cluster *servers) *script {
	s := &script{cluster: cluster, faults: map[string][]fault{}, hooks: map[string]hook{}, claims: map[string]*sync.Mutex{}}
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

func (s *script) takeHook(key string) hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.hooks[key]
	delete(s.hooks, key)
	return taken
}

// perform is one attempt of an activity: its faults, its hooks and its work, which sees the cluster alone.
func (s *script) perform(ctx context.Context, node, donor string, work func() error) (attempt int, err error) {
	info := activity.GetInfo(ctx)
	step := info.ActivityType.Name
	s.write(event{kind: "asked", step: step, node: node, donor: donor, attempt: info.Attempt})
	key := step + "/" + node
	hooks := s.takeHook(key)
	if hooks.before != nil {
		hooks.before()
	}
	if givenUp(ctx) {
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

func (s *script) Begin(ctx context.Context, in activities.BeginInput) (activities.BeginResult, error) {
	result := activities.BeginResult{InventoryHash: "hash"}
	_, err := s.perform(ctx, "", "", func() error {
		for _, server := range s.cluster.all {
			result.Nodes = append(result.Nodes, server.name)
		}
		return nil
	})
	return result, err
}

func (s *script) OpenNodes(ctx context.Context, in activities.OpenNodesInput) (activities.OpenNodesResult, error) {
	var result activities.OpenNodesResult
	_, err := s.perform(ctx, "", "", func() error {
		s.demand(len(in.Nodes) == len(s.cluster.all), "open nodes were looked for among %v", in.Nodes)
		result.WorkflowIDs = s.open
		return nil
	})
	return result, err
}

func (s *script) LockHolder(ctx context.Context, in activities.LockHolderInput) (activities.LockHolderResult, error) {
	_, err := s.perform(ctx, "", "", func() error { return nil })
	return s.holder, err
}

func (s *script) Preconditions(ctx context.Context, in activities.PreconditionsInput) (contract.Plan, error) {
	var plan contract.Plan
	_, err := s.perform(ctx, "", "", func() error {
		plan = s.cluster.plan(in.Request)
		s.plans = append(s.plans, plan)
		return nil
	})
	return plan, err
}

func (s *script) Recheck(ctx context.Context, in activities.RecheckInput) (activities.RecheckResult, error) {
	attempt, err := s.perform(ctx, in.Target.Node, "", func() error {
		return errors.Join(s.samePrimary(), s.sameLoss(in.Target, in.Approval))
	})
	return activities.RecheckResult{Done: activities.Done{Attempts: attempt}, Clock: time.Unix(1, 0)}, unjoined(err)
}

// unjoined keeps a Temporal error outermost, as activities must.
func unjoined(err error) error {
	var typed *temporal.ApplicationError
	if errors.As(err, &typed) {
		return typed
	}
	return err
}

func (s *script) sameLoss(target activities.Target, approval activities.Approval) error {
	if s.cluster.node(target.Node).errant != approval.Errant {
		return lasting(contract.ErrorLossGrew)
	}
	return nil
}

func (s *script) Note(ctx context.Context, in activities.NoteInput) (activities.NoteResult, error) {
	var result activities.NoteResult
	attempt, err := s.perform(ctx, in.Target.Node, "", func() error {
		node := s.cluster.node(in.Target.Node)
		if result.Wreck = node.fenced; !result.Wreck {
			result.Fence = &fence.Note{GTIDExecuted: "of " + node.name}
		}
		return nil
	})
	result.Attempts = attempt
	return result, err
}

func (s *script) Fence(ctx context.Context, in activities.FenceInput) (activities.Done, error) {
	return s.change(ctx, in.Target, "", func(node *server) error {
		if err := s.samePrimary(); err != nil {
			return err
		}
		serving := node.serving && !node.fenced
		node.fenced = true
		floor := s.plans[len(s.plans)-1].MinServing
		s.demand(!serving || s.cluster.inService() >= floor,
			"fencing %s left %d secondaries in service; the floor is %d", node.name, s.cluster.inService(), floor)
		return nil
	})
}

func (s *script) Judge(ctx context.Context, in activities.JudgeInput) (activities.Done, error) {
	attempt, err := s.perform(ctx, in.Target.Node, "", func() error {
		s.demand(s.cluster.node(in.Target.Node).fenced, "%s was judged in front of its fence", in.Target.Node)
		return s.sameLoss(in.Target, in.Approval)
	})
	return activities.Done{Attempts: attempt}, err
}

func (s *script) Rehearse(ctx context.Context, in activities.RehearseInput) (activities.RehearseResult, error) {
	done, err := s.change(ctx, in.Target, in.Donor, func(node *server) error {
		s.demand(node.fenced, "the clone to %s was rehearsed without a fence", node.name)
		s.donates(in.Donor, in.DonorUUID)
		return nil
	})
	return activities.RehearseResult{Done: done}, err
}

// donates demands a donor that is complete; that it feeds nobody else is read off the record.
func (s *script) donates(name, uuid string) {
	donor, known := s.cluster.donors[name]
	s.demand(known && !donor.fenced && uuid == donor.uuid(), "%s (%s) was taken for a donor", name, uuid)
}

func (s *script) Erase(ctx context.Context, in activities.EraseInput) (activities.EraseResult, error) {
	var result activities.EraseResult
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.fenced, "%s was erased without a fence", node.name)
		if node.data == own {
			if err := errors.Join(s.samePrimary(), s.sameLoss(in.Target, in.Approval)); err != nil {
				return unjoined(err)
			}
		}
		result.Destroyed = contract.Destroyed{GTIDs: "of " + node.name, ErrantGTIDs: node.errant}
		node.data, node.errant, node.differs, node.following = empty, "", false, false
		return nil
	})
	result.Done = done
	return result, err
}

func (s *script) Clone(ctx context.Context, in activities.CloneInput) (activities.CloneResult, error) {
	result := activities.CloneResult{Copy: contract.Copy{Donor: in.Donor}}
	done, err := s.change(ctx, in.Target, in.Donor, func(node *server) error {
		s.donates(in.Donor, in.DonorUUID)
		s.demand(node.fenced, "%s was refilled without a fence", node.name)
		s.demand(node.data != own, "%s was refilled with its own data still there", node.name)
		s.demand(!in.NotBefore.IsZero(), "a clone to %s that cannot be told from an older one", node.name)
		s.demand(in.Parent != nil, "the clone of %s has nobody to tell", node.name)
		s.throttled = append(s.throttled, fmt.Sprintf("%s begins at %d", node.name, in.ThrottleMiBps))
		node.data, node.differs = copied, node.corrupts
		return s.samePrimary()
	})
	result.Done = done
	return result, err
}

func (s *script) Throttle(ctx context.Context, in activities.ThrottleInput) (activities.Done, error) {
	attempt, err := s.perform(ctx, in.Target.Node, "", func() error {
		s.throttled = append(s.throttled, fmt.Sprintf("%s changes to %d", in.Target.Node, in.MiBps))
		return nil
	})
	return activities.Done{Attempts: attempt}, err
}

func (s *script) Follow(ctx context.Context, in activities.FollowInput) (activities.FollowResult, error) {
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.fenced && node.data == copied, "%s followed with %s, fenced: %t", node.name, node.data, node.fenced)
		node.following = true
		return s.samePrimary()
	})
	return activities.FollowResult{Done: done, Notes: []string{"2 events of the primary disabled here, their definers kept"}}, err
}

func (s *script) Verify(ctx context.Context, in activities.VerifyInput) (activities.VerifyResult, error) {
	var result activities.VerifyResult
	attempt, err := s.perform(ctx, in.Target.Node, "", func() error {
		node := s.cluster.node(in.Target.Node)
		s.demand(in.AsItIs == (node.data == own), "%s was proven as it is: %t, with %s", node.name, in.AsItIs, node.data)
		if !node.following {
			return failing(contract.ErrorReplication, in.AsItIs)
		}
		result.Proof = proofOf(node, in.Options)
		return nil
	})
	result.Attempts = attempt
	return result, err
}

// proofOf judges as internal/proof does: a layer that was left out, or has a gap, is not equal.
func proofOf(node *server, options contract.ProofOptions) contract.Proof {
	proof := contract.Proof{Node: node.name, Primary: primary, Verdict: contract.ProofEqual, Layers: []contract.ProofLayer{
		{Name: contract.ProofGTIDs, Verdict: contract.ProofEqual}, {Name: contract.ProofSchema, Verdict: contract.ProofEqual},
		{Name: contract.ProofAccounts, Verdict: contract.ProofEqual}, {Name: contract.ProofRows, Verdict: contract.ProofEqual},
	}}
	rows := &proof.Layers[3]
	switch {
	case !options.CompareRows():
		rows.Verdict, proof.Verdict = contract.ProofSkipped, contract.ProofIncomplete
	case node.differs:
		rows.Verdict, rows.Differences, proof.Verdict = contract.ProofDifferent, 1, contract.ProofDifferent
	case node.gaps:
		rows.Verdict, proof.Verdict = contract.ProofIncomplete, contract.ProofIncomplete
	}
	proof.Equal = proof.Verdict == contract.ProofEqual
	return proof
}

func (s *script) Return(ctx context.Context, in activities.ReturnInput) (activities.ReturnResult, error) {
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.following && node.data == copied && !node.differs, "%s was returned with %s", node.name, node.data)
		s.demand(node.wreck == in.Noted.Wreck, "%s was returned without its note", node.name)
		node.fenced, node.serving = false, true
		s.cluster.donors[node.name] = node
		return nil
	})
	return activities.ReturnResult{Done: done}, err
}

func (s *script) Release(ctx context.Context, in activities.ReleaseInput) (activities.ReleaseResult, error) {
	var result activities.ReleaseResult
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		switch {
		case in.Noted.Wreck:
			result.StillFenced = "fenced as it was found"
		case in.Noted.Fence == nil:
			s.demand(false, "%s was released without its note", node.name)
		case node.data != own:
			result.StillFenced = "erased, at least in part; it is fenced"
		default:
			node.fenced = false
		}
		return nil
	})
	result.Done = done
	return result, err
}

func (s *script) Inspect(ctx context.Context, in activities.InspectInput) (activities.InspectResult, error) {
	var result activities.InspectResult
	_, err := s.change(ctx, in.Target, "", func(node *server) error {
		result = activities.InspectResult{Fenced: node.fenced, State: fmt.Sprintf("seen: fenced %t, holds %s", node.fenced, node.data)}
		return nil
	})
	return result, err
}

func (s *script) Watch(ctx context.Context, in activities.WatchInput) (contract.WatchReport, error) {
	report := contract.WatchReport{Duration: contract.Duration(in.Duration), Looks: 1}
	_, err := s.perform(ctx, "", "", func() error {
		for _, target := range in.Targets {
			report.Nodes = append(report.Nodes, contract.WatchNode{Name: target.Node})
		}
		return nil
	})
	return report, err
}

func (s *script) MailReport(ctx context.Context, in activities.MailReportInput) (activities.MailResult, error) {
	_, err := s.perform(ctx, "", "", func() error {
		s.reports, s.notified = append(s.reports, in.Report), append(s.notified, in.Notify)
		return nil
	})
	return activities.MailResult{Where: "outbox"}, err
}

func (s *script) MailApproval(ctx context.Context, in activities.MailApprovalInput) (activities.MailResult, error) {
	_, err := s.perform(ctx, "", "", func() error {
		s.asked = append(s.asked, in)
		return nil
	})
	return activities.MailResult{Where: "outbox"}, err
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
