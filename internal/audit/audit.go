// Package audit is the append-only record of what was agreed to and what became of it: one file for each run, JSON, one line when the
// approval is given (before anything is touched) and one when the run ends.
//
// It knows what such a line says, taken from the run's report alone, so that the same report always gives the same line: whoever writes
// it twice, after a crash for example, doubles nothing. It does not know where the files lie: that is a Store's business. A line holds no
// values of rows and no secrets, because the report has none; keys of rows that differ, which the report has, are left out.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Store keeps files of lines that only grow.
type Store interface {
	// Append adds a line to the file of that name, a relative path with slashes, and flushes it to disk; it makes the file if need be. A
	// line that is in the file already is not added again.
	Append(ctx context.Context, name string, line []byte) error
}

// Line is one line of a run's record.
type Line struct {
	// Name is that of the record's file in its store.
	Name string
	// JSON is the line, without its line end.
	JSON []byte
}

// Append writes a line to a store, once however often it is called.
func Append(ctx context.Context, store Store, line Line) error {
	if err := store.Append(ctx, line.Name, line.JSON); err != nil {
		return fmt.Errorf("the audit record %s cannot be written: %w", line.Name, err)
	}
	return nil
}

// Approved is the line of a plan that was approved. It is an error if the report has no approval.
func Approved(report contract.Report) (Line, error) {
	if report.Plan == nil || report.Approval == nil || !report.Approval.Approved {
		return Line{}, errors.New("audit: the report has no approved plan")
	}
	return lineOf(report, approved{
		Event: "approved", run: runOf(report), Consent: report.Approval, Plan: planOf(*report.Plan),
	})
}

// Ended is the line of a run that has its outcome. It is an error if the report has none.
func Ended(report contract.Report) (Line, error) {
	if report.Outcome == "" {
		return Line{}, errors.New("audit: the report has no outcome")
	}
	line := ended{
		Event: "ended", run: runOf(report), At: report.Ended, Outcome: report.Outcome, ErrorType: report.ErrorType, Reason: report.Reason,
		Consent: report.Approval, Notes: report.Notes,
	}
	if report.Plan != nil {
		line.Plan = report.Plan.ID
	}
	for _, node := range report.Nodes {
		line.Nodes = append(line.Nodes, nodeOf(node))
	}
	return lineOf(report, line)
}

func lineOf(report contract.Report, value any) (Line, error) {
	if report.RunID == "" {
		return Line{}, errors.New("audit: the report has no run ID")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return Line{}, fmt.Errorf("audit: %w", err)
	}
	return Line{Name: path.Join("audit", element(report.Cluster), element(report.RunID)+".jsonl"), JSON: text}, nil
}

var notInElement = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// longestElement is within what every file system takes for one name, in bytes.
const longestElement = 128

// element makes one element of a path of a text that a caller may have mistyped. Names of the inventory and run IDs stay as they are.
func element(name string) string {
	name = notInElement.ReplaceAllString(name, "_")
	if name == "" {
		return "_"
	}
	return name[:min(len(name), longestElement)]
}
