package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/status"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// choices are what plan and start have in common: what is worked on, and what may be destroyed.
type choices struct {
	Cluster            string   `arg:"" help:"The cluster's name in the worker's inventory."`
	Nodes              []string `help:"Only these secondaries; default: all." placeholder:"NODE"`
	UnreplicatedWrites string   `help:"What happens to writes that only a secondary has: refuse, rescue (keep them in the worker's archive) or discard." enum:"refuse,rescue,discard" default:"refuse"`
	DelayedReplicas    string   `help:"What a deliberately delayed secondary means: refuse or resync (it gets its delay back)." enum:"refuse,resync" default:"refuse"`
	OnUnreachable      string   `help:"What a secondary means that cannot be reached: refuse or skip." enum:"refuse,skip" default:"refuse"`
	Donors             string   `help:"Who may feed a copy: any or primary." enum:"any,primary" default:"any"`
	MaxParallel        int      `help:"How many secondaries may be worked on at a time; default: 1, and up to 8 where they are only proven." placeholder:"N"`
	MinServing         *int     `help:"How many secondaries stay in service meanwhile; default: 1 where there are two or more." placeholder:"N"`
	ThrottleMiBps      int      `name:"throttle-mibps" help:"Limit of each copy in MiB/s; 0 for none." default:"0" placeholder:"N"`
	AdaptiveThrottle   bool     `help:"Let each copy give way to load on the primary or the donor, below the limit."`
	AlignSettings      bool     `help:"Bring settings of resynced secondaries in line with the primary's; the plan shows the statements."`
	Notify             []string `help:"Mail addresses besides those of the inventory." placeholder:"ADDRESS"`
	RequestedBy        string   `name:"by" help:"Who asks, for the report; default: the user and the host." placeholder:"NAME"`
}

func (c choices) request(mode contract.Mode) contract.Request {
	return contract.Request{
		Cluster: c.Cluster, Mode: mode, Nodes: c.Nodes,
		UnreplicatedWrites: contract.UnreplicatedWrites(c.UnreplicatedWrites), DelayedReplicas: contract.DelayedReplicas(c.DelayedReplicas),
		OnUnreachable: contract.OnUnreachable(c.OnUnreachable), Donors: contract.Donors(c.Donors), MaxParallel: c.MaxParallel, MinServing: c.MinServing,
		ThrottleMiBps: c.ThrottleMiBps, AdaptiveThrottle: c.AdaptiveThrottle, AlignSettings: c.AlignSettings,
		Notify: c.Notify, RequestedBy: who(c.RequestedBy),
	}
}

// gate is what start and schedule have in common besides: when the first node may be touched.
type gate struct {
	Quiet         bool          `help:"Wait for a quiet primary before the first node is touched; any of the next three says so too."`
	QuietSessions int           `help:"The most sessions that may be at work on a quiet primary; default 5." placeholder:"N"`
	QuietFor      time.Duration `help:"How long it has to stay quiet; default 30s." placeholder:"DURATION"`
	QuietWithin   time.Duration `help:"How long is waited for that before the run is refused; default 1h." placeholder:"DURATION"`
}

// quiet is nil where nothing is to be waited for.
func (g gate) quiet() *contract.Quiet {
	asked := contract.Quiet{Sessions: g.QuietSessions, For: contract.Duration(g.QuietFor), Within: contract.Duration(g.QuietWithin)}
	if !g.Quiet && asked == (contract.Quiet{}) {
		return nil
	}
	return &asked
}

// proving is what start and schedule have in common besides: how the proof is made.
type proving struct {
	NoRows        bool   `help:"Leave the comparison of rows out of the proof."`
	ProofParallel int    `help:"Streams per server that compare rows; default 2." placeholder:"N"`
	ProofWhere    string `help:"Who hashes the rows: client (the worker) or server (for slow links)." enum:"client,server" default:"client"`
	ProofThrottle int    `name:"proof-throttle-mibps" help:"Limit of what the proof reads from the primary in MiB/s; 0 for none." placeholder:"N"`
	ProofLock     bool   `help:"Allow a read lock on the primary for a moment, where no snapshot can be had without."`
	ProofValues   bool   `help:"Show values of rows that differ. They are data, and go wherever the report goes."`
	ProofHideKeys bool   `help:"Withhold the keys of rows that differ."`
}

