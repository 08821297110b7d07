package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Each method plays the activity of its name: it demands what the real one demands, and changes the cluster in memory as the real one
// changes servers.

func (s *script) Begin(ctx context.Context, in activities.BeginInput) (activities.BeginResult, error) {
	result := activities.BeginResult{InventoryHash: "hash", Hooks: s.cluster.hooked, Audit: s.cluster.audited}
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

func (s *script) WaitQuiet(ctx context.Context, in activities.QuietInput) (activities.Done, error) {
	attempt, err := s.perform(ctx, "", "", func() error {
		s.demand(in.Target.Node == primary && in.Target.PrimaryUUID == s.cluster.donors[primary].uuid(), "the gate looks at %v", in.Target)
		s.quiet = append(s.quiet, in)
		if s.cluster.busy {
			return lasting(contract.ErrorNotQuiet)
		}
		return nil
	})
	return activities.Done{Attempts: attempt}, err
}

func (s *script) Hook(ctx context.Context, in activities.HookInput) (activities.HookResult, error) {
	_, err := s.perform(ctx, in.Event.Node, "", func() error {
		s.demand(slices.Contains(s.cluster.hooked, in.Event.Place), "no hook was declared at %s", in.Event.Place)
		s.called = append(s.called, in.Event)
		return nil
	})
	return activities.HookResult{Notes: []string{string(in.Event.Place) + " answered"}}, err
}

func (s *script) Audit(ctx context.Context, in activities.AuditInput) (activities.AuditResult, error) {
	_, err := s.perform(ctx, "", "", func() error {
		s.demand(s.cluster.audited, "an audit was written that nobody keeps")
		s.audited = append(s.audited, in.Report)
		return nil
	})
	return activities.AuditResult{Where: "the archive"}, err
}

func (s *script) Rescue(ctx context.Context, in activities.RescueInput) (activities.RescueResult, error) {
	result := activities.RescueResult{Queue: s.cluster.archive}
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.fenced && node.data == own, "%s was rescued with %s, fenced: %t", node.name, node.data, node.fenced)
		result.Rescued = &contract.Rescued{Where: "the archive", GTIDs: node.errant}
		return nil
	})
	result.Done = done
	return result, err
}

func (s *script) Recheck(ctx context.Context, in activities.RecheckInput) (activities.RecheckResult, error) {
	attempt, err := s.perform(ctx, in.Target.Node, "", func() error {
		s.leaving[in.Target.Node] = in.Out
		if (!in.WasOut || s.cluster.node(in.Target.Node).inService()) && s.cluster.serveBeside(in.Target.Node, in.Out) < in.Floor {
			return passing(contract.ErrorFloor)
		}
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
		serving := node.inService()
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

// donates demands a donor that is complete, and in service unless its account passes fences; that it feeds nobody else is read off the
// record.
func (s *script) donates(name, uuid string) {
	donor, returned := s.cluster.donors[name]
	fit := returned && !donor.fenced
	if !returned {
		donor = s.cluster.node(name)
		fit = s.cluster.fencedDonors && donor.data == copied && donor.following
	}
	s.demand(fit && uuid == donor.uuid(), "%s (%s) was taken for a donor", name, uuid)
}

func (s *script) Erase(ctx context.Context, in activities.EraseInput) (activities.EraseResult, error) {
	var result activities.EraseResult
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.fenced, "%s was erased without a fence", node.name)
		if node.data == own {
			rescues := s.plans[len(s.plans)-1].UnreplicatedWrites == contract.UnreplicatedRescue
			s.demand(rescues == in.Rescue, "%s is erased as one to be rescued: %t", node.name, in.Rescue)
			s.demand(!rescues || node.errant == "" || in.Rescued != nil && in.Rescued.GTIDs == node.errant,
				"%s was erased with %q, and %v is kept", node.name, node.errant, in.Rescued)
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
	if in.Target.Node == "b" {
		s.mu.Lock()
		s.othersAsked = append(s.othersAsked, in.OtherDonors)
		s.mu.Unlock()
	}
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

func (s *script) EndClone(ctx context.Context, in activities.EndCloneInput) (activities.Done, error) {
	return s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.fenced, "the clone of %s was ended outside the fence", node.name)
		return nil
	})
}

func (s *script) Follow(ctx context.Context, in activities.FollowInput) (activities.FollowResult, error) {
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.fenced && node.data == copied, "%s followed with %s, fenced: %t", node.name, node.data, node.fenced)
		node.following = true
		return s.samePrimary()
	})
	return activities.FollowResult{Done: done, Notes: []string{"2 events of the primary disabled here, their definers kept"}}, err
}

func (s *script) Align(ctx context.Context, in activities.AlignInput) (activities.Done, error) {
	return s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.fenced && node.following && node.data == copied && !node.differs, "the settings of %s were aligned with %s", node.name, node.data)
		s.demand(s.done("Verify", node.name), "%s was aligned before it was proven", node.name)
		s.demand(slices.Equal(in.Changes, s.cluster.drift), "%s was aligned by %v, and %v was approved", node.name, in.Changes, s.cluster.drift)
		return nil
	})
}

func (s *script) Return(ctx context.Context, in activities.ReturnInput) (activities.ReturnResult, error) {
	done, err := s.change(ctx, in.Target, "", func(node *server) error {
		s.demand(node.following && node.data == copied && !node.differs, "%s was returned with %s", node.name, node.data)
		s.demand(node.wreck == in.Noted.Wreck, "%s was returned without its note", node.name)
		node.fenced, node.serving, node.lags = false, true, false
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
			result.StillFenced, result.Erased = "erased, at least in part; it is fenced", true
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
