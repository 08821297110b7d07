package audit

import (
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// The forms of the lines. Files outlive versions: fields are added, never renamed or given another meaning.

// run is in every line, so that each can be read alone.
type run struct {
	Run         string        `json:"run"`
	Workflow    string        `json:"workflow"`
	Cluster     string        `json:"cluster"`
	Mode        contract.Mode `json:"mode"`
	RequestedBy string        `json:"requestedBy,omitempty"`
	Began       time.Time     `json:"began"`
}

func runOf(report contract.Report) run {
	return run{report.RunID, report.WorkflowID, report.Cluster, report.Mode, report.RequestedBy, report.Began}
}

type approved struct {
	Event string `json:"event"`
	run
	// Consent says who approved, when, of which plan, and whether in advance.
	Consent *contract.Approval `json:"consent"`
	Plan    plan               `json:"plan"`
}

// plan is what was consented to.
type plan struct {
	ID                 string                      `json:"id"`
	MadeAt             time.Time                   `json:"madeAt"`
	InventoryHash      string                      `json:"inventoryHash"`
	UnreplicatedWrites contract.UnreplicatedWrites `json:"unreplicatedWrites"`
	Primary            server                      `json:"primary"`
	Nodes              []toErase                   `json:"nodes"`
}

type server struct {
	Name       string `json:"name"`
	ServerUUID string `json:"serverUuid"`
	Address    string `json:"address"`
}

// toErase is one chosen node and all that its erase would destroy.
type toErase struct {
	server
	Schemas   []string      `json:"schemas,omitempty"`
	DataBytes int64         `json:"dataBytes"`
	Wreck     bool          `json:"wreck,omitempty"`
	Loss      contract.Loss `json:"loss"`
}

func planOf(p contract.Plan) plan {
	seen := plan{ID: p.ID, MadeAt: p.MadeAt, InventoryHash: p.InventoryHash, UnreplicatedWrites: p.UnreplicatedWrites, Primary: serverOf(p.Primary)}
	for _, node := range p.Chosen() {
		seen.Nodes = append(seen.Nodes, toErase{serverOf(node), node.Schemas, node.DataBytes, node.Wreck, node.Loss})
	}
	return seen
}

func serverOf(node contract.PlanNode) server { return server{node.Name, node.ServerUUID, node.Address} }

type ended struct {
	Event string `json:"event"`
	run
	At        time.Time          `json:"at"`
	Outcome   contract.Outcome   `json:"outcome"`
	ErrorType contract.ErrorType `json:"errorType,omitempty"`
	Reason    string             `json:"reason"`
	Plan      string             `json:"plan,omitempty"`
	Consent   *contract.Approval `json:"consent,omitempty"`
	Nodes     []nodeEnd          `json:"nodes,omitempty"`
	Notes     []string           `json:"notes,omitempty"`
}

// nodeEnd is what became of one node.
type nodeEnd struct {
	Name       string             `json:"name"`
	ServerUUID string             `json:"serverUuid,omitempty"`
	Standing   contract.Standing  `json:"standing"`
	ErrorType  contract.ErrorType `json:"errorType,omitempty"`
	Error      string             `json:"error,omitempty"`
	// Steps are those that change a node, with their times and attempts.
	Steps []step `json:"steps,omitempty"`
	// Rescued is where the writes lie that only the node had; Destroyed is what its erase removed, those writes included.
	Rescued   *contract.Rescued   `json:"rescued,omitempty"`
	Destroyed *contract.Destroyed `json:"destroyed,omitempty"`
	Copy      *contract.Copy      `json:"copy,omitempty"`
	Proof     *proof              `json:"proof,omitempty"`
}

type step struct {
	Step     contract.Step     `json:"step"`
	Began    time.Time         `json:"began"`
	Duration contract.Duration `json:"duration"`
	Attempts int               `json:"attempts"`
	Failed   bool              `json:"failed,omitempty"`
}

func nodeOf(node contract.NodeReport) nodeEnd {
	end := nodeEnd{
		Name: node.Name, ServerUUID: node.ServerUUID, Standing: node.Standing, ErrorType: node.ErrorType, Error: node.Error,
		Rescued: node.Rescued, Destroyed: node.Destroyed, Copy: node.Copy, Proof: proofOf(node.Proof),
	}
	if end.Standing == "" {
		end.Standing = contract.StandingUnknown
	}
	for _, s := range node.Steps {
		switch s.Step {
		case contract.StepFence, contract.StepRescue, contract.StepErase, contract.StepClone, contract.StepReturn, contract.StepRelease:
			end.Steps = append(end.Steps, step{s.Step, s.Began, s.Duration, s.Attempts, s.Error != ""})
		}
	}
	return end
}

// proof is a proof without the differences themselves, which name rows by their keys.
type proof struct {
	Equal   bool                  `json:"equal"`
	Verdict contract.ProofVerdict `json:"verdict,omitempty"`
	Layers  []layer               `json:"layers,omitempty"`
	// Compared are the GTID sets at which rows were compared.
	Compared []string  `json:"compared,omitempty"`
	Ended    time.Time `json:"ended,omitzero"`
}

type layer struct {
	Name        contract.ProofLayerName `json:"name"`
	Verdict     contract.ProofVerdict   `json:"verdict"`
	Examined    int64                   `json:"examined,omitempty"`
	Rows        int64                   `json:"rows,omitempty"`
	Differences int64                   `json:"differences,omitempty"`
}

func proofOf(of *contract.Proof) *proof {
	if of == nil {
		return nil
	}
	short := &proof{Equal: of.Equal, Verdict: of.Verdict, Ended: of.Ended}
	for _, l := range of.Layers {
		short.Layers = append(short.Layers, layer{l.Name, l.Verdict, l.Examined, l.Rows, l.Differences})
	}
	for _, span := range of.Spans {
		short.Compared = append(short.Compared, span.GTIDs)
	}
	return short
}
