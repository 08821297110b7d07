package report

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// poison would act on a terminal, in HTML, in Markdown, in a header and in a shell if it came through.
const poison = "\x1b[2J\r\nBcc: x@example.net\n</td></table><script>alert(1)</script><img src=http://evil.example/x>'$(touch pwned)`id`|**b**\u202egnp\u2028\xff\x00"

// poisoned sets every string of a value that a server, a person or an inventory writes.
func poisoned(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			poisoned(value.Elem())
		}
	case reflect.Struct:
		if value.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range value.NumField() {
			if value.Field(i).CanSet() {
				poisoned(value.Field(i))
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			poisoned(value.Index(i))
		}
	case reflect.String:
		// The outcome, the mode and their like are typed; only free text is foreign.
		if value.Type() == reflect.TypeFor[string]() && value.Len() > 0 {
			value.SetString(value.String() + poison)
		}
	}
}

func assertHarmlessText(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			t.Errorf("%U came through", r)
			return
		}
	}
	assert.NotContains(t, text, "\xff")
}

// assertHarmlessHTML reads the HTML as a program does and looks for what only this package's template may bring in.
func assertHarmlessHTML(t *testing.T, html string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(html))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, []string{"meta", "br"}, xml.HTMLEntity
	known := []string{"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "th", "span", "h1", "h2", "p", "br", "ul", "li", "pre", "a", "strong"}
	var open []string
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			assert.Contains(t, known, token.Name.Local)
			for _, attribute := range token.Attr {
				assert.NotContains(t, []string{"src", "background", "onclick", "srcset"}, attribute.Name.Local, "nothing is loaded from elsewhere")
				assert.NotContains(t, attribute.Value, "url(")
				if attribute.Name.Local == "href" {
					assert.True(t, strings.HasPrefix(attribute.Value, uiURL+"/"), attribute.Value)
				}
			}
		case xml.EndElement:
			require.NotEmpty(t, open)
			require.Equal(t, open[len(open)-1], token.Name.Local, "elements nest")
			open = open[:len(open)-1]
		}
	}
	assert.Empty(t, open)
	assert.NotContains(t, html, "ZgotmplZ", "the template engine refused a value")
	assert.NotContains(t, html, "<no value>")
}

func TestForeignTextIsHarmlessInMails(t *testing.T) {
	for name, report := range exampleReports() {
		t.Run(name, func(t *testing.T) {
			for _, made := range []Rendered{Mail(report, uiURL), ApprovalMail(report, noon, uiURL)} {
				assertHarmlessHTML(t, made.HTML)
				assertHarmlessText(t, made.Text)
				assert.NotContains(t, made.Text+made.HTML, string(unicode.ReplacementChar))
			}
			poisoned(reflect.ValueOf(&report).Elem())
			for _, made := range []Rendered{Mail(report, uiURL), ApprovalMail(report, noon, uiURL)} {
				assertHarmlessHTML(t, made.HTML)
				assertHarmlessText(t, made.HTML)
				assertHarmlessText(t, made.Text)
				assertHarmlessText(t, made.Subject)
				assert.NotContains(t, made.Subject, "\n")
				assert.LessOrEqual(t, len([]rune(made.Subject)), 400)
			}
			assertHarmlessText(t, Text(report, uiURL))
			if report.Plan != nil {
				assertHarmlessText(t, PlanText(*report.Plan))
				assertHarmlessText(t, DoctorText(*report.Plan))
			}
		})
	}
}

func TestForeignTextIsHarmlessInTheLiveTable(t *testing.T) {
	for name, progress := range exampleProgress() {
		t.Run(name, func(t *testing.T) {
			before := strings.Count(Live(progress), "\n")
			poisoned(reflect.ValueOf(&progress).Elem())
			live := Live(progress)
			assertHarmlessText(t, live)
			assert.Equal(t, before, strings.Count(live, "\n"), "no text begins a line of its own")
			assert.NotContains(t, live, "<")
			for _, line := range strings.Split(live, "\n") {
				if strings.HasPrefix(line, "|") {
					assert.Equal(t, 7, strings.Count(line, "|")-strings.Count(line, `\|`), line)
				}
			}
		})
	}
}

