// Package hook calls an operator's hooks: programs on the worker's machine, and addresses. It knows how to call one, how long it may
// take, and what its answer means. It does not know when hooks are called, nor what a run does about one that failed.
//
// A hook may be called again for the same event, after an attempt that failed or a worker that died: Event.ID tells it so.
package hook

import (
	"encoding/json"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Event is what a hook is told. It holds no secret.
type Event struct {
	Place   inventory.HookPlace `json:"place"`
	Cluster string              `json:"cluster"`
	// Run is the run ID of ResyncCluster.
	Run  string        `json:"run"`
	Mode contract.Mode `json:"mode"`
	// Plan is the ID of the approved plan.
	Plan string `json:"plan,omitempty"`
	// Node is set at the places that are called for each node.
	Node string `json:"node,omitempty"`
	// Standing is where the node stands, once that is known.
	Standing contract.Standing `json:"standing,omitempty"`
	// Outcome is that of the run, once it is known.
	Outcome contract.Outcome `json:"outcome,omitempty"`
}

// ID is the same for each call for one event, and another for any other event.
func (e Event) ID() string {
	id := e.Run + "/" + string(e.Place)
	if e.Node != "" {
		id += "/" + e.Node
	}
	return id
}

// message is what a hook reads.
func (e Event) message() ([]byte, error) {
	text, err := json.Marshal(struct {
		ID string `json:"id"`
		Event
	}{e.ID(), e})
	return append(text, '\n'), err
}

// variables are the event in a command's environment, for scripts that read no JSON.
func (e Event) variables() []string {
	var all []string
	for _, v := range [][2]string{
		{"ID", e.ID()}, {"PLACE", string(e.Place)}, {"CLUSTER", e.Cluster}, {"RUN", e.Run}, {"MODE", string(e.Mode)}, {"PLAN", e.Plan},
		{"NODE", e.Node}, {"STANDING", string(e.Standing)}, {"OUTCOME", string(e.Outcome)},
	} {
		all = append(all, "CLUSTERRESYNC_HOOK_"+v[0]+"="+v[1])
	}
	return all
}

// Answer is what a hook that succeeded said.
type Answer struct {
	// Output is what it wrote or answered, at most MaxOutput bytes of valid UTF-8.
	Output string
	// Attempts is how often it was called.
	Attempts int
}

// MaxOutput bounds what is kept of a hook's output, in bytes: it goes through the run's history.
const MaxOutput = 2 << 10

// cutMark stands where output was left out.
const cutMark = "[...]"

// tail is the end of an output, where programs say why they failed.
func tail(output string) string {
	output = strings.TrimSpace(strings.ToValidUTF8(output, "\uFFFD"))
	if len(output) <= MaxOutput {
		return output
	}
	return strings.ToValidUTF8(cutMark+output[len(output)-MaxOutput+len(cutMark):], "")
}

// head is the beginning of an answer, where servers say what they mean.
func head(answer string) string {
	answer = strings.TrimSpace(strings.ToValidUTF8(answer, "\uFFFD"))
	if len(answer) <= MaxOutput {
		return answer
	}
	return strings.ToValidUTF8(answer[:MaxOutput-len(cutMark)], "") + cutMark
}
