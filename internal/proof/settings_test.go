package proof

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

func pinnedOf(t *testing.T, s Side) node.Pinned {
	t.Helper()
	conn, err := s.DB.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return node.Pinned{Node: s.Name, Conn: conn}
}

// TestEverySettingOfTheListExists wants no name of the list misspelt: this server knows each, under its newest name, or its plugin is
// not loaded.
func TestEverySettingOfTheListExists(t *testing.T) {
	has, err := readValues(t.Context(), pinnedOf(t, sideOf(t, lab.Primary())))
	require.NoError(t, err)
	pluginNeeded := []string{"rpl_semi_sync_replica_enabled"}
	removed := []string{"binlog_format"} // deprecated; a later server may not have it
	for _, s := range settings {
		_, known := has[s.name()]
		if !slices.Contains(pluginNeeded, s.name()) && !slices.Contains(removed, s.name()) {
			assert.True(t, known, s.name())
		}
	}
}

// TestHealthySecondariesDoNotDrift: what differs by nature must not be warned of.
func TestHealthySecondariesDoNotDrift(t *testing.T) {
	for _, p := range prove(t, Options{SkipRows: true}) {
		layer := p.Layer(contract.ProofSettings)
		require.Equal(t, contract.ProofEqual, layer.Verdict, describe(p))
		require.Empty(t, layer.Listed)
		require.Greater(t, layer.Examined, int64(len(settings)/2))
	}
}

// TestDriftIsAWarningAndCanBeAligned drifts variables of every kind on one secondary, wants each named with its reason, the proof equal
// all the same, and the other secondary without a word; then brings in line what can be.
func TestDriftIsAWarningAndCanBeAligned(t *testing.T) {
	fresh(t, "proof_drift", "CREATE TABLE t (id INT PRIMARY KEY)")
	n := lab.Secondaries()[0]
	name := "replica_exec_mode"
	drifted := map[string][2]string{ // value, and the one that is wanted
		name: {"IDEMPOTENT", "STRICT"}, "sync_binlog": {"0", "1"}, "innodb_flush_log_at_trx_commit": {"2", "1"}, "sql_mode": {"ANSI_QUOTES", ""},
		"max_connections": {"77", ""}, "binlog_row_image": {"MINIMAL", "FULL"}, "replica_type_conversions": {"ALL_LOSSY,ALL_NON_LOSSY", "ALL_NON_LOSSY"},
		"binlog_expire_logs_seconds": {"60", ""}, "auto_increment_offset": {"3", "1"},
	}
	var set, back []string
	for name, v := range drifted {
		value := v[0]
		if _, err := strconv.Atoi(value); err != nil {
			value = "'" + value + "'"
		}
		set = append(set, "SET GLOBAL "+name+"="+value)
		back = append(back, "RESET PERSIST IF EXISTS "+name, "SET GLOBAL "+name+"=DEFAULT")
	}
	set = append(set, "SET GLOBAL max_allowed_packet=128*1024*1024") // more than the primary: no drift
	back = append(back, "SET GLOBAL max_allowed_packet=DEFAULT")
	require.NoError(t, n.Exec(t.Context(), set...))
	t.Cleanup(func() { require.NoError(t, n.Exec(context.WithoutCancel(t.Context()), back...)) })

	proofs := prove(t, Options{})
	requireEqual(t, proofs[0])
	require.Equal(t, contract.ProofEqual, proofs[1].Layer(contract.ProofSettings).Verdict, describe(proofs[1]))
	layer := proofs[0].Layer(contract.ProofSettings)
	require.Equal(t, contract.ProofWarning, layer.Verdict)
	require.EqualValues(t, len(drifted), layer.Warnings, describe(proofs[0]))
	require.Zero(t, proofs[0].Differences())
	named := map[string]contract.ProofDifference{}
	for _, d := range layer.Listed {
		named[d.Name] = d
		require.NotEmpty(t, d.Detail)
		require.NotEmpty(t, d.Member)
	}
	for name := range drifted {
		require.Contains(t, named, name)
	}
	require.Equal(t, "IDEMPOTENT", named[name].Secondary)
	require.Equal(t, string(stayEqual), named[name].Member)
	require.Equal(t, string(durability), named["sync_binlog"].Member)

	primary, secondary := pinnedOf(t, sideOf(t, lab.Primary())), pinnedOf(t, sideOf(t, n))
	changes, err := Alignment(t.Context(), primary, secondary)
	require.NoError(t, err)
	require.Len(t, changes, len(drifted)-1, "auto_increment_offset is a person's to judge: %+v", changes)
	for _, c := range changes {
		if want := drifted[c.Name][1]; want != "" {
			require.Equal(t, want, c.To, c.Name)
		}
	}
	require.NoError(t, Align(t.Context(), secondary, changes))
	require.NoError(t, Align(t.Context(), secondary, changes), "twice is as good as once")
	left, err := Alignment(t.Context(), primary, secondary)
	require.NoError(t, err)
	require.Empty(t, left)
	persisted, err := n.QueryString(t.Context(), "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME='sync_binlog'")
	require.NoError(t, err)
	require.Equal(t, "1", persisted, "must hold after a restart")

	t.Run("set by somebody since", func(t *testing.T) {
		stale := []contract.SettingChange{{Name: "max_connections", From: "5", To: "6"}}
		require.ErrorContains(t, Align(t.Context(), secondary, stale), "somebody else")
	})
	t.Run("not on the list", func(t *testing.T) {
		require.ErrorContains(t, Align(t.Context(), secondary, []contract.SettingChange{{Name: "general_log", From: "OFF", To: "ON"}}), "not among")
		require.ErrorContains(t, Align(t.Context(), secondary, []contract.SettingChange{{Name: "server_id", From: "2", To: "1"}}), "not among")
	})
}

