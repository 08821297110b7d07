package scale

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// load is what the stand-ins do.
type load struct {
	// Secondaries of every cluster.
	Secondaries int
	// Signals is how often a copy tells the parent of its progress, Pace how long it waits between two.
	Signals int
	Pace    time.Duration
	// Step is how long every other step of a node takes.
	Step time.Duration
}

// standins play the activities that a run without trouble calls, each by the method of its name. What a run calls else is not registered
// and fails it.
type standins struct {
	load     load
	temporal client.Client
}

// work is a step's time, with the heartbeats of a real one: at its beginning and at its end.
func (s *standins) work(ctx context.Context, step contract.Step) activities.Done {
	activity.RecordHeartbeat(ctx, contract.StepProgress{Step: step})
	time.Sleep(s.load.Step)
	activity.RecordHeartbeat(ctx, contract.StepProgress{Step: step})
	return activities.Done{Attempts: int(activity.GetInfo(ctx).Attempt)}
}

func (s *standins) Begin(context.Context, activities.BeginInput) (activities.BeginResult, error) {
	result := activities.BeginResult{InventoryHash: inventoryHash, Nodes: []string{primary}}
	for i := range s.load.Secondaries {
		result.Nodes = append(result.Nodes, secondary(i+1))
	}
	return result, nil
}

const inventoryHash = "266dd1234603651429e7993af7bbbd2698801e67512245fa3770931ec25c0ec7"

func (s *standins) OpenNodes(context.Context, activities.OpenNodesInput) (activities.OpenNodesResult, error) {
	return activities.OpenNodesResult{}, nil
}

func (s *standins) Preconditions(ctx context.Context, in activities.PreconditionsInput) (contract.Plan, error) {
	s.work(ctx, "preconditions")
	made := planOf(in.Request.Cluster, s.load.Secondaries, in.Request)
	// The lock of the primary is one per cluster, and every cluster here has the same servers.
	made.Primary.ServerUUID += "-of-" + in.Request.Cluster
	made.InventoryHash = in.InventoryHash
	return made, nil
}

func (s *standins) Recheck(ctx context.Context, _ activities.RecheckInput) (activities.RecheckResult, error) {
	return activities.RecheckResult{Done: s.work(ctx, contract.StepRecheck), Clock: time.Now().UTC()}, nil
}

func (s *standins) Note(ctx context.Context, _ activities.NoteInput) (activities.NoteResult, error) {
	s.work(ctx, contract.StepNote)
	return noteOf(), nil
}

func (s *standins) Fence(ctx context.Context, _ activities.FenceInput) (activities.Done, error) {
	return s.work(ctx, contract.StepFence), nil
}

func (s *standins) Judge(ctx context.Context, _ activities.JudgeInput) (activities.Done, error) {
	return s.work(ctx, contract.StepJudge), nil
}

func (s *standins) Rehearse(ctx context.Context, _ activities.RehearseInput) (activities.RehearseResult, error) {
	return activities.RehearseResult{Done: s.work(ctx, contract.StepRehearse)}, nil
}

func (s *standins) Erase(ctx context.Context, _ activities.EraseInput) (activities.EraseResult, error) {
	return activities.EraseResult{Done: s.work(ctx, contract.StepErase), Destroyed: destroyed()}, nil
}

// Clone tells its parent of its progress by the same signal as the real one.
func (s *standins) Clone(ctx context.Context, in activities.CloneInput) (activities.CloneResult, error) {
	done := s.work(ctx, contract.StepClone)
	for i := range s.load.Signals {
		detail := contract.StepProgress{
			Step: contract.StepClone, Stage: "FILE COPY", Bytes: copyBytes / int64(s.load.Signals) * int64(i), TotalBytes: copyBytes, MiBps: 99.53216548,
		}
		activity.RecordHeartbeat(ctx, detail)
		if in.Parent != nil && (in.Parent.Tellings == nil || i < *in.Parent.Tellings) {
			_ = s.temporal.SignalWorkflow(ctx, in.Parent.WorkflowID, in.Parent.RunID, contract.SignalNode,
				contract.NodeSignal{Node: in.Target.Node, Step: contract.StepClone, At: time.Now().UTC(), Detail: &detail})
		}
		time.Sleep(s.load.Pace)
	}
	return activities.CloneResult{Done: done, Copy: copyFrom(in.Donor)}, nil
}

func (s *standins) Follow(ctx context.Context, _ activities.FollowInput) (activities.FollowResult, error) {
	return activities.FollowResult{
		Done: s.work(ctx, contract.StepFollow), Notes: []string{"2 events of the primary disabled here, their definers kept"},
	}, nil
}

func (s *standins) Verify(ctx context.Context, in activities.VerifyInput) (activities.VerifyResult, error) {
	return activities.VerifyResult{Done: s.work(ctx, contract.StepVerify), Proof: proofOf(in.Target.Node)}, nil
}

func (s *standins) VerifyTogether(ctx context.Context, in activities.VerifyTogetherInput) (activities.VerifyTogetherResult, error) {
	result := activities.VerifyTogetherResult{Done: s.work(ctx, contract.StepVerify)}
	for _, target := range in.Targets {
		proof := proofOf(target.Node)
		result.Nodes = append(result.Nodes, activities.VerifiedNode{Proof: &proof})
	}
	return result, nil
}

func (s *standins) Return(ctx context.Context, _ activities.ReturnInput) (activities.ReturnResult, error) {
	return activities.ReturnResult{Done: s.work(ctx, contract.StepReturn)}, nil
}

func (s *standins) Watch(ctx context.Context, in activities.WatchInput) (contract.WatchReport, error) {
	s.work(ctx, "watch")
	report := contract.WatchReport{Duration: contract.Duration(in.Duration), Looks: 60}
	for _, target := range in.Targets {
		report.Nodes = append(report.Nodes, contract.WatchNode{Name: target.Node, MaxLagSeconds: 1})
	}
	return report, nil
}

func (s *standins) MailReport(context.Context, activities.MailReportInput) (activities.MailResult, error) {
	return activities.MailResult{Where: "the outbox, as 2026-03-01T11-30-00Z-resync-shop.eml"}, nil
}
