package endtoend

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// state is what a node that was released, or refilled, must have as before, whoever looks.
type state struct {
	// settings are the global variables that a run touches, and what is persisted.
	settings, persisted string
	channel             channel.Note
}

func stateOf(t *testing.T, node *sandbox.Node) state {
	t.Helper()
	read := func(query string) string {
		text, err := node.QueryString(t.Context(), query)
		require.NoError(t, err)
		return text
	}
	note, err := channel.Take(t.Context(), nodetest.Open(t, lab.cluster, node))
	require.NoError(t, err)
	return state{
		settings: read(`SELECT GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY VARIABLE_NAME) FROM performance_schema.global_variables
			WHERE VARIABLE_NAME IN ('offline_mode', 'super_read_only', 'read_only', 'event_scheduler', 'clone_valid_donor_list',
				'clone_max_data_bandwidth', 'clone_block_ddl', 'clone_autotune_concurrency', 'clone_max_concurrency')`),
		persisted: read(`SELECT COALESCE(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY VARIABLE_NAME), 'none')
			FROM performance_schema.persisted_variables`),
		channel: note,
	}
}

// write commits one row of its own on a secondary, past its super_read_only, and puts that back.
func write(t *testing.T, node *sandbox.Node, id int) {
	t.Helper()
	require.NoError(t, node.Exec(t.Context(), "SET GLOBAL super_read_only = OFF", ownRow(id), "SET GLOBAL super_read_only = ON"))
}

// ownRow is a statement that writes where the shop's own writer never does; ids from 1,000,000 on are free.
func ownRow(id int) string {
	return fmt.Sprintf("INSERT INTO shop_archive.documents (id, title, body) VALUES (%d, 'written here by mistake', 'x')", id)
}

// ownRows counts them.
func ownRows(t *testing.T, node *sandbox.Node) string {
	t.Helper()
	count, err := node.QueryString(t.Context(), "SELECT COUNT(*) FROM shop_archive.documents WHERE id >= 1000000")
	require.NoError(t, err)
	return count
}

// discard is a request that gives up what only these nodes have, as a plan of now shows it.
func discard(t *testing.T, nodes ...string) contract.Request {
	t.Helper()
	request := resync(nodes...)
	request.UnreplicatedWrites, request.Mode = contract.UnreplicatedDiscard, contract.ModePlan
	planned := finish(t, start(t, "", request))
	requireOutcome(t, contract.OutcomePlanned, planned)
	request.Mode, request.Plan = contract.ModeResync, planned.Plan.ID
	return request
}