// A pasted command must be the words it shows; the shell itself is asked.
func TestCommandsSurviveTheShell(t *testing.T) {
	words := func(t *testing.T, command string) []string {
		t.Helper()
		script := exec.Command("sh", "-c", `set -f; USER=ana; set -- `+command+`; for word; do printf '%s\0' "$word"; done`)
		script.Dir = t.TempDir()
		out, err := script.Output()
		require.NoError(t, err)
		return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	}
	for _, odd := range []string{"resync/shop", "it's; rm -rf /", "$(touch x)`touch y`", "--help", "a\"b\\c", "*", "", "~root", "{a,b}", "#x"} {
		t.Run(odd, func(t *testing.T) {
			where := parsePlace(uiURL + "/namespaces/prod")
			payload := contract.Approve{Plan: odd, Cluster: "shop", By: whoever}
			got := words(t, where.update(odd, contract.RequestApprove, payload))
			require.Equal(t, []string{"temporal", "workflow", "update", "execute", "--namespace", "prod", "--workflow-id", odd, "--name", "approve", "--input"}, got[:len(got)-1])
			var read contract.Approve
			require.NoError(t, json.Unmarshal([]byte(got[len(got)-1]), &read))
			assert.Equal(t, contract.Approve{Plan: odd, Cluster: "shop", By: "ana"}, read)
			got = words(t, where.signal(odd, contract.RequestApprove, payload))
			assert.Contains(t, got, odd)
			require.NoError(t, json.Unmarshal([]byte(got[len(got)-1]), &read))
			assert.Equal(t, odd, read.Plan)
			assert.Equal(t, []string{"starter", "approve", odd}, words(t, starter("approve", odd, "other", "")))
			assert.Equal(t, odd, words(t, where.show(odd, "r"))[6])
		})
	}
}

func TestLinksOnlyToTheUI(t *testing.T) {
	for address, want := range map[string]string{
		"http://ui:8233":                            "http://ui:8233/namespaces/default/workflows/resync%2Fshop/r-1/history",
		"https://ui/temporal/":                      "https://ui/temporal/namespaces/default/workflows/resync%2Fshop/r-1/history",
		"https://ui/namespaces/prod%2Feu/workflows": "https://ui/namespaces/prod%2Feu/workflows/resync%2Fshop/r-1/history",
		"":                             "",
		"javascript:alert(1)":          "",
		"//evil.example":               "",
		"http://user:secret@evil":      "",
		"data:text/html,<b>x</b>":      "",
		"http://ui\" onclick=\"x:8233": "",
	} {
		assert.Equal(t, want, parsePlace(address).link("resync/shop", "r-1"), address)
	}
	assert.Empty(t, parsePlace(uiURL).link("", "r-1"))
}

