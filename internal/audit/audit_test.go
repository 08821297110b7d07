package audit

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/internal/archive"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

var noon = time.Date(2031, 3, 4, 12, 0, 0, 0, time.UTC)

const uuid = "3e11fa47-71ca-11e1-9e33-c80aa942956"

// exampleReport is that of a run which rescued and resynced one secondary, released a second and left a third alone.
func exampleReport() contract.Report {
	errant := uuid + "2:1-3"
	return contract.Report{
		RunID: "0192d3f4-8a11-7c55-9b1e-3f2a6c7d8e90", WorkflowID: "nightly", Cluster: "shop", Mode: contract.ModeResync,
		RequestedBy: "ana", Began: noon, Ended: noon.Add(time.Hour), Outcome: contract.OutcomePartlySucceeded, ErrorType: contract.ErrorRehearsal,
		Reason: "1 of 2 secondaries is proven; not so: db3",
		Plan: &contract.Plan{
			ID: "7f3a9c21d0aa", Cluster: "shop", Mode: contract.ModeResync, MadeAt: noon.Add(time.Second), InventoryHash: "2b1c0e77",
			UnreplicatedWrites: contract.UnreplicatedRescue,
			Primary:            contract.PlanNode{Name: "db1", ServerUUID: uuid + "1", Address: "10.0.0.1:3306"},
			Secondaries: []contract.PlanNode{
				{Name: "db2", ServerUUID: uuid + "2", Address: "10.0.0.2:3306", Chosen: true, DataBytes: 1 << 20, Schemas: []string{"crm", "shop"},
					Loss: contract.Loss{ErrantGTIDs: errant, Transactions: 3, Preview: &contract.LossPreview{First: noon, Last: noon, TablesInAll: 1,
						Tables: []contract.TableChanges{{Schema: "shop", Table: "orders", Inserted: 3}}}}},
				{Name: "db3", ServerUUID: uuid + "3", Address: "10.0.0.3:3306", Chosen: true, DataBytes: 1 << 20, Schemas: []string{"shop"}},
				{Name: "db4", ServerUUID: uuid + "4", Address: "10.0.0.4:3306"},
			},
		},
		Approval: &contract.Approval{Plan: "7f3a9c21d0aa", Approved: true, By: "Ben", Comment: "keep them", At: noon.Add(time.Minute)},
		Nodes: []contract.NodeReport{
			{
				Name: "db2", ServerUUID: uuid + "2", Standing: contract.StandingProven, State: "in service",
				Steps: []contract.StepReport{
					{Step: contract.StepNote, Began: noon, Attempts: 1},
					{Step: contract.StepErase, Began: noon.Add(2 * time.Minute), Duration: contract.Duration(3 * time.Second), Attempts: 2},
				},
				Rescued:   &contract.Rescued{Where: "/var/archive/shop/0192/db2", Host: "worker-1", Entry: "rescue/shop/0192/db2", GTIDs: errant, Transactions: 3, Bytes: 900, ManifestSHA256: "ab12"},
				Destroyed: &contract.Destroyed{GTIDs: uuid + "1:1-9," + errant, ErrantGTIDs: errant, Schemas: []string{"crm", "shop"}, Tables: 4, Bytes: 1 << 20},
				Copy:      &contract.Copy{Donor: "db1", Bytes: 1 << 20, Duration: contract.Duration(time.Second), MiBps: 1, GTIDs: uuid + "1:1-12"},
				Proof: &contract.Proof{Equal: true, Verdict: contract.ProofEqual, Ended: noon.Add(30 * time.Minute),
					Layers: []contract.ProofLayer{{Name: contract.ProofRows, Verdict: contract.ProofEqual, Examined: 4, Rows: 100}},
					Spans:  []contract.ProofSpan{{GTIDs: uuid + "1:1-14"}}},
			},
			{
				Name: "db3", ServerUUID: uuid + "3", Standing: contract.StandingUntouched, ErrorType: contract.ErrorRehearsal, Error: "db3: no grant",
				Steps: []contract.StepReport{
					{Step: contract.StepRehearse, Began: noon, Attempts: 1, Error: "db3: no grant"},
					{Step: contract.StepRelease, Began: noon.Add(time.Minute), Attempts: 1},
				},
				Proof: &contract.Proof{Verdict: contract.ProofDifferent, Layers: []contract.ProofLayer{{Name: contract.ProofRows,
					Verdict: contract.ProofDifferent, Differences: 1, Listed: []contract.ProofDifference{{Object: "row", Key: "id=4711"}}}}},
			},
		},
		Notes: []string{"hook clusters.shop.hooks.runStart said: paused"},
	}
}

