package report

import (
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

const uiURL = "http://127.0.0.1:8233"

var noon = time.Date(2031, 3, 4, 12, 0, 0, 0, time.UTC)

func uuid(n string) string { return "3e11fa47-71ca-11e1-9e33-c80aa9429" + n }

func examplePlan() *contract.Plan {
	return &contract.Plan{
		ID: "p-7f3a9c21d0", Cluster: "shop", Mode: contract.ModeResync, MadeAt: noon, InventoryHash: "sha256:2b1c0e77",
		Primary: contract.PlanNode{Name: "db1", ServerUUID: uuid("561"), Address: "db1.example.org:3306", PeerAddress: "10.0.0.1:3306", Version: "9.7.0",
			Reachable: true, Serving: true, LagSeconds: -1, DataBytes: 157601792, State: "primary, takes writes"},
		Secondaries: []contract.PlanNode{
			{Name: "db2", ServerUUID: uuid("562"), Address: "db2.example.org:3306", Version: "9.7.0", Chosen: true, Reachable: true, LagSeconds: -1,
				DataBytes: 157286400, Schemas: []string{"crm", "shop"}, State: "replication stopped: needed binary logs are purged"},
			{Name: "db3", ServerUUID: uuid("563"), Address: "db3.example.org:3306", Version: "9.7.0", Chosen: true, Reachable: true, Serving: true, LagSeconds: 2,
				DataBytes: 157601792, Schemas: []string{"crm", "shop"}, State: "follows the primary",
				Loss: exampleLoss()},
			{Name: "db4", ServerUUID: uuid("564"), Address: "db4.example.org:3306", Version: "9.7.0", Chosen: true, Reachable: true, Serving: true,
				DataBytes: 157601792, Schemas: []string{"crm", "shop"}, State: "follows the primary"},
		},
		Findings: []contract.Finding{
			{Code: "clone.donor-list", Node: "db1", Verdict: contract.VerdictWarn, Observed: "clone_valid_donor_list is empty", Wanted: "a list, for a later change of roles",
				Remedy: "SET PERSIST clone_valid_donor_list = '10.0.0.2:3306';"},
			{Code: "versions", Verdict: contract.VerdictPass, Observed: "9.7.0 everywhere"},
			{Code: "gtid-mode", Verdict: contract.VerdictPass, Observed: "ON everywhere"},
		},
		MinServing: 1, UnreplicatedWrites: contract.UnreplicatedDiscard,
		Waves: []contract.Wave{
			{Nodes: []string{"db2"}, CopiesLeft: 3, Serving: 2}, {Nodes: []string{"db3"}, CopiesLeft: 3, Serving: 1}, {Nodes: []string{"db4"}, CopiesLeft: 3, Serving: 2},
		},
		Estimate: &contract.Estimate{Copy: contract.Duration(4 * time.Second), Whole: contract.Duration(12 * time.Second),
			Basis: "150.3 MiB of data at 38 MiB/s, as in the last copy on db4"},
		Hooks: []string{"beforeFence", "afterReturn"},
	}
}

// exampleLoss has everything that a preview can show.
func exampleLoss() contract.Loss {
	return contract.Loss{
		ErrantGTIDs: uuid("563") + ":1-12", Transactions: 12,
		Preview: &contract.LossPreview{
			First: noon.Add(-26 * time.Hour), Last: noon.Add(-time.Hour), Bytes: 48211,
			Tables: []contract.TableChanges{
				{Schema: "shop", Table: "orders", Inserted: 1204, Updated: 3}, {Schema: "crm", Table: "contacts", Deleted: 1},
			},
			TablesInAll: 4,
			Statements:  []string{"CREATE TABLE shop.orders_copy LIKE shop.orders", "DROP TABLE crm.old"}, StatementsInAll: 3,
			Partial: "reading stopped after 20 s",
		},
		OnlyHere: []contract.OnlyHere{
			{Kind: contract.ObjectSchema, Name: "scratch", Bytes: 16384},
			{Kind: contract.ObjectTable, Name: "shop.audit", Differs: "MyISAM, on the primary InnoDB", Bytes: 2048},
			{Kind: contract.ObjectAccount, Name: "'report'@'10.%'"},
			{Kind: contract.ObjectEvent, Name: "shop.nightly", Differs: "another definition"},
		},
	}
}

var syncBinlog = contract.SettingChange{Name: "sync_binlog", From: "0", To: "1", Why: "a crash would lose transactions that clients were told of"}

// rescuePlan keeps what can be kept; on db4 nobody can know.
func rescuePlan() *contract.Plan {
	plan := examplePlan()
	plan.UnreplicatedWrites, plan.Hooks, plan.Estimate = contract.UnreplicatedRescue, []string{}, nil
	plan.Secondaries[1].Settings = []contract.SettingChange{syncBinlog}
	plan.Secondaries[1].Loss.OnlyHere, plan.Secondaries[1].Loss.Preview.Partial = nil, ""
	plan.Secondaries[2].Loss = contract.Loss{ErrantGTIDs: uuid("564") + ":1-2", Transactions: 2,
		Preview: &contract.LossPreview{Unreadable: "the binary logs that held them are purged"}}
	return plan
}

func failingPlan() *contract.Plan {
	plan := examplePlan()
	plan.Findings = append([]contract.Finding{
		{Code: "unreplicated-writes", Node: "db3", Verdict: contract.VerdictFail, Observed: "12 transactions that the primary does not have: " + uuid("563") + ":1-12",
			Wanted: "none, or consent to lose them", Remedy: "unreplicatedWrites: discard, with plan: p-7f3a9c21d0"},
		{Code: "clone.grants", Node: "db2", Verdict: contract.VerdictFail, Observed: "'resync'@'%' lacks CLONE_ADMIN", Wanted: "CLONE_ADMIN",
			Remedy: "GRANT CLONE_ADMIN ON *.* TO 'resync'@'%';\nGRANT BACKUP_ADMIN ON *.* TO 'resync'@'%';"},
	}, plan.Findings...)
	return plan
}

func exampleSteps(upTo contract.Step, failed string) []contract.StepReport {
	var steps []contract.StepReport
	began := noon
	for i, step := range []contract.Step{contract.StepRecheck, contract.StepNote, contract.StepFence, contract.StepJudge, contract.StepRehearse,
		contract.StepErase, contract.StepClone, contract.StepFollow, contract.StepVerify, contract.StepReturn} {
		took := time.Duration(150+i*i*211) * time.Millisecond
		one := contract.StepReport{Step: step, Began: began, Duration: contract.Duration(took), Attempts: 1}
		began = began.Add(took)
		if step == upTo {
			one.Error, one.Attempts = failed, 3
			if failed == "" {
				one.Attempts = 1
			}
			return append(steps, one)
		}
		steps = append(steps, one)
	}
	return steps
}

func equalProof() *contract.Proof {
	return &contract.Proof{
		Primary: "db1", Equal: true, Verdict: contract.ProofEqual, Started: noon, Ended: noon.Add(14 * time.Second),
		Layers: []contract.ProofLayer{
			{Name: contract.ProofGTIDs, Verdict: contract.ProofEqual, Milliseconds: 210},
			{Name: contract.ProofSchema, Verdict: contract.ProofEqual, Examined: 61, Milliseconds: 340},
			{Name: contract.ProofAccounts, Verdict: contract.ProofEqual, Examined: 7, Milliseconds: 45},
			{Name: contract.ProofRows, Verdict: contract.ProofEqual, Examined: 14, Rows: 1204332, Bytes: 143228211, Milliseconds: 13410},
		},
		Spans: []contract.ProofSpan{{GTIDs: uuid("561") + ":1-48211", Taken: noon.Add(time.Second), PauseMilliseconds: 12, Attempts: 1, Tables: 14, Rows: 1204332}},
	}
}

// refilledProof is that of a secondary that the run has refilled: it has the layer of the clone besides.
func refilledProof() *contract.Proof {
	proof := equalProof()
	proof.Layers = append([]contract.ProofLayer{{
		Name: contract.ProofClone, Verdict: contract.ProofEqual, Examined: 1, Milliseconds: 8,
		Notes: []string{"from 10.0.0.1:3306, 2031-03-04T11:58:41Z to 2031-03-04T11:58:45Z"},
	}}, proof.Layers...)
	return proof
}

func differentProof() *contract.Proof {
	proof := equalProof()
	proof.Equal, proof.Verdict = false, contract.ProofDifferent
	proof.Layers[3].Verdict = contract.ProofDifferent
	proof.Layers[3].Differences = 3
	proof.Layers[3].Listed = []contract.ProofDifference{
		{Kind: contract.ProofChanged, Object: "row", Schema: "shop", Name: "orders", Key: "id=4711", Columns: []string{"total", "note"}},
		{Kind: contract.ProofMissing, Object: "row", Schema: "shop", Name: "customers", Key: "id=12"},
	}
	proof.Layers[1].Verdict = contract.ProofDifferent
	proof.Layers[1].Differences = 1
	proof.Layers[1].Listed = []contract.ProofDifference{{Kind: contract.ProofChanged, Object: "column", Schema: "crm", Name: "contacts", Member: "mail",
		Primary: "varchar(320)", Secondary: "varchar(190)", Detail: "the definition differs"}}
	return proof
}

func proofWithoutRows() *contract.Proof {
	proof := equalProof()
	proof.Equal, proof.Verdict, proof.Spans = false, contract.ProofIncomplete, nil
	proof.Layers[3] = contract.ProofLayer{Name: contract.ProofRows, Verdict: contract.ProofSkipped, Notes: []string{"left out, as asked (proof.rows: false)"}}
	return proof
}

func provenNode(name, number string) contract.NodeReport {
	return contract.NodeReport{
		Name: name, ServerUUID: uuid(number), Standing: contract.StandingProven, State: "follows db1, read-only, in service",
		Steps: exampleSteps(contract.StepReturn, ""),
		Destroyed: &contract.Destroyed{GTIDs: uuid("561") + ":1-39001", Schemas: []string{"crm", "shop"}, Tables: 14,
			Bytes: 157286400},
		Copy: &contract.Copy{Donor: "db1", Bytes: 157601792, Duration: contract.Duration(4200 * time.Millisecond), MiBps: 35.8,
			GTIDs: uuid("561") + ":1-48102"},
		Proof: refilledProof(), Aligned: []string{syncBinlog.Statement()},
	}
}

func fencedNode(name, number string) contract.NodeReport {
	node := provenNode(name, number)
	node.Standing, node.Proof, node.Copy = contract.StandingFenced, nil, nil
	node.State = "erased and fenced; its clone did not finish"
	node.Next = "free disk space on db4, then start the resync again for it"
	node.ErrorType = contract.ErrorClone
	node.Error = "db4: clone from db1 failed with 3862 (donor: 28, no space left on device); wanted 150.3 MiB; free space and start again"
	node.Steps = exampleSteps(contract.StepClone, node.Error)
	node.Notes = []string{"the fence is persisted: it holds over restarts"}
	return node
}

func exampleReport(outcome contract.Outcome) contract.Report {
	return contract.Report{
		RunID: "0192d3f4-8a11-7c55-9b1e-3f2a6c7d8e90", WorkflowID: "resync/shop", Cluster: "shop", Mode: contract.ModeResync, Outcome: outcome,
		RequestedBy: "ana", Began: noon, Ended: noon.Add(3*time.Minute + 12*time.Second), Plan: examplePlan(),
	}
}

func approved() *contract.Approval {
	return &contract.Approval{Plan: "p-7f3a9c21d0", Approved: true, By: "Ben", Comment: "go, the writes are test data", At: noon.Add(40 * time.Second)}
}

// exampleReports has every outcome, and the shapes that matter within one.
func exampleReports() map[string]contract.Report {
	with := func(outcome contract.Outcome, change func(*contract.Report)) contract.Report {
		report := exampleReport(outcome)
		change(&report)
		return report
	}
	asWas := func(name, number string, proof *contract.Proof) contract.NodeReport {
		standing, state := contract.StandingVerified, "follows db1, read-only, in service"
		if proof.Verdict == contract.ProofDifferent {
			standing = contract.StandingDiverged
		}
		return contract.NodeReport{Name: name, ServerUUID: uuid(number), Standing: standing, State: state, Steps: exampleSteps(contract.StepRecheck, ""), Proof: proof}
	}
	untouched := contract.NodeReport{Name: "db4", ServerUUID: uuid("564"), Standing: contract.StandingUntouched,
		State: "not begun; as before", Next: "start the resync again when it suits"}
	return map[string]contract.Report{
		"succeeded": with(contract.OutcomeSucceeded, func(r *contract.Report) {
			r.Reason = "all 3 chosen secondaries are proven equal to the primary and in service"
			r.Approval = approved()
			r.Nodes = []contract.NodeReport{provenNode("db2", "562"), provenNode("db3", "563"), provenNode("db4", "564")}
			r.Nodes[1].Destroyed.ErrantGTIDs = uuid("563") + ":1-12"
			r.Nodes[1].Rescued = &contract.Rescued{Where: "/var/lib/clusterresync/archive/shop/0192d3f4/db3", Host: "worker-1", GTIDs: uuid("563") + ":1-12",
				Transactions: 12, Bytes: 48211, ManifestSHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
			r.Notes = []string{"hook clusters.shop.hooks.beforeFence (/usr/local/bin/drain) said: db2 drained"}
			r.Audit = "/var/lib/clusterresync/archive/audit/shop/0192d3f4-8a11-7c55-9b1e-3f2a6c7d8e90.jsonl"
			r.Nodes[2].Proof.Layers = append(r.Nodes[2].Proof.Layers,
				contract.ProofLayer{Name: contract.ProofSettings, Verdict: contract.ProofWarning, Examined: 64, Warnings: 2, Milliseconds: 12,
					Listed: []contract.ProofDifference{{Kind: contract.ProofChanged, Object: "setting", Name: "sync_binlog", Primary: "1", Secondary: "0"}}},
				contract.ProofLayer{Name: contract.ProofService, Verdict: contract.ProofEqual, Milliseconds: 3})
			r.Nodes[2].Copy.Joined, r.Nodes[2].Copy.StartedByHand = true, true
			r.Watch = &contract.WatchReport{Duration: contract.Duration(5 * time.Minute), Looks: 60, Nodes: []contract.WatchNode{
				{Name: "db2"}, {Name: "db3", MaxLagSeconds: 3}, {Name: "db4", MaxLagSeconds: -1, Problem: "the applier stopped with error 1062"}}}
			r.Mail = "/var/outbox/0192d3f4.report.eml"
		}),
		"succeeded-without-rows": with(contract.OutcomeSucceeded, func(r *contract.Report) {
			r.Reason = "the chosen secondary is proven equal to the primary and in service"
			r.Nodes = []contract.NodeReport{provenNode("db2", "562")}
			r.Nodes[0].Proof = proofWithoutRows()
			r.Plan.Secondaries[1].Chosen, r.Plan.Secondaries[2].Chosen = false, false
		}),
		"succeeded-repair": with(contract.OutcomeSucceeded, func(r *contract.Report) {
			r.Mode, r.Plan.Mode = contract.ModeRepair, contract.ModeRepair
			r.Nodes = []contract.NodeReport{provenNode("db2", "562"), asWas("db3", "563", equalProof()), asWas("db4", "564", equalProof())}
		}),
		"planned": with(contract.OutcomePlanned, func(r *contract.Report) {
			r.Mode, r.Plan.Mode = contract.ModePlan, contract.ModePlan
			r.Reason = "the plan is p-7f3a9c21d0; start a run with it to carry it out"
		}),
		"planned-would-be-refused": with(contract.OutcomePlanned, func(r *contract.Report) {
			r.Mode, r.Plan = contract.ModePlan, failingPlan()
			r.Plan.Mode = contract.ModePlan
			r.Plan.Secondaries[2].Wreck, r.Plan.Secondaries[2].State = true, "fenced and empty"
		}),
		"verified": with(contract.OutcomeVerified, func(r *contract.Report) {
			r.Mode, r.Plan.Mode = contract.ModeVerify, contract.ModeVerify
			r.Nodes = []contract.NodeReport{asWas("db2", "562", equalProof()), asWas("db3", "563", equalProof()), asWas("db4", "564", equalProof())}
		}),
		"diverged": with(contract.OutcomeDiverged, func(r *contract.Report) {
			r.Mode, r.Plan.Mode, r.ErrorType = contract.ModeVerify, contract.ModeVerify, contract.ErrorDiverged
			r.Reason = "1 of 3 secondaries was not proven equal: db4; nothing was changed"
			r.Nodes = []contract.NodeReport{asWas("db2", "562", equalProof()), asWas("db3", "563", equalProof()), asWas("db4", "564", differentProof())}
		}),
		"partlySucceeded": with(contract.OutcomePartlySucceeded, func(r *contract.Report) {
			r.ErrorType, r.Reason, r.Approval = contract.ErrorClone, "2 of 3 secondaries are proven; not so: db4", approved()
			r.Nodes = []contract.NodeReport{provenNode("db2", "562"), provenNode("db3", "563"), fencedNode("db4", "564")}
		}),
		"refused-preconditions": with(contract.OutcomeRefused, func(r *contract.Report) {
			r.ErrorType, r.Reason, r.Plan = contract.ErrorPreconditions, "2 checks failed: unreplicated-writes on db3, clone.grants on db2", failingPlan()
			r.Plan.Secondaries[0].Reachable, r.Plan.Secondaries[0].Chosen, r.Plan.Secondaries[0].State = false, false, "unreachable: connection refused"
		}),
		"refused-input": with(contract.OutcomeRefused, func(r *contract.Report) {
			r.Cluster, r.Plan, r.ErrorType = "", nil, contract.ErrorInvalidInput
			r.Reason = "the input has 2 problems: cluster: missing; Mode: unknown field (did you mean mode?)"
		}),
		"rejected": with(contract.OutcomeRejected, func(r *contract.Report) {
			r.ErrorType, r.Reason = contract.ErrorRejected, "Ben rejected the plan: not today"
			r.Approval = &contract.Approval{Plan: "p-7f3a9c21d0", By: "Ben", Comment: "not today", At: noon.Add(time.Minute)}
		}),
		"expired": with(contract.OutcomeExpired, func(r *contract.Report) {
			r.ErrorType, r.Reason = contract.ErrorExpired, "nobody decided within 24h0m0s; start again and approve in time"
		}),
		"alreadyRunning": with(contract.OutcomeAlreadyRunning, func(r *contract.Report) {
			r.Plan, r.ErrorType = nil, contract.ErrorAlreadyRunning
			r.Reason = "the workflow nightly-2031-03-04 holds cluster shop since 2031-03-04 11:30:00 UTC; wait for it, or cancel it"
		}),
		"cancelled": with(contract.OutcomeCancelled, func(r *contract.Report) {
			r.Reason = "ana cancelled the run: stopped at a safe point"
			r.Nodes = []contract.NodeReport{provenNode("db2", "562"), untouched}
		}),
		"cancelled-at-once": with(contract.OutcomeCancelled, func(r *contract.Report) {
			r.Plan, r.Reason = nil, "cancelled before anything was changed"
		}),
		"cancelled-before-approval": with(contract.OutcomeCancelled, func(r *contract.Report) {
			r.Reason = "cancelled before anything was changed"
		}),
		"failed-verification": with(contract.OutcomeFailed, func(r *contract.Report) {
			r.Mode, r.Plan.Mode, r.ErrorType = contract.ModeVerify, contract.ModeVerify, contract.ErrorProof
			r.Reason = "the proof could not be had: db2"
			r.Nodes = []contract.NodeReport{{Name: "db2", Standing: contract.StandingUnknown, ErrorType: contract.ErrorProof, Error: "db2: lost connection"}}
		}),
		"failed": with(contract.OutcomeFailed, func(r *contract.Report) {
			r.ErrorType, r.Reason = contract.ErrorClone, "no secondary is proven: db2, db4"
			r.Nodes = []contract.NodeReport{fencedNode("db2", "562"), {Name: "db4"}}
		}),
	}
}

func exampleProgress() map[string]contract.Progress {
	base := func(phase contract.Phase) contract.Progress {
		return contract.Progress{RunID: "r-1", Cluster: "shop", Mode: contract.ModeResync, Phase: phase, Plan: examplePlan()}
	}
	nodes := base(contract.PhaseNodes)
	nodes.Approval, nodes.Paused, nodes.ThrottleMiBps, nodes.Stopping = approved(), true, 200, "cancelled by ana"
	nodes.RefusedRequests = []string{"approve: the plan p-old is not this one | `x`", "abort: no node db9"}
	nodes.Nodes = []contract.NodeProgress{
		{Name: "db2", Donor: "db1", Step: contract.StepReturn, Since: noon, Standing: contract.StandingProven},
		{Name: "db3", Donor: "db1", Step: contract.StepClone, Since: noon.Add(time.Minute),
			Detail: &contract.StepProgress{Step: contract.StepClone, Stage: "FILE COPY", Bytes: 50 << 20, TotalBytes: 157601792, MiBps: 35.84}},
		{Name: "db4", Donor: "db2", Step: contract.StepVerify, Since: noon.Add(2 * time.Minute),
			Detail: &contract.StepProgress{Step: contract.StepVerify, Stage: "shop.orders", Rows: 120000, Tables: 3, TotalTables: 14}},
		{Name: "db5", Donor: "db3", Step: contract.StepClone, Since: noon.Add(2 * time.Minute),
			Detail: &contract.StepProgress{Step: contract.StepClone, Bytes: 4096, Waiting: "somebody to start mysqld"}},
		{Name: "db6", Step: contract.StepClone, Since: noon, Standing: contract.StandingFenced},
		{Name: "db7"},
	}
	waiting := base(contract.PhaseApproval)
	waiting.ApprovalUntil = noon.Add(24 * time.Hour)
	refused := base(contract.PhaseClosed)
	refused.Plan, refused.Outcome = failingPlan(), contract.OutcomeRefused
	early := contract.Progress{Phase: contract.PhaseValidating}
	return map[string]contract.Progress{"live-nodes": nodes, "live-approval": waiting, "live-refused": refused, "live-early": early}
}
