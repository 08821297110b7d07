package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/clusterresync/clusterresync/internal/report"
	"github.com/clusterresync/clusterresync/starter/runs"
	"github.com/clusterresync/clusterresync/starter/terminal"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// app is what every command works with.
type app struct {
	surroundings surroundings
	terminal     *terminal.Terminal
	json         bool
	connection   Connection
	env          envconfig.EnvLookup
	look         time.Duration
}

// note tells a person something about what goes on.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.terminal.Err, terminal.CleanLines(fmt.Sprintf(format, args...)))
}

// print writes a line of what was asked for.
func (a *app) print(format string, args ...any) {
	fmt.Fprintln(a.terminal.Out, terminal.CleanLines(fmt.Sprintf(format, args...)))
}

// lines writes lines for a person to a stream.
func lines(stream *terminal.Stream, block []terminal.Line) {
	var text strings.Builder
	for _, line := range block {
		text.WriteString(stream.Paint(line.Style, line.Text) + "\n")
	}
	fmt.Fprint(stream, text.String())
}

// document writes the one JSON document of a command.
func (a *app) document(value any) error {
	encoder := json.NewEncoder(a.terminal.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// show prints how a run closed and returns the exit code of its outcome.
func (a *app) show(closing runs.Closing) (int, error) {
	if a.json {
		return closing.ExitCode(), a.document(closingDocument(closing))
	}
	if closing.Report != nil {
		_, err := fmt.Fprint(a.terminal.Out, a.reportText(*closing.Report))
		return closing.ExitCode(), err
	}
	fmt.Fprintf(a.terminal.Out, "%s\n", terminal.CleanLines(fmt.Sprintf("%s closed without a report: %s", closing.WorkflowID, closing.Failure)))
	if closing.Terminated {
		a.note("It was ended from outside and could not clean up: a node that it was working on may be erased and fenced.\n" +
			"See what is there with `starter plan CLUSTER`; a new run heals nodes that were left fenced.")
	}
	return closing.ExitCode(), nil
}

// closingDocument is the report, or what is known in place of one.
func closingDocument(closing runs.Closing) any {
	if closing.Report != nil {
		return closing.Report
	}
	return struct {
		runs.Ref
		Error    string `json:"error"`
		ExitCode int    `json:"exitCode"`
	}{closing.Ref, closing.Failure, closing.ExitCode()}
}

// who names the person for the report.
func who(given string) string {
	if given != "" {
		return given
	}
	name := "unknown"
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// addressed is how a person names the run on a command line: by the cluster where that is enough.
func addressed(ref runs.Ref, cluster string) string {
	if cluster != "" && ref.WorkflowID == contract.ClusterWorkflowID(cluster) {
		return cluster
	}
	return report.Quoted(ref.WorkflowID)
}
