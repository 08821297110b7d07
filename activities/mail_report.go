package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/clusterresync/clusterresync/internal/mail"
	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// MailReportInput is the report and whom the run's input names.
type MailReportInput struct {
	Report contract.Report `json:"report"`
	Notify []string        `json:"notify,omitempty"`
}

// MailApprovalInput is a report whose plan awaits approval until a time.
type MailApprovalInput struct {
	Report contract.Report `json:"report"`
	Until  time.Time       `json:"until"`
	Notify []string        `json:"notify,omitempty"`
}

// MailResult says where a mail went.
type MailResult struct {
	Where string `json:"where"`
}

// MailReport sends the one mail that tells how a run ended. It is sent at least once: the run ID in its subject, its Message-ID and a
// custom argument make a duplicate recognisable.
func (a *Activities) MailReport(ctx context.Context, in MailReportInput) (MailResult, error) {
	where, err := a.send(ctx, in.Report, in.Notify, report.Mail(in.Report, a.config.UIURL), mail.KindReport)
	return MailResult{Where: where}, asTemporal(ctx, err)
}

// MailApproval sends the mail that asks for an approval, with the plan in it.
func (a *Activities) MailApproval(ctx context.Context, in MailApprovalInput) (MailResult, error) {
	where, err := a.send(ctx, in.Report, in.Notify, report.ApprovalMail(in.Report, in.Until, a.config.UIURL), mail.KindApproval)
	return MailResult{Where: where}, asTemporal(ctx, err)
}

func (a *Activities) send(ctx context.Context, of contract.Report, notify []string, content report.Rendered, kind string) (string, error) {
	to := a.recipients(of.Cluster, notify)
	if len(to) == 0 {
		return "", final(contract.ErrorMail, "nobody to mail: name recipients in the inventory, in the worker's configuration or in the run's notify")
	}
	where, err := a.config.Mail.Send(ctx, mail.Message{
		To: to, Subject: content.Subject, Text: content.Text, HTML: content.HTML,
		RunID: of.RunID, ID: mail.NewID(of.RunID, kind),
	})
	if err != nil {
		return "", fmt.Errorf("mail to %d recipients: %w", len(to), err)
	}
	return where, nil
}

// recipients are those of the cluster's inventory, or the worker's default when there is none, and those of the run. An inventory that
// cannot be read any more is no reason to tell nobody.
func (a *Activities) recipients(cluster string, notify []string) []string {
	to := slices.Clone(a.config.DefaultMailTo)
	if inventory, err := a.inventory(); err == nil {
		declared := inventory.Mail.To
		if known, err := inventory.Cluster(cluster); err == nil {
			declared = known.Mail.To
		}
		if len(declared) > 0 {
			to = slices.Clone(declared)
		}
	}
	for _, address := range notify {
		if !slices.Contains(to, address) {
			to = append(to, address)
		}
	}
	return to
}
