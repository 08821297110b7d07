package scale

import (
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/plan"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// What the stand-ins answer. Names, addresses and GTID sets have the length that they have in an estate of this size; the plan comes from
// the function that makes real ones.

const (
	primary = "mysql-eu-west-1a-0000"
	// schemas is how many user schemas every node has.
	schemas = 12
	// copyBytes is the size of a copy, that of one that takes half an hour at 100 MiB/s.
	copyBytes = 30 * 60 * 100 << 20
)

func secondary(i int) string { return fmt.Sprintf("mysql-eu-west-1%c-%04d", 'a'+i%3, i) }

func uuid(i int) string { return fmt.Sprintf("%08x-7c1e-11ef-9d52-0242ac%06x", 0x5a000000+i, i) }

func address(name string) string { return name + ".db.example.net:3306" }

// gtids is the executed set of a cluster that has seen two failovers.
func gtids(last int) string {
	return fmt.Sprintf("%s:1-48213377,\n%s:1-9120443,\n%s:1-%d", uuid(1), uuid(2), uuid(0), 310_000_000+last)
}

func schemaNames() []string {
	var names []string
	for i := range schemas {
		names = append(names, fmt.Sprintf("shop_orders_%02d", i))
	}
	return names
}

// observations are a healthy cluster.
func observations(cluster string, secondaries int, request contract.Request) *check.Observations {
	o := &check.Observations{
		Request: request, Cluster: inventory.Cluster{Name: cluster}, Roles: check.Roles{Primary: primary},
		Against: map[string]check.Comparison{},
	}
	version, _ := node.ParseVersion("8.4.6")
	for i := range secondaries + 1 {
		name := primary
		if i > 0 {
			name = secondary(i)
		}
		n := check.Observation{
			Node: name, Address: address(name), PeerAddress: address(name),
			Identity: node.Identity{UUID: uuid(i), ServerID: uint32(i + 1), Version: version},
			GTIDs:    node.GTIDs{Executed: gtids(i)}, DataBytes: copyBytes + int64(i),
			Fence: fence.Status{Owner: fence.None},
		}
		for _, schema := range schemaNames() {
			n.Schemas = append(n.Schemas, check.Schema{Name: schema, Tables: 40})
		}
		if i > 0 {
			lag := int64(i % 3)
			n.Channels = []node.Channel{{
				SourceHost: primary + ".db.example.net", SourcePort: 3306, SourceUUID: uuid(0), IO: "Yes", SQL: true, LagSeconds: &lag,
			}}
			o.Against[name] = check.Comparison{Shared: true}
		}
		o.Nodes = append(o.Nodes, n)
	}
	return o
}

// passes is what check.Judge says of a cluster with which nothing is wrong.
func passes() []contract.Finding {
	var findings []contract.Finding
	for _, c := range check.All() {
		findings = append(findings, contract.Finding{Code: c.Code, Verdict: contract.VerdictPass, Observed: "as wanted", Wanted: c.Wanted})
	}
	return findings
}

func planOf(cluster string, secondaries int, request contract.Request) contract.Plan {
	return plan.Build(observations(cluster, secondaries, request), passes(), time.Now().UTC())
}

func noteOf() activities.NoteResult {
	on, at := "ON", time.Date(2026, 3, 1, 10, 15, 30, 123456000, time.UTC)
	options := map[string]string{}
	for _, name := range []string{
		"GET_SOURCE_PUBLIC_KEY", "GTID_ONLY", "NETWORK_NAMESPACE", "PRIVILEGE_CHECKS_USER", "REQUIRE_ROW_FORMAT", "REQUIRE_TABLE_PRIMARY_KEY_CHECK",
		"SOURCE_BIND", "SOURCE_COMPRESSION_ALGORITHMS", "SOURCE_CONNECTION_AUTO_FAILOVER", "SOURCE_CONNECT_RETRY", "SOURCE_DELAY",
		"SOURCE_HEARTBEAT_PERIOD", "SOURCE_PUBLIC_KEY_PATH", "SOURCE_RETRY_COUNT", "SOURCE_SSL", "SOURCE_SSL_CA", "SOURCE_SSL_CAPATH",
		"SOURCE_SSL_CERT", "SOURCE_SSL_CIPHER", "SOURCE_SSL_CRL", "SOURCE_SSL_CRLPATH", "SOURCE_SSL_KEY", "SOURCE_SSL_VERIFY_SERVER_CERT",
		"SOURCE_TLS_VERSION", "SOURCE_ZSTD_COMPRESSION_LEVEL",
	} {
		options[name] = "1"
	}
	options["SOURCE_SSL_CA"], options["SOURCE_SSL_CERT"] = "/etc/mysql/tls/ca.pem", "/etc/mysql/tls/client-cert.pem"
	options["SOURCE_SSL_KEY"], options["REQUIRE_TABLE_PRIMARY_KEY_CHECK"] = "/etc/mysql/tls/client-key.pem", "STREAM"
	settings := map[string]node.Setting{}
	for _, name := range fence.Settings() {
		settings[name] = node.Setting{
			Name: name, Value: on, Persisted: &on, Source: "DYNAMIC", SetUser: "resync_admin", SetHost: "10.20.30.40", SetTime: at,
		}
	}
	return activities.NoteResult{
		Done:  activities.Done{Attempts: 1},
		Fence: &fence.Note{Settings: settings, GTIDExecuted: gtids(0), Channels: []fence.Threads{{IO: true, SQL: true}}},
		Channel: channel.Note{
			Configured: true, Host: primary + ".db.example.net", Port: 3306, User: "repl", AutoPosition: true, Options: options, IO: true, SQL: true,
		},
	}
}

func destroyed() contract.Destroyed {
	return contract.Destroyed{GTIDs: gtids(0), Schemas: schemaNames(), Tables: schemas * 40, Bytes: copyBytes}
}

func copyFrom(donor string) contract.Copy {
	return contract.Copy{
		Donor: donor, Bytes: copyBytes, Duration: contract.Duration(30*time.Minute + 12345*time.Millisecond), MiBps: 99.53216548, GTIDs: gtids(1),
	}
}

func proofOf(node string) contract.Proof {
	began := time.Date(2026, 3, 1, 11, 0, 0, 123456789, time.UTC)
	layer := func(name contract.ProofLayerName, examined int64, notes ...string) contract.ProofLayer {
		return contract.ProofLayer{Name: name, Verdict: contract.ProofEqual, Examined: examined, Notes: notes, Milliseconds: 81234}
	}
	rows := layer(contract.ProofRows, schemas*40)
	rows.Rows, rows.Bytes = 912_345_678, copyBytes/2
	return contract.Proof{
		Node: node, Primary: primary, Equal: true, Verdict: contract.ProofEqual,
		Layers: []contract.ProofLayer{
			layer(contract.ProofClone, 1, "from "+address(primary)+", 2026-03-01T10:20:00Z to 2026-03-01T10:50:12Z"),
			layer(contract.ProofGTIDs, 1, "caught up to "+gtids(2)),
			layer(contract.ProofSchema, schemas*48), layer(contract.ProofAccounts, 87),
			layer(contract.ProofSettings, 41), rows,
			layer(contract.ProofService, 7, "both threads run; lag 0s, caught up with "+primary+" in 184 ms",
				"offline_mode is ON: clients are kept away, and the declared state is set when that ends"),
		},
		Spans: []contract.ProofSpan{{
			GTIDs: gtids(3), Taken: began, PauseMilliseconds: 41, Attempts: 4, Tables: schemas * 40, Rows: rows.Rows,
		}},
		Started: began, Ended: began.Add(25 * time.Minute),
	}
}

// previewAtItsCap is the largest LossPreview that the contract allows.
func previewAtItsCap() *contract.LossPreview {
	preview := &contract.LossPreview{TablesInAll: 100, StatementsInAll: 100}
	for i := range contract.MaxPreviewTables {
		preview.Tables = append(preview.Tables, contract.TableChanges{
			Schema: schemaNames()[i%schemas], Table: fmt.Sprintf("order_lines_%04d", i), Inserted: 12345, Updated: 12345, Deleted: 12345,
		})
	}
	for range contract.MaxPreviewStatements {
		preview.Statements = append(preview.Statements, strings.Repeat("x", contract.MaxPreviewStatement))
	}
	return preview
}
