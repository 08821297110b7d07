package workflows_test

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// data is what a server holds.
type data string

const (
	own    data = "its own data"
	empty  data = "nothing"
	copied data = "a copy"
)

// server is one secondary of the small cluster in memory.
type server struct {
	name string
	data data
	// fenced is the state of the fence; wreck says that it was up before the run.
	fenced, wreck bool
	// serving says that clients may use it while it is not fenced.
	serving bool
	// following says that it replicates from the primary; lags that it is far behind, delay how far it is kept behind on purpose.
	following bool
	lags      bool
	delay     int
	// differs is a row that replication does not know of.
	differs bool
	// gaps keep a proof from being complete although nothing differs.
	gaps bool
	// errant are the transactions that only this server has.
	errant      string
	unreachable bool
	// corrupts spoils every copy made to it.
	corrupts bool
	// id is its server_uuid, if it is not the one of its name.
	id string
}

func (s *server) uuid() string { return cmp.Or(s.id, "uuid-of-"+s.name) }

// inService says that clients can use it now, and are not far behind.
func (s *server) inService() bool {
	return s.serving && !s.fenced && !s.unreachable && !s.lags && s.delay <= contract.ServingLag
}

const primary = "p"

// servers is the cluster: a primary called p, and secondaries in the order of the inventory.
type servers struct {
	all []*server
	// donors are the primary and every node that was returned in this run.
	donors map[string]*server
	// fencedDonors says that the donor account passes fences.
	fencedDonors bool
	// busy says that the primary never becomes quiet.
	busy bool
	// hooked are the places of the inventory's hooks; audited says that the worker keeps an audit.
	hooked  []inventory.HookPlace
	audited bool
	// archive is the task queue of the only worker that can read its archive; empty for a shared one.
	archive string
	// anotherPrimary says that a failover has happened since the plan.
	anotherPrimary bool
	findings       []contract.Finding
	// drift is what every secondary's settings need to be brought in line.
	drift []contract.SettingChange
}

func newServers(names ...string) *servers {
	c := &servers{donors: map[string]*server{primary: {name: primary, data: own, serving: true}}}
	for _, name := range names {
		c.all = append(c.all, &server{name: name, data: own, serving: true, following: true})
	}
	return c
}

// node finds a secondary; a name that nobody has is a server of its own, so that a test that misspells it fails on what it sees.
func (c *servers) node(name string) *server {
	for _, s := range c.all {
		if s.name == name {
			return s
		}
	}
	return &server{name: name, unreachable: true}
}

// inService counts the secondaries that clients can use now.
func (c *servers) inService() int {
	count := 0
	for _, s := range c.all {
		if s.inService() {
			count++
		}
	}
	return count
}

// serveBeside counts those in service apart from one node and those that the run has out.
func (c *servers) serveBeside(name string, out []string) int {
	count := 0
	for _, s := range c.all {
		if s.inService() && s.name != name && !slices.Contains(out, s.name) {
			count++
		}
	}
	return count
}

// plan is what the preconditions would make of the cluster, as far as the workflows care.
func (c *servers) plan(request contract.Request) contract.Plan {
	plan := contract.Plan{
		Cluster: request.Cluster, Mode: request.Mode, UnreplicatedWrites: request.UnreplicatedWrites, FencedDonors: c.fencedDonors,
		Primary:  contract.PlanNode{Name: primary, ServerUUID: c.donors[primary].uuid(), Reachable: true, State: "primary"},
		Findings: slices.Clone(c.findings),
	}
	if len(c.all) > 1 {
		plan.MinServing = 1
	}
	if request.MinServing != nil {
		plan.MinServing = *request.MinServing
	}
	for _, s := range c.all {
		node := contract.PlanNode{
			Name: s.name, ServerUUID: s.uuid(), Reachable: !s.unreachable, Wreck: s.wreck, State: "following",
			Serving: s.inService(), DelaySeconds: s.delay,
			Chosen: !s.unreachable && (len(request.Nodes) == 0 || slices.Contains(request.Nodes, s.name)),
			Loss:   contract.Loss{ErrantGTIDs: s.errant},
		}
		if request.AlignSettings && node.Chosen {
			node.Settings = c.drift
		}
		if s.errant != "" {
			node.Loss.Preview = &contract.LossPreview{}
		}
		if s.unreachable {
			node.ServerUUID, node.State = "", "cannot be reached"
			if request.OnUnreachable != contract.UnreachableSkip {
				plan.Findings = append(plan.Findings, contract.Finding{
					Code: "reachable", Node: s.name, Verdict: contract.VerdictFail, Observed: "connection refused", Wanted: "an answer",
					Remedy: "start it",
				})
			}
		}
		if node.Chosen && s.errant != "" && request.UnreplicatedWrites == contract.UnreplicatedRefuse &&
			request.Mode != contract.ModeVerify {
			plan.Findings = append(plan.Findings, contract.Finding{
				Code: "unreplicated-writes", Node: s.name, Verdict: contract.VerdictFail, Observed: s.errant, Wanted: "none",
			})
		}
		plan.Secondaries = append(plan.Secondaries, node)
	}
	plan.ID = planID(plan)
	return plan
}

// planID changes when what is approved would.
func planID(plan contract.Plan) string {
	id := "plan"
	for _, node := range plan.Chosen() {
		id += fmt.Sprintf("-%s%s", node.Name, node.Loss.ErrantGTIDs)
	}
	return id
}
