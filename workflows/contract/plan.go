package contract

import "time"

// Verdict is what a check says.
type Verdict string

// The verdicts of a check.
const (
	// VerdictPass: nothing to do.
	VerdictPass Verdict = "pass"
	// VerdictWarn: the run may go on; a person should know.
	VerdictWarn Verdict = "warn"
	// VerdictFail: the run is refused.
	VerdictFail Verdict = "fail"
)

// Finding is what one check saw on one node.
type Finding struct {
	// Code names the check; it is stable, so that programs can act on it.
	Code string `json:"code"`
	// Node is the node it was seen on; empty for the cluster as a whole.
	Node     string  `json:"node,omitempty"`
	Verdict  Verdict `json:"verdict"`
	Observed string  `json:"observed"`
	Wanted   string  `json:"wanted,omitempty"`
	// Remedy is what to do, ready to be pasted: SQL, a server option or an inventory line.
	Remedy string `json:"remedy,omitempty"`
}

// PlanNode is one node as the plan saw it.
type PlanNode struct {
	Name       string `json:"name"`
	ServerUUID string `json:"serverUuid,omitempty"`
	// Address is how the worker reaches the node, PeerAddress how other nodes do.
	Address     string `json:"address"`
	PeerAddress string `json:"peerAddress"`
	Version     string `json:"version,omitempty"`
	// Chosen nodes will be erased and refilled (or, under verify, proven).
	Chosen bool `json:"chosen"`
	// Reachable is false for a node that could not be observed; such a node is never chosen.
	Reachable bool `json:"reachable"`
	// Serving nodes follow the primary and are open to clients.
	Serving bool `json:"serving"`
	// Wreck nodes were left fenced by an earlier run of ours.
	Wreck bool `json:"wreck,omitempty"`
	// LagSeconds is how far a following node is behind; -1 when it does not follow.
	LagSeconds int64 `json:"lagSeconds"`
	// DelaySeconds is how far the node is kept behind on purpose: the older state that it holds is erased with it.
	DelaySeconds int `json:"delaySeconds,omitempty"`
	// DataBytes is the size of the tables in user schemas, in bytes.
	DataBytes int64 `json:"dataBytes"`
	// Schemas are the user schemas that the erase would drop.
	Schemas []string `json:"schemas,omitempty"`
	// Settings are brought in line once the node is proven, where that was asked for; in the list's order.
	Settings []SettingChange `json:"settings,omitempty"`
	// Loss is what only this node has.
	Loss Loss `json:"loss"`
	// State says in a few words how the node stands now.
	State string `json:"state"`
}

// ServingLag is how far behind a secondary may be, by chance or on purpose, and still count as in service, in seconds.
const ServingLag = 300

// Delayed reports whether the node is kept too far behind to count as in service, however well it replicates.
func (n PlanNode) Delayed() bool { return n.DelaySeconds > ServingLag }

// Plan is what a run would do and destroy, computed without changing anything.
type Plan struct {
	// ID changes when anything that was approved would change: the identities of the nodes, what is lost, the options that
	// destroy. It does not change with moving positions.
	ID      string    `json:"id"`
	Cluster string    `json:"cluster"`
	Mode    Mode      `json:"mode"`
	MadeAt  time.Time `json:"madeAt"`
	// InventoryHash is the inventory that the plan was made with.
	InventoryHash string     `json:"inventoryHash"`
	Primary       PlanNode   `json:"primary"`
	Secondaries   []PlanNode `json:"secondaries"`
	// Findings are what every check saw, failures first.
	Findings []Finding `json:"findings"`
	// MinServing is how many secondaries the run keeps in service.
	MinServing int `json:"minServing"`
	// Waves are the rounds in which the nodes are taken out of service, if every copy takes equally long, and every proof of rows as long
	// as a copy.
	Waves []Wave `json:"waves,omitempty"`
	// FencedDonors says that the donor account passes fences, so that a node feeds another from the moment it follows the primary; else it
	// does so only once it is proven and back in service.
	FencedDonors bool `json:"fencedDonors,omitempty"`
	// WavesSaved is how many waves fewer there would be if the donor account passed fences; 0 when it does.
	WavesSaved int `json:"wavesSaved,omitempty"`
	// Estimate is how long the copies may take; nil when nothing is known to reckon with.
	Estimate *Estimate `json:"estimate,omitempty"`
	// Hooks are the places of a run at which the inventory names hooks: empty when none are set, nil when that was not looked at.
	Hooks []string `json:"hooks,omitzero"`
	// UnreplicatedWrites is what happens to writes that only a secondary has.
	UnreplicatedWrites UnreplicatedWrites `json:"unreplicatedWrites"`
}

// Wave is one round of a run: the nodes that are erased and refilled at the same time.
type Wave struct {
	Nodes []string `json:"nodes"`
	// CopiesLeft is how many whole copies of the data there are while the wave's nodes are erased, the primary's included.
	CopiesLeft int `json:"copiesLeft"`
	// Serving is how many secondaries are in service meanwhile.
	Serving int `json:"serving"`
}

// Estimate is a guess with its basis.
type Estimate struct {
	// Copy is how long the copy of one node may take.
	Copy Duration `json:"copy"`
	// Whole is how long all waves may take, proofs and the watch period not included.
	Whole Duration `json:"whole"`
	// Basis says what it was reckoned from.
	Basis string `json:"basis"`
}

// Chosen are the secondaries that the plan will work on.
func (p Plan) Chosen() []PlanNode {
	var chosen []PlanNode
	for _, node := range p.Secondaries {
		if node.Chosen {
			chosen = append(chosen, node)
		}
	}
	return chosen
}

// Failures are the findings that refuse the run.
func (p Plan) Failures() []Finding { return p.with(VerdictFail) }

// Warnings are the findings that a person should know.
func (p Plan) Warnings() []Finding { return p.with(VerdictWarn) }

// Destroys reports whether the plan would destroy something that only a secondary has and that is not kept elsewhere.
func (p Plan) Destroys() bool {
	for _, node := range p.Chosen() {
		kept := p.UnreplicatedWrites == UnreplicatedRescue && node.Loss.Rescuable()
		if !node.Loss.None() && !kept {
			return true
		}
	}
	return false
}

func (p Plan) with(verdict Verdict) []Finding {
	var some []Finding
	for _, finding := range p.Findings {
		if finding.Verdict == verdict {
			some = append(some, finding)
		}
	}
	return some
}
