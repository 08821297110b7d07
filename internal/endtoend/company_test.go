package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/shop"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// company is a cluster of a test's own, with a shop on it and a worker for it on a task queue of its own, so that such tests can run
// beside each other: most of their time they wait.
type company struct{ *sandbox.Cluster }

// companyBytes is a small shop: what every server has besides, about 85 MB, is copied as well.
const companyBytes = 10_000_000

func newCompany(t testing.TB, name string, nodes []sandbox.NodeOptions) *company {
	t.Helper()
	c := &company{sandbox.ForTest(t, sandbox.Options{Name: name, Nodes: nodes})}
	keepSecret(c.Cluster)
	db, err := c.Primary().DB()
	require.NoError(t, err)
	require.NoError(t, shop.Create(t.Context(), db, shop.Options{Bytes: companyBytes}))
	c.catchUp(t)
	startWorkerFor(t, c.Cluster, "CLUSTERRESYNC_TASK_QUEUE="+c.Name)
	return c
}

// start starts a run that has the cluster's name as its ID.
func (c *company) start(t testing.TB, request contract.Request) client.WorkflowRun {
	t.Helper()
	return c.startAs(t, c.Name, request)
}

func (c *company) startAs(t testing.TB, id string, request contract.Request) client.WorkflowRun {
	t.Helper()
	run, err := lab.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: id, TaskQueue: c.Name, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, contract.WorkflowResyncCluster, request)
	require.NoError(t, err)
	return run
}

// resync asks for all secondaries.
func (c *company) resync() contract.Request {
	none := contract.Duration(0)
	return contract.Request{Cluster: c.Name, Confirm: c.Name, Watch: &none}
}

// letDonorPassFences grants what is optional.
func (c *company) letDonorPassFences(t testing.TB) {
	t.Helper()
	require.NoError(t, c.Primary().Exec(t.Context(), "GRANT "+inventory.PassesFences+" ON *.* TO "+c.Accounts.Donor.User))
	c.catchUp(t)
}

func (c *company) catchUp(t testing.TB) {
	t.Helper()
	for _, node := range c.Secondaries() {
		require.NoError(t, node.WaitFor(t.Context(), c.Primary()))
	}
}

// write lets customers write to the shop until the returned function has proven that nothing they were promised is missing on any node,
// and that every node holds what the primary holds.
func (c *company) write(t testing.TB) (requireSame func()) {
	t.Helper()
	db, err := c.Primary().DB()
	require.NoError(t, err)
	writer := shop.NewWriter(db, shop.WriterOptions{PerSecond: 20})
	require.NoError(t, writer.Start(t.Context()))
	t.Cleanup(func() { writer.Stop() })
	return func() {
		t.Helper()
		stats := writer.Stop()
		require.Positive(t, stats.Transactions)
		resume, err := shop.PauseEvents(t.Context(), db)
		require.NoError(t, err)
		defer func() { require.NoError(t, resume(t.Context())) }()
		want, err := shop.Checksums(t.Context(), db)
		require.NoError(t, err)
		c.catchUp(t)
		for _, node := range c.Secondaries() {
			secondary, err := node.DB()
			require.NoError(t, err)
			require.NoError(t, shop.CheckLedger(t.Context(), secondary, stats), node.Name)
			got, err := shop.Checksums(t.Context(), secondary)
			require.NoError(t, err)
			require.Empty(t, shop.Diff(want, got), "%s has the primary's rows", node.Name)
		}
	}
}

// ask is one answer of a node, as root.
func ask(t testing.TB, node *sandbox.Node, query string, arguments ...any) string {
	t.Helper()
	text, err := node.QueryString(t.Context(), query, arguments...)
	require.NoError(t, err, node.Name)
	return text
}

// persisted is what each secondary has persisted. A node that was released and begun again has its declared read_only besides: nothing
// shows any more that its options bring it.
func (c *company) persisted(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, node := range c.Secondaries() {
		all[node.Name] = ask(t, node, `SELECT COALESCE(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY VARIABLE_NAME), 'none')
			FROM performance_schema.persisted_variables WHERE VARIABLE_NAME <> 'read_only'`)
	}
	return all
}

// requireOwnState: whoever fed a node, it follows the primary and nobody else, serves, and has nothing of its donor's fence.
func (c *company) requireOwnState(t testing.TB, persistedBefore map[string]string) {
	t.Helper()
	uuid := ask(t, c.Primary(), "SELECT @@server_uuid")
	for _, node := range c.Secondaries() {
		require.Equal(t, "0 1 1 OFF", ask(t, node, "SELECT CONCAT_WS(' ', @@offline_mode, @@super_read_only, @@read_only, @@event_scheduler)"), node.Name)
		require.Equal(t, uuid+" ON", ask(t, node, `SELECT GROUP_CONCAT(SOURCE_UUID, ' ', SERVICE_STATE)
			FROM performance_schema.replication_connection_status`), "the channels of %s", node.Name)
		require.Equal(t, "1", ask(t, node, `SELECT COUNT(*) FROM performance_schema.replication_connection_configuration`), node.Name)
	}
	require.Equal(t, persistedBefore, c.persisted(t))
}