func (p proving) options() contract.ProofOptions {
	options := contract.ProofOptions{
		Parallel: p.ProofParallel, Where: contract.ProofWhere(p.ProofWhere), ThrottleMiBps: p.ProofThrottle, LockFallback: p.ProofLock,
		Values: p.ProofValues, HideKeys: p.ProofHideKeys,
	}
	if p.NoRows {
		no := false
		options.Rows = &no
	}
	return options
}

type planCommand struct {
	choices
}

func (c *planCommand) run(ctx context.Context, a *app) (int, error) {
	t, watcher, err := a.start(ctx, planWorkflowID(c.Cluster), c.request(contract.ModePlan))
	if err != nil {
		return 0, err
	}
	defer t.Close()
	return a.toTheEnd(ctx, t, watcher, newView(a.terminal.Err))
}

type startCommand struct {
	choices
	gate
	proving
	Mode            string         `help:"What to do: resync, repair (only what fails the proof) or verify (change nothing)." enum:"resync,repair,verify" default:"resync"`
	Plan            string         `help:"ID of a plan seen before; another plan is refused." placeholder:"ID"`
	Confirm         string         `help:"The cluster's name again: consent in advance." placeholder:"NAME"`
	Watch           *time.Duration `help:"How long the cluster is watched after the last return; default 5m." placeholder:"DURATION"`
	ApprovalTimeout time.Duration  `help:"How long an approval is awaited; default 24h." placeholder:"DURATION"`
	Detach          bool           `help:"Return once the run is started and decided on."`
	WorkflowID      string         `name:"workflow-id" help:"Workflow ID of the run; default: resync/CLUSTER." placeholder:"ID"`
}

func (c *startCommand) request() contract.Request {
	request := c.choices.request(contract.Mode(c.Mode))
	request.Plan, request.Confirm, request.Quiet = c.Plan, c.Confirm, c.quiet()
	request.ApprovalTimeout = contract.Duration(c.ApprovalTimeout)
	request.Proof = c.options()
	if c.Watch != nil {
		watch := contract.Duration(*c.Watch)
		request.Watch = &watch
	}
	return request
}

func (c *startCommand) run(ctx context.Context, a *app) (int, error) {
	request := c.request()
	erases := request.Mode != contract.ModeVerify
	ask := erases && c.Confirm == ""
	switch {
	case c.Confirm != "" && c.Confirm != c.Cluster:
		return 0, refused("", "--confirm %s is not the cluster's name, which is %s; nothing was started", c.Confirm, c.Cluster)
	case ask && !a.terminal.CanAsk():
		return 0, cannotAsk("nothing was started")
	}
	id := c.WorkflowID
	if id == "" {
		id = contract.ClusterWorkflowID(c.Cluster)
	}
	t, watcher, err := a.start(ctx, id, request)
	if err != nil {
		return 0, err
	}
	defer t.Close()

	if erases && !(c.Detach && !ask) {
		code, over, err := a.consent(ctx, t, watcher, request, ask)
		if over || err != nil {
			return code, err
		}
	}
	if c.Detach {
		return a.detached(watcher.Ref(), request)
	}
	return a.toTheEnd(ctx, t, watcher, newView(a.terminal.Err))
}

// consent waits for the plan and shows it; where consent was not given in advance it asks for it. over is true when the run closed
// before or the person left.
func (a *app) consent(ctx context.Context, t *session, watcher *runs.Watcher, request contract.Request, ask bool) (code int, over bool, err error) {
	reached := func(s status.Snapshot) bool {
		if s.Plan == nil || s.Away != "" {
			return false
		}
		return !ask && s.Phase != contract.PhasePreconditions || s.Phase == contract.PhaseApproval || s.Approval != nil
	}
	last, closed, err := a.follow(ctx, watcher, newView(a.terminal.Err), reached)
	if err == nil && !closed {
		switch {
		case ask && last.Approval == nil:
			err = a.decide(ctx, t, watcher, *last.Plan, request.RequestedBy)
			if errors.Is(err, context.Canceled) {
				err = &interrupted{last}
			}
		default:
			showPlan(a.terminal.Err, *last.Plan)
		}
	}
	var left *interrupted
	switch {
	case errors.As(err, &left):
		a.farewell(watcher.Ref(), left.last)
		return exitInterrupted, true, nil
	case err != nil:
		return 0, true, err
	case closed:
		closing, err := runs.Close(ctx, t, watcher.Ref())
		if err != nil {
			return 0, true, err
		}
		code, err = a.show(closing)
		return code, true, err
	}
	return 0, false, nil
}

const workerHint = "start a worker: CLUSTERRESYNC_INVENTORY=inventory.yaml CLUSTERRESYNC_MAIL=outbox CLUSTERRESYNC_OUTBOX=$PWD/outbox go run ./worker"

