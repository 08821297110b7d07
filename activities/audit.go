package activities

import (
	"context"

	"github.com/clusterresync/clusterresync/internal/audit"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// AuditInput is a report that has an approved plan, and at the run's end an outcome.
type AuditInput struct {
	Report contract.Report `json:"report"`
}

// AuditResult says where the record lies.
type AuditResult struct {
	Where string `json:"where"`
}

// Audit adds a line to the run's record in this worker's archive: that of the approval, or of the end once there is an outcome. Written
// twice it is there once. It fails with Audit when the archive cannot be written.
func (a *Activities) Audit(ctx context.Context, in AuditInput) (AuditResult, error) {
	result, err := a.audit(ctx, in)
	return result, asTemporal(ctx, err)
}

func (a *Activities) audit(ctx context.Context, in AuditInput) (AuditResult, error) {
	pulse := startPulse(ctx, "audit")
	defer pulse.end()
	if a.config.Archive == nil {
		return AuditResult{}, failed(contract.ErrorAudit, "this worker keeps no audit record although another does: give all workers of the task queue an archive")
	}
	lineOf := audit.Approved
	if in.Report.Outcome != "" {
		lineOf = audit.Ended
	}
	line, err := lineOf(in.Report)
	if err != nil {
		return AuditResult{}, final(contract.ErrorAudit, "%w", err)
	}
	if err := audit.Append(ctx, a.config.Archive.Store, line); err != nil {
		return AuditResult{}, failed(contract.ErrorAudit, "%w", err)
	}
	return AuditResult{Where: a.config.Archive.Store.Where() + "/" + line.Name + " on " + a.config.Archive.Store.Host()}, nil
}
