package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// validate refuses bad input with every problem named at once.
func (r *run) validate() ending {
	r.enter(contract.PhaseValidating)
	if problems := r.request.Problems(); len(problems) > 0 {
		return refused(contract.ErrorInvalidInput, "the input cannot be used:\n- "+strings.Join(problems, "\n- "))
	}
	if r.request.Confirm != "" && r.request.Confirm != r.request.Cluster {
		return refused(contract.ErrorWrongConfirm, fmt.Sprintf(
			"confirm is %q, and the cluster is %q: write the cluster's name to approve in advance, or leave confirm out and approve the plan",
			r.request.Confirm, r.request.Cluster))
	}
	return goesOn
}

// begin pins the inventory: activities refuse another from now on.
func (r *run) begin(ctx workflow.Context) ending {
	err := workflow.ExecuteActivity(looking(ctx, "Read the inventory"), r.act.Begin,
		activities.BeginInput{Cluster: r.request.Cluster}).Get(ctx, &r.begun)
	if err != nil {
		return stopped(ctx, err)
	}
	return goesOn
}

// planOnly is the whole of a run that only plans; it takes no lock, because it changes nothing.
func (r *run) planOnly(ctx workflow.Context) ending {
	if end := r.preconditions(ctx, r.request.Nodes); end.reached() {
		return end
	}
	return ending{outcome: contract.OutcomePlanned, reason: "plan " + r.report.Plan.ID + " was made; nothing was changed"}
}

// lockCluster takes the lock of the cluster's name and looks for children that outlived a terminated run.
func (r *run) lockCluster(ctx workflow.Context) ending {
	r.enter(contract.PhaseLocking)
	if end := r.lock(ctx, contract.LockWorkflowID(r.request.Cluster)); end.reached() {
		return end
	}
	var open activities.OpenNodesResult
	err := workflow.ExecuteActivity(looking(ctx, "Look for nodes still worked on"), r.act.OpenNodes,
		activities.OpenNodesInput{Cluster: r.request.Cluster, Nodes: r.begun.Nodes}).Get(ctx, &open)
	if err != nil {
		return stopped(ctx, err)
	}
	if len(open.WorkflowIDs) > 0 {
		return ending{outcome: contract.OutcomeAlreadyRunning, typ: contract.ErrorAlreadyRunning, reason: fmt.Sprintf(
			"an earlier run of %s was ended while %s went on: wait until closed (it finishes what it began), then start again",
			r.request.Cluster, strings.Join(open.WorkflowIDs, ", "))}
	}
	return goesOn
}

func (r *run) lock(ctx workflow.Context, id string) ending {
	held, err := acquire(ctx, id, LockInput{Cluster: r.request.Cluster, HeldByID: r.report.WorkflowID})
	if err == nil {
		r.locks = append(r.locks, held)
		return goesOn
	}
	if !errors.Is(err, errHeld) {
		return stopped(ctx, err)
	}
	reason := "another run holds " + id
	var holder activities.LockHolderResult
	if err := workflow.ExecuteActivity(looking(ctx, "Find out who holds the lock"), r.act.LockHolder,
		activities.LockHolderInput{LockID: id}).Get(ctx, &holder); err == nil && holder.WorkflowID != "" {
		reason = fmt.Sprintf("cluster %s is held by workflow %s (run %s) since %s: wait for it, or cancel it",
			r.request.Cluster, holder.WorkflowID, holder.RunID, holder.Since.UTC().Format(time.RFC3339))
	}
	return ending{outcome: contract.OutcomeAlreadyRunning, typ: contract.ErrorAlreadyRunning, reason: reason}
}

func (r *run) holds(id string) bool {
	return slices.ContainsFunc(r.locks, func(lock *clusterLock) bool { return lock.id == id })
}

// lockLost says who ended a lock of ours; empty while all are held.
func (r *run) lockLost() string {
	for _, lock := range r.locks {
		if lock.lost() {
			return "the lock " + lock.id + " was ended by somebody else"
		}
	}
	return ""
}

// preconditions observes every node, judges every check and makes the plan; it changes nothing.
func (r *run) preconditions(ctx workflow.Context, nodes []string) ending {
	r.enter(contract.PhasePreconditions)
	request := r.request
	request.Nodes = nodes
	var plan contract.Plan
	// Its parts have their own limits: observing, reading what would be lost, comparing objects, probing paths.
	looking := workflow.WithStartToCloseTimeout(looking(ctx, "Check every node and make the plan"), planning)
	err := workflow.ExecuteActivity(looking, r.act.Preconditions,
		activities.PreconditionsInput{
			Request: request, InventoryHash: r.begun.InventoryHash, Run: r.report.RunID, Locked: r.request.Mode != contract.ModePlan,
		}).Get(ctx, &plan)
	if err != nil {
		return stopped(ctx, err)
	}
	r.report.Plan = &plan
	r.chosen = r.chosenNames()
	r.show()
	if failures := plan.Failures(); len(failures) > 0 {
		end := refused(contract.ErrorTypeOf(failures), fmt.Sprintf("%d of %d checks failed", len(failures), len(plan.Findings)))
		end.detail = describe(failures)
		return end
	}
	if len(plan.Chosen()) == 0 {
		return refused(contract.ErrorPreconditions, "no secondary is left to work on")
	}
	// Two inventory names of one cluster meet here: the primary is the same server.
	if id := primaryLockID(plan); r.request.Mode != contract.ModePlan && !r.holds(id) {
		return r.lock(ctx, id)
	}
	return goesOn
}

func describe(failures []contract.Finding) string {
	var text strings.Builder
	for _, finding := range failures {
		text.WriteString("\n- " + finding.Code)
		if finding.Node != "" {
			text.WriteString(" on " + finding.Node)
		}
		text.WriteString(": saw " + finding.Observed)
		if finding.Wanted != "" {
			text.WriteString("; wanted " + finding.Wanted)
		}
		if finding.Remedy != "" {
			text.WriteString("; do: " + finding.Remedy)
		}
	}
	return text.String()
}
