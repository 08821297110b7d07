package report

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// place is where readers find Temporal.
type place struct {
	// ui is a base URL without a slash at its end; empty when there is none.
	ui        string
	namespace string
}

const defaultNamespace = "default"

// parsePlace takes the UI's address, with or without a namespace. What is no http or https address gives no link: a mail with a
// doubtful link is worse than one without.
func parsePlace(uiURL string) place {
	parsed, err := url.Parse(strings.TrimSpace(uiURL))
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.User != nil {
		return place{namespace: defaultNamespace}
	}
	base, namespace, found := strings.Cut(parsed.EscapedPath(), "/namespaces/")
	if namespace, _, _ = strings.Cut(namespace, "/"); !found || namespace == "" {
		namespace = defaultNamespace
	}
	if plain, err := url.PathUnescape(namespace); err == nil {
		namespace = plain
	}
	return place{ui: parsed.Scheme + "://" + parsed.Host + strings.TrimRight(base, "/"), namespace: namespace}
}

// link is the run's page in the UI.
func (p place) link(workflowID, runID string) string {
	if p.ui == "" || workflowID == "" {
		return ""
	}
	link := p.ui + "/namespaces/" + url.PathEscape(p.namespace) + "/workflows/" + url.PathEscape(workflowID)
	if runID != "" {
		link += "/" + url.PathEscape(runID) + "/history"
	}
	return link
}

// The commands name the workflow without its run: at most one run of it is open, and the plan's ID tells runs apart.

func (p place) show(workflowID, runID string) string {
	return "temporal workflow show" + p.in() + " --workflow-id " + Quoted(workflowID) + " --run-id " + Quoted(runID) + " --output json"
}

func (p place) update(workflowID, request string, payload any) string {
	return "temporal workflow update execute" + p.in() + " --workflow-id " + Quoted(workflowID) + " --name " + request +
		" --input " + input(payload)
}

func (p place) signal(workflowID, request string, payload any) string {
	command := "tctl"
	if p.namespace != defaultNamespace {
		command += " --namespace " + Quoted(p.namespace)
	}
	return command + " workflow signal --workflow_id " + Quoted(workflowID) + " --name " + request + " --input " + input(payload)
}

// starter names the run by its cluster when it has the starter's usual ID, else by its workflow ID.
func starter(request, workflowID, cluster, options string) string {
	run := workflowID
	if workflowID == contract.ClusterWorkflowID(cluster) {
		run = cluster
	}
	return "starter " + request + " " + Quoted(run) + options
}

func (p place) in() string {
	if p.namespace == defaultNamespace {
		return ""
	}
	return " --namespace " + Quoted(p.namespace)
}

var needsNoQuotes = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=][A-Za-z0-9_./:@%+=-]*$`)

// Quoted makes any text one word of a POSIX shell, so that a pasted command does what it shows.
func Quoted(text string) string {
	if needsNoQuotes.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// whoever stands in a request's By for the reader, whom the shell knows: a pasted command needs no edit to leave a name.
const whoever = "{whoever pastes this}"

// input is a request as JSON, ready for a shell.
func input(payload any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(payload); err != nil {
		return "'{}'" // the contract's requests are strings, numbers and booleans, which always encode
	}
	return strings.ReplaceAll(Quoted(strings.TrimSpace(text.String())), `"`+whoever+`"`, `"'"$USER"'"`)
}
