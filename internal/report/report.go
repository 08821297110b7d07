// Package report puts plans, progress and results of runs into words: plain text for terminals and mails, HTML for mails, and a live
// table in Markdown for Temporal's UI.
//
// Text and HTML are two views of one document, so that they cannot say different things. Every function is pure: its output depends on
// its input alone, without clock, locale or map order, so that workflow code may call it. Whatever servers, people and inventories
// wrote is untrusted: control characters and direction marks are shown as escapes, HTML and Markdown are escaped, commands are quoted
// for the shell.
//
// It knows the contract and how people read. It does not know where a mail goes (package mail), and judges nothing: it repeats the
// verdicts that the run made.
package report

import (
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Rendered is a mail's content: one document as text and as HTML, and its subject.
type Rendered struct {
	Subject string
	Text    string
	HTML    string
}

// Mail is the mail that says how a run ended. uiURL is the base address of Temporal's UI as readers reach it, such as
// http://127.0.0.1:8233, or with a namespace other than "default", http://127.0.0.1:8233/namespaces/prod; empty leaves links out.
func Mail(report contract.Report, uiURL string) Rendered {
	return rendered(Subject(report), resultDocument(report, parsePlace(uiURL)))
}

// ApprovalMail is the mail that asks for the approval of the report's plan: what it would do and destroy, how long the request stands,
// and the commands that approve and reject it. A zero until leaves the limit out. uiURL is as in Mail.
func ApprovalMail(report contract.Report, until time.Time, uiURL string) Rendered {
	return rendered(ApprovalSubject(report), approvalDocument(report, until, parsePlace(uiURL)))
}

// Text is a run's result for a terminal. uiURL is as in Mail.
func Text(report contract.Report, uiURL string) string {
	return plain(resultDocument(report, parsePlace(uiURL)).cleaned())
}

// PlanText is a plan for a terminal.
func PlanText(plan contract.Plan) string { return plain(planDocument(plan).cleaned()) }

func rendered(subject string, d document) Rendered {
	d = d.cleaned()
	return Rendered{Subject: subject, Text: plain(d), HTML: hypertext(d)}
}