// TestDriftRules tries the rules that two equal servers cannot show.
func TestDriftRules(t *testing.T) {
	base := values{"lower_case_table_names": "0", "server_id": "1", "sync_binlog": "1", "binlog_expire_logs_seconds": "100", "version": "9.7.4",
		"rpl_semi_sync_source_enabled": "OFF", "rpl_semi_sync_replica_enabled": "OFF", "relay_log_recovery": "ON"}
	for name, c := range map[string]struct {
		primary, secondary values
		want               []string
	}{
		"names":                     {nil, values{"lower_case_table_names": "1"}, []string{"lower_case_table_names"}},
		"one server ID twice":       {nil, values{"server_id": "1"}, []string{"server_id"}},
		"stricter than the primary": {values{"sync_binlog": "1000"}, values{"sync_binlog": "1"}, nil},
		"laxer than the primary":    {nil, values{"sync_binlog": "1000"}, []string{"sync_binlog"}},
		"as lax as the primary":     {values{"sync_binlog": "0"}, values{"sync_binlog": "1000"}, nil},
		"logs without end":          {nil, values{"binlog_expire_logs_seconds": "0"}, nil},
		"the primary's without end": {values{"binlog_expire_logs_seconds": "0"}, nil, []string{"binlog_expire_logs_seconds"}},
		"a package of one version":  {nil, values{"version": "9.7.4-1"}, nil},
		"another version":           {nil, values{"version": "9.7.3"}, []string{"version"}},
		"nobody waits for acks":     {nil, values{"rpl_semi_sync_replica_enabled": "OFF"}, nil},
		"acks are waited for":       {values{"rpl_semi_sync_source_enabled": "ON"}, nil, []string{"rpl_semi_sync_replica_enabled"}},
		"old names":                 {values{"slave_exec_mode": "STRICT"}, values{"slave_exec_mode": "IDEMPOTENT"}, []string{"slave_exec_mode"}},
	} {
		t.Run(name, func(t *testing.T) {
			primary, secondary := values{}, values{}
			for k, v := range base {
				primary[k], secondary[k] = v, v
			}
			secondary["server_id"] = "2"
			for k, v := range c.primary {
				primary[k] = v
			}
			for k, v := range c.secondary {
				secondary[k] = v
			}
			var names []string
			for _, d := range drifts(primary, secondary) {
				names = append(names, d.name)
			}
			require.Equal(t, c.want, names)
		})
	}
}

func TestStatementQuotesWhatIsNoNumber(t *testing.T) {
	require.Equal(t, "SET PERSIST max_connections = 10", contract.SettingChange{Name: "max_connections", To: "10"}.Statement())
	require.Equal(t, `SET PERSIST sql_mode = 'A,B''\\'`, contract.SettingChange{Name: "sql_mode", To: `A,B'\`}.Statement())
	require.Equal(t, "SET PERSIST mandatory_roles = ''", contract.SettingChange{Name: "mandatory_roles"}.Statement())
}

// TestDocsNameEverySetting holds the table of docs/proof.md to the list, in its order.
func TestDocsNameEverySetting(t *testing.T) {
	text, err := os.ReadFile("../../docs/proof.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "\n## Settings\n")
	require.True(t, found)
	part, _, _ := strings.Cut(rest, "\n## ")
	var documented []string
	for line := range strings.Lines(part) {
		if strings.HasPrefix(line, "| `") {
			documented = append(documented, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, s := range settings {
		want = append(want, settingRow(s))
	}
	require.Equal(t, strings.Join(want, "\n"), strings.Join(documented, "\n"))
}

func settingRow(s setting) string {
	why := s.why
	if s.normal != "" {
		why += ". Normal: " + s.normal
	}
	return "| `" + strings.Join(s.names, "`, `") + "` | " + string(s.class) + " | " + s.rule.says + " | " + why + " | " + string(s.align) + " |"
}