// Whatever a run reports, the mail names every secondary it knows of, and never leaves one that is not in order without advice.
func TestEveryNodeIsNamedWithItsStateAndAdvice(t *testing.T) {
	outcomes := []contract.Outcome{"", contract.OutcomeSucceeded, contract.OutcomePlanned, contract.OutcomeVerified, contract.OutcomeDiverged,
		contract.OutcomePartlySucceeded, contract.OutcomeRefused, contract.OutcomeRejected, contract.OutcomeExpired,
		contract.OutcomeAlreadyRunning, contract.OutcomeCancelled, contract.OutcomeFailed}
	// What is promised is written down here once more, apart from the code under test.
	promising := []contract.Outcome{contract.OutcomePlanned, contract.OutcomeVerified, contract.OutcomeDiverged,
		contract.OutcomeRefused, contract.OutcomeRejected, contract.OutcomeExpired, contract.OutcomeAlreadyRunning}
	standings := []contract.Standing{"", contract.StandingProven, contract.StandingVerified, contract.StandingDiverged, contract.StandingUntouched,
		contract.StandingSkipped, contract.StandingFenced, contract.StandingUnknown}
	rapid.Check(t, func(r *rapid.T) {
		report := contract.Report{RunID: "r-1", WorkflowID: "w", Cluster: "shop", Outcome: rapid.SampledFrom(outcomes).Draw(r, "outcome")}
		report.Mode = rapid.SampledFrom([]contract.Mode{contract.ModeResync, contract.ModeRepair, contract.ModeVerify, contract.ModePlan}).Draw(r, "mode")
		looked := report.Mode == contract.ModeVerify || report.Mode == contract.ModePlan
		planned := rapid.IntRange(0, 4).Draw(r, "planned")
		if planned > 0 {
			report.Plan = &contract.Plan{ID: "p", Cluster: "shop"}
		}
		want := map[string]contract.Standing{}
		for i := range planned {
			name := "planned-" + string(rune('a'+i))
			node := contract.PlanNode{Name: name, Chosen: rapid.Bool().Draw(r, "chosen"), Wreck: rapid.Bool().Draw(r, "wreck")}
			report.Plan.Secondaries = append(report.Plan.Secondaries, node)
		}
		for i := range rapid.IntRange(0, 4).Draw(r, "reported") {
			name := rapid.SampledFrom([]string{"planned-", "extra-"}).Draw(r, "prefix") + string(rune('a'+i))
			standing := rapid.SampledFrom(standings).Draw(r, "standing")
			report.Nodes = append(report.Nodes, contract.NodeReport{Name: name, Standing: standing})
			if standing == "" {
				standing = contract.StandingUnknown
			}
			want[name] = standing
		}
		silent := map[string]bool{}
		if report.Plan != nil {
			for _, node := range report.Plan.Secondaries {
				if _, told := want[node.Name]; told {
					continue
				}
				promised := looked || slices.Contains(promising, report.Outcome) ||
					report.Outcome == contract.OutcomeCancelled && len(report.Nodes) == 0
				switch {
				case node.Chosen && !promised:
					want[node.Name], silent[node.Name] = contract.StandingUnknown, true
				case node.Wreck:
					want[node.Name] = contract.StandingFenced
				default:
					want[node.Name] = contract.StandingUntouched
				}
			}
		}
		table := nodesNow(report)
		if len(want) == 0 {
			if len(table.Blocks) != 0 {
				r.Fatalf("a table of no nodes")
			}
			return
		}
		rows := table.Blocks[0].Table.Rows
		if len(rows) != len(want) {
			r.Fatalf("%d rows for %d nodes", len(rows), len(want))
		}
		for _, row := range rows {
			standing := want[row[0].Text]
			if row[1].Text != string(standing) {
				r.Fatalf("%s is called %s, not %s", row[0].Text, row[1].Text, standing)
			}
			if row[2].Text == "" {
				r.Fatalf("%s has no state", row[0].Text)
			}
			if strings.ContainsRune(row[2].Text+row[2].Next, unicode.ReplacementChar) {
				r.Fatalf("%s has a broken character", row[0].Text)
			}
			inOrder := good(standing) || standing == contract.StandingUntouched
			if !inOrder && row[2].Next == "" {
				r.Fatalf("%s is %s and nobody is told what to do", row[0].Text, standing)
			}
		}
		made := Mail(report, uiURL)
		for name, standing := range want {
			if !strings.Contains(made.Text, name) || !strings.Contains(made.HTML, name) {
				r.Fatalf("%s is not in the mail", name)
			}
			reported := silent[name]
			for _, node := range report.Nodes {
				reported = reported || node.Name == name
			}
			if standing == contract.StandingUnknown && (looked || slices.Contains(promising, report.Outcome)) {
				continue // unknown, but nothing was done to it
			}
			if reported && (standing == contract.StandingFenced || standing == contract.StandingUnknown) && !strings.Contains(made.Subject, "not usable") {
				r.Fatalf("the subject %q does not warn of %s", made.Subject, name)
			}
		}
	})
}