// start begins a run under an ID and warns when nobody would work on it.
func (a *app) start(ctx context.Context, id string, request contract.Request) (*session, *runs.Watcher, error) {
	if problems := request.Problems(); len(problems) > 0 {
		return nil, nil, &failure{Message: strings.Join(problems, "\n"), Hint: "starter start --help", Code: exitUsage}
	}
	t, err := a.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	queue := a.connection.TaskQueue
	if workers, err := runs.Workers(ctx, t, queue); err == nil && workers == 0 {
		a.note("No worker polls task queue %s in namespace %s; the run waits until one does.\n%s", queue, t.options.Namespace, workerHint)
	}
	summary := fmt.Sprintf("%s of %s, asked for by %s", request.Mode, request.Cluster, request.RequestedBy)
	run, err := t.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: queue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		// Without this the SDK hands back the run that goes on already, and no error.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            cutBytes(summary, 200),
		StaticDetails:                            details(request),
		Memo:                                     map[string]any{memoRequestedBy: request.RequestedBy},
	}, contract.WorkflowResyncCluster, request)
	if err != nil {
		defer t.Close()
		return nil, nil, a.notStarted(ctx, t, id, request, err)
	}
	ref := runs.Ref{WorkflowID: run.GetID(), RunID: run.GetRunID()}
	a.note("Started %s (run %s).", ref.WorkflowID, ref.RunID)
	return t, runs.NewWatcher(t, t.options.DataConverter, ref), nil
}

// memoRequestedBy is the memo field that says who started a run; it can be read while no worker is there to answer.
const memoRequestedBy = "requestedBy"

// notStarted says who holds the ID when that is why.
func (a *app) notStarted(ctx context.Context, t *session, id string, request contract.Request, err error) error {
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if !errors.As(err, &already) {
		return err
	}
	since, by := "", ""
	if described, err := t.DescribeWorkflowExecution(ctx, id, already.RunId); err == nil {
		info := described.GetWorkflowExecutionInfo()
		since = " since " + info.GetStartTime().AsTime().Local().Format(time.RFC3339)
		by = " (" + info.GetType().GetName() + runs.MemoText(t.options.DataConverter, info.GetMemo(), memoRequestedBy, ", asked for by ") + ")"
	}
	name := addressed(runs.Ref{WorkflowID: id}, request.Cluster)
	return refused("starter watch "+name+" follows it, starter cancel "+name+" stops it at a safe point",
		"%s is running already%s%s, run %s; nothing was started", id, since, by, already.RunId)
}

// detached tells where a run is found that is left alone.
func (a *app) detached(ref runs.Ref, request contract.Request) (int, error) {
	if a.json {
		return exitDone, a.document(struct {
			runs.Ref
			Cluster   string        `json:"cluster"`
			Mode      contract.Mode `json:"mode"`
			TaskQueue string        `json:"taskQueue"`
		}{ref, request.Cluster, request.Mode, a.connection.TaskQueue})
	}
	_, err := fmt.Fprintf(a.terminal.Out, "%s %s\n", ref.WorkflowID, ref.RunID)
	a.note("  follow it:                  starter watch %s", addressed(ref, request.Cluster))
	a.note("  stop it at a safe point:    starter cancel %s", addressed(ref, request.Cluster))
	return exitDone, err
}

// details are what the Temporal UI shows beside the run.
func details(request contract.Request) string {
	request = request.WithDefaults()
	nodes := "all secondaries"
	if len(request.Nodes) > 0 {
		nodes = strings.Join(request.Nodes, ", ")
	}
	gate := "none"
	if q := request.Quiet; q != nil {
		gate = fmt.Sprintf("at most %d sessions at work for %s, awaited for %s", q.Sessions, q.For, q.Within)
	}
	return fmt.Sprintf("- cluster: **%s**\n- mode: %s\n- nodes: %s\n- unreplicated writes: %s\n- delayed secondaries: %s\n- unreachable secondaries: %s\n"+
		"- donors: %s\n- low-traffic gate: %s\n- asked for by: %s\n",
		request.Cluster, request.Mode, nodes, request.UnreplicatedWrites, request.DelayedReplicas, request.OnUnreachable, request.Donors, gate, request.RequestedBy)
}

// cutBytes keeps whole characters within a number of bytes.
func cutBytes(text string, limit int) string {
	for len(text) > limit {
		runes := []rune(text)
		text = string(runes[:len(runes)-1])
	}
	return text
}
