package scale

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// payloadLimit is the largest payload that Temporal takes, in bytes (limit.blobSize.error).
const payloadLimit = 2 << 20

// BenchmarkPlan weighs the plan of the large cluster, which is one payload, as its nodes have more to say, and tells how many nodes fit.
func BenchmarkPlan(b *testing.B) {
	for b.Loop() {
		made := planOf("large", *nodes, contract.Request{Cluster: "large"}.WithDefaults())
		fmt.Printf("\nThe plan of %d secondaries\n", *nodes)
		weighPlan(b, fmt.Sprintf("healthy, %d schemas", schemas), made, func(*contract.PlanNode) {})
		weighPlan(b, "healthy, no schemas named", made, func(n *contract.PlanNode) { n.Schemas = nil })
		weighPlan(b, "healthy, 100 schemas", made, func(n *contract.PlanNode) { n.Schemas = hundredSchemas() })
		weighPlan(b, "each has writes of its own", made, func(n *contract.PlanNode) {
			n.Loss = contract.Loss{ErrantGTIDs: n.ServerUUID + ":1-6", Transactions: 6, Preview: previewAtItsCap()}
		})
		warned := made
		for _, n := range made.Secondaries {
			warned.Findings = append(slices.Clip(warned.Findings), roomWarning(n.Name))
		}
		weighPlan(b, "one warning on each", warned, func(*contract.PlanNode) {})
	}
	b.ReportMetric(0, "ns/op")
}

func weighPlan(b *testing.B, what string, made contract.Plan, change func(*contract.PlanNode)) {
	made.Secondaries = slices.Clone(made.Secondaries)
	for i := range made.Secondaries {
		change(&made.Secondaries[i])
	}
	text, err := json.Marshal(made)
	require.NoError(b, err)
	each := len(text) / len(made.Secondaries)
	row(what, fmt.Sprintf("%s, %d B a node: %d nodes fit", bytesText(len(text)), each, payloadLimit/each), "2 MiB")
}

func hundredSchemas() []string {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("shop_orders_%03d", i))
	}
	return names
}

func roomWarning(name string) contract.Finding {
	return contract.Finding{
		Code: "room", Node: name, Verdict: contract.VerdictWarn, Wanted: "the node has room for the primary's data",
		Observed: "its user data take 87.9 GiB, the primary's 175.8 GiB; its free space cannot be read over SQL",
		Remedy:   "make sure that 87.9 GiB are free in the node's data directory (df)",
	}
}