// TestLines holds the lines to files: what stands in an archive is read by programs of later years.
func TestLines(t *testing.T) {
	for name, make := range map[string]func(contract.Report) (Line, error){"approved": Approved, "ended": Ended} {
		t.Run(name, func(t *testing.T) {
			line, err := make(exampleReport())
			require.NoError(t, err)
			assert.Equal(t, "audit/shop/0192d3f4-8a11-7c55-9b1e-3f2a6c7d8e90.jsonl", line.Name)
			var indented bytes.Buffer
			require.NoError(t, json.Indent(&indented, line.JSON, "", "  "))
			want, err := os.ReadFile("testdata/" + name + ".json")
			require.NoError(t, err)
			assert.Equal(t, string(want), indented.String()+"\n")
			assert.NotContains(t, string(line.JSON), "4711", "keys of rows stay out")
			assert.NotContains(t, string(line.JSON), "\n")

			again, err := make(exampleReport())
			require.NoError(t, err)
			assert.Equal(t, line, again, "a line that is made twice is the same")
		})
	}
}

// The line of the approval is the same whatever was filled into the report since: a repeated attempt adds none.
func TestApprovedDependsOnNothingThatCameLater(t *testing.T) {
	late, err := Approved(exampleReport())
	require.NoError(t, err)
	early := exampleReport()
	early.Nodes, early.Notes, early.Outcome, early.Ended, early.Reason, early.ErrorType = nil, nil, "", time.Time{}, "", ""
	line, err := Approved(early)
	require.NoError(t, err)
	assert.Equal(t, late, line)
}

func TestNoLineWithoutWhatItIsAbout(t *testing.T) {
	for name, change := range map[string]func(*contract.Report){
		"no plan":     func(r *contract.Report) { r.Plan = nil },
		"no approval": func(r *contract.Report) { r.Approval = nil },
		"rejected":    func(r *contract.Report) { r.Approval.Approved = false },
		"no run":      func(r *contract.Report) { r.RunID = "" },
	} {
		report := exampleReport()
		change(&report)
		_, err := Approved(report)
		assert.Error(t, err, name)
	}
	report := exampleReport()
	report.Outcome = ""
	_, err := Ended(report)
	assert.Error(t, err)
	_, err = Ended(contract.Report{RunID: "r", Outcome: contract.OutcomeRefused, Reason: "no such cluster"})
	assert.NoError(t, err, "a run that was refused at once ends as well")
}

func TestPathStaysInTheStore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		report := contract.Report{Cluster: rapid.String().Draw(rt, "cluster"), RunID: rapid.StringN(1, -1, -1).Draw(rt, "run"), Outcome: contract.OutcomeRefused,
			Reason: rapid.String().Draw(rt, "reason")}
		line, err := Ended(report)
		require.NoError(rt, err)
		assert.Regexp(rt, `^audit/[A-Za-z0-9_-]{1,128}/[A-Za-z0-9_-]{1,128}\.jsonl$`, line.Name)
		assert.NotContains(rt, string(line.JSON), "\n")
		assert.True(rt, json.Valid(line.JSON))
	})
	line, err := Ended(contract.Report{Cluster: "../../etc", RunID: strings.Repeat("é", 300), Outcome: contract.OutcomeFailed})
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(line.Name, "audit/______etc/"), line.Name)
}

// TestRecordInAFolder writes the record as a worker does: each step is tried twice.
func TestRecordInAFolder(t *testing.T) {
	dir := t.TempDir()
	folder, err := archive.OpenFolder(dir)
	require.NoError(t, err)
	var want string
	for _, make := range []func(contract.Report) (Line, error){Approved, Ended} {
		line, err := make(exampleReport())
		require.NoError(t, err)
		require.NoError(t, Append(t.Context(), folder, line))
		require.NoError(t, Append(t.Context(), folder, line))
		want += string(line.JSON) + "\n"
	}
	record := filepath.Join(dir, "audit", "shop", "0192d3f4-8a11-7c55-9b1e-3f2a6c7d8e90.jsonl")
	text, err := os.ReadFile(record)
	require.NoError(t, err)
	assert.Equal(t, want, string(text))
}

func TestAppendNamesTheRecord(t *testing.T) {
	dir := t.TempDir()
	folder, err := archive.OpenFolder(dir)
	require.NoError(t, err)
	require.NoError(t, os.Remove(dir))
	line, err := Ended(exampleReport())
	require.NoError(t, err)
	err = Append(t.Context(), folder, line)
	assert.ErrorContains(t, err, "the audit record audit/shop/0192d3f4-8a11-7c55-9b1e-3f2a6c7d8e90.jsonl cannot be written")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
