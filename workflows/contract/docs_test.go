package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func contractPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/contract.md")
	require.NoError(t, err)
	return string(text)
}

// section is the part of the page under a heading, up to the next one of that level.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(contractPage(t), "\n## "+heading+"\n")
	require.True(t, found, "docs/contract.md has no section %s", heading)
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// firstCells are the code words in the first cells of a section's tables.
func firstCells(t *testing.T, heading string) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	for line := range strings.Lines(section(t, heading)) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for i, part := range strings.Split(cell, "`") {
			if i%2 == 1 && strings.HasPrefix(line, "| `") {
				words[part] = true
			}
		}
	}
	return words
}

// setOf is the set of the words; a mode may be called like a field.
func setOf(words []string) map[string]bool {
	set := map[string]bool{}
	for _, word := range words {
		set[word] = true
	}
	return set
}

// jsonFields are the names of a struct's exported fields as callers write them.
func jsonFields(of any) []string {
	var names []string
	structure := reflect.TypeOf(of)
	for i := range structure.NumField() {
		if field := structure.Field(i); field.IsExported() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

// constants are the values of the package's constants of a type.
func constants(t *testing.T, of string) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var values []string
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is {
				return true
			}
			if named, is := spec.Type.(*ast.Ident); is && named.Name == of {
				for _, value := range spec.Values {
					literal, is := value.(*ast.BasicLit)
					require.True(t, is, "a constant of type %s is not a literal", of)
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					values = append(values, text)
				}
			}
			return true
		})
	}
	require.NotEmpty(t, values, of)
	return values
}

func TestDocsNameEveryInput(t *testing.T) {
	want := jsonFields(Request{})
	for _, inner := range jsonFields(ProofOptions{}) {
		want = append(want, "proof."+inner)
	}
	for _, inner := range jsonFields(Quiet{}) {
		want = append(want, "quiet."+inner)
	}
	want = append(want, constants(t, "Mode")...)
	assert.Equal(t, setOf(want), firstCells(t, "Input"))
	text := section(t, "Input")
	for _, of := range []string{"UnreplicatedWrites", "DelayedReplicas", "OnUnreachable", "Donors", "ProofWhere"} {
		for _, value := range constants(t, of) {
			assert.Contains(t, text, "`"+value+"`", of)
		}
	}
	full := Request{Cluster: "shop", Quiet: &Quiet{}}.WithDefaults()
	for field, value := range map[string]string{
		"mode": "`" + string(full.Mode) + "`", "unreplicatedWrites": "`" + string(full.UnreplicatedWrites) + "`",
		"onUnreachable": "`" + string(full.OnUnreachable) + "`", "donors": "`" + string(full.Donors) + "`",
		"maxParallel": strconv.Itoa(full.MaxParallel), "throttleMiBps": strconv.Itoa(full.ThrottleMiBps),
		"adaptiveThrottle": "`" + strconv.FormatBool(full.AdaptiveThrottle) + "`",
		"delayedReplicas":  "`" + string(full.DelayedReplicas) + "`", "quiet.sessions": strconv.Itoa(full.Quiet.Sessions),
		"quiet.for": "`\"30s\"`", "quiet.within": "`\"1h\"`",
		"proof.parallel": strconv.Itoa(full.Proof.Parallel), "proof.rows": "`" + strconv.FormatBool(full.Proof.CompareRows()) + "`",
		"proof.where": "`" + string(full.Proof.Where) + "`", "proof.throttleMiBps": strconv.Itoa(full.Proof.ThrottleMiBps),
		"proof.lockFallback": "`" + strconv.FormatBool(full.Proof.LockFallback) + "`",
		"alignSettings":      "`" + strconv.FormatBool(full.AlignSettings) + "`",
		"proof.values":       "`" + strconv.FormatBool(full.Proof.Values) + "`",
		"proof.hideKeys":     "`" + strconv.FormatBool(full.Proof.HideKeys) + "`",
		"watch":              "`\"5m\"`", "approvalTimeout": "`\"24h\"`",
	} {
		_, row, found := strings.Cut(text, "| `"+field+"` |")
		require.True(t, found, field)
		assert.Equal(t, value, strings.TrimSpace(strings.Split(row, "|")[1]), "the default of %s", field)
	}
	assert.Equal(t, "5m0s", full.Watch.String())
	assert.Equal(t, "30s", full.Quiet.For.String())
	assert.Equal(t, "1h0m0s", full.Quiet.Within.String())
	assert.Equal(t, "24h0m0s", full.ApprovalTimeout.String())
}

func TestDocsNameEveryRequestWithItsPayload(t *testing.T) {
	text := section(t, "Requests")
	for name, payload := range map[string]any{
		RequestApprove: Approve{}, RequestReject: Reject{}, RequestPause: Pause{}, RequestResume: Resume{},
		RequestThrottle: Throttle{}, RequestAbort: Abort{},
	} {
		_, row, found := strings.Cut(text, "| `"+name+"` |")
		require.True(t, found, name)
		cell, _, _ := strings.Cut(row, "|")
		for _, field := range jsonFields(payload) {
			assert.Contains(t, cell, "`"+field+"`", name)
		}
	}
}

func TestDocsNameEveryAnswer(t *testing.T) {
	for heading, names := range map[string][]string{
		"Progress": append(append(jsonFields(Progress{}), constants(t, "Phase")...), append(jsonFields(NodeProgress{}), constants(t, "Step")...)...),
		"Outcomes": append(append(jsonFields(Report{}), jsonFields(NodeReport{})...), constants(t, "Standing")...),
	} {
		text := section(t, heading)
		for _, name := range names {
			assert.Contains(t, text, "`"+name+"`", heading)
		}
	}
}

func TestDocsNameEveryOutcomeWithItsExitCode(t *testing.T) {
	text := section(t, "Outcomes")
	for _, name := range constants(t, "Outcome") {
		_, row, found := strings.Cut(text, "| `"+name+"` |")
		require.True(t, found, name)
		cells := strings.Split(row, "|")
		closes := "failed"
		switch outcome := Outcome(name); {
		case outcome.Good():
			closes = "completed"
		case outcome == OutcomeCancelled:
			closes = "cancelled"
		}
		assert.Equal(t, closes, strings.TrimSpace(cells[1]), name)
		assert.Equal(t, strconv.Itoa(Outcome(name).ExitCode()), strings.TrimSpace(cells[2]), name)
	}
}

func TestDocsNameEveryErrorType(t *testing.T) {
	want := append(constants(t, "ErrorType"), string(PreconditionError("<code>")))
	assert.Equal(t, setOf(want), firstCells(t, "Error types"))
}

func TestDocsNameEveryName(t *testing.T) {
	text := section(t, "Names")
	for _, name := range []string{
		DefaultTaskQueue, WorkflowResyncCluster, WorkflowResyncNode, WorkflowClusterLock, QueryProgress, ClusterWorkflowID("<cluster>"),
		NodeWorkflowID("<cluster>", "<node>"), LockWorkflowID("<cluster>"), PrimaryLockWorkflowID("<server_uuid of the primary>"),
	} {
		assert.Contains(t, text, "`"+name+"`")
	}
}
