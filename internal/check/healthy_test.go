package check

import (
	"maps"
	"strconv"
	"time"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	uuid1 = "11111111-0000-0000-0000-000000000001"
	uuid2 = "22222222-0000-0000-0000-000000000002"
	uuid3 = "33333333-0000-0000-0000-000000000003"
)

// healthy is a cluster of a primary (db1) and two secondaries with which nothing is wrong. Tests break one thing of it.
func healthy() *Observations {
	o := &Observations{
		Request: contract.Request{Cluster: "shop"}.WithDefaults(),
		Cluster: inventory.Cluster{
			Name:  "shop",
			Hooks: inventory.Hooks{inventory.HookBeforeFence: {{Command: []string{"/bin/drain"}}}},
			Accounts: inventory.Accounts{
				Admin:       inventory.Account{User: "resync_admin", Secret: "env:ADMIN"},
				Donor:       inventory.Account{User: "resync_donor", Secret: "env:DONOR"},
				Replication: inventory.Account{User: "repl", Secret: "env:REPL"},
			},
		},
		Nodes: []Observation{
			healthyNode("db1", uuid1, 1), healthyNode("db2", uuid2, 2), healthyNode("db3", uuid3, 3),
		},
	}
	for i := 1; i < 3; i++ {
		lag := int64(0)
		o.Nodes[i].Channels = []node.Channel{{
			SourceHost: "db1.example", SourcePort: 3306, SourceUUID: uuid1, IO: "Yes", SQL: true, LagSeconds: &lag,
			Filters: map[string]string{},
		}}
		set(&o.Nodes[i], "super_read_only", "ON")
		set(&o.Nodes[i], "read_only", "ON")
	}
	for i, n := range o.Nodes[1:] {
		o.Nodes[0].Downstreams = append(o.Nodes[0].Downstreams, node.Downstream{ServerID: uint32(i + 2), UUID: n.Identity.UUID})
		o.Nodes[0].DumpThreads = append(o.Nodes[0].DumpThreads, "repl@"+n.Node)
	}
	o.Limits = DefaultLimits()
	o.Look = &Look{Uptime: 24 * time.Hour, FencePassers: []Passer{{User: "root", Host: "localhost", By: "SUPER"}}, Logins: []Login{
		{Role: inventory.RoleDonor, User: "resync_donor", Admitted: true},
		{Role: inventory.RoleReplication, User: "repl", Admitted: true},
	}}
	return o
}

// settle does what ObserveAll does after the nodes were read, without servers.
func settle(o *Observations) *Observations {
	o.Roles = rolesOf(o.Cluster.Primary, o.Seen())
	if o.Against == nil {
		o.Against = map[string]Comparison{}
	}
	for _, n := range o.Seen() {
		if _, given := o.Against[n.Node]; !given && n.Node != o.Roles.Primary {
			o.Against[n.Node] = Comparison{Shared: n.GTIDs.Executed != ""}
		}
	}
	return o
}

func healthyNode(name, uuid string, id uint32) Observation {
	version, _ := node.ParseVersion("9.7.4-2")
	all := func(role inventory.Role) Grants {
		var g Grants
		for _, p := range inventory.Requirements(role, version) {
			g.Privileges = append(g.Privileges, p.Name)
		}
		return g
	}
	settings := map[string]node.Setting{}
	for name, value := range map[string]string{
		"binlog_expire_logs_auto_purge": "ON", "binlog_expire_logs_seconds": "2592000", "performance_schema": "ON",
		"performance_schema_session_connect_attrs_size": "512",
		"binlog_order_commits":                          "ON", "character_set_filesystem": "binary", "character_set_server": "utf8mb4",
		"clone_valid_donor_list": "", "collation_server": "utf8mb4_0900_ai_ci", "enforce_gtid_consistency": "ON",
		"gtid_mode": "ON", "innodb_data_file_path": "ibdata1:12M:autoextend", "innodb_force_recovery": "0",
		"innodb_page_size": "16384", "innodb_read_only": "OFF", "log_bin": "ON", "log_replica_updates": "ON",
		"lower_case_table_names": "0", "max_allowed_packet": "67108864", "offline_mode": "OFF",
		"persisted_globals_load": "ON", "read_only": "OFF", "replica_preserve_commit_order": "ON",
		"super_read_only": "OFF", "version_compile_machine": "x86_64", "version_compile_os": "Linux",
	} {
		settings[name] = node.Setting{Name: name, Value: value}
	}
	return Observation{
		Node: name, Address: "127.0.0.1:" + strconv.Itoa(3300+int(id)), PeerAddress: name + ".example:3306",
		Supervised: inventory.Supervised,
		Identity:   node.Identity{UUID: uuid, ServerID: id, Version: version},
		Account:    "resync_admin@%", ClientHost: "10.0.0.1", Uptime: 24 * time.Hour,
		Grants: all(inventory.RoleAdmin),
		Accounts: []Account{
			{User: "repl", Host: "%", Grants: all(inventory.RoleReplication)},
			{User: "resync_admin", Host: "%", Grants: all(inventory.RoleAdmin)},
			{User: "resync_donor", Host: "%", Grants: all(inventory.RoleDonor)},
		},
		Settings: settings,
		Plugins:  []Plugin{{Name: "clone", Type: "CLONE", Library: "mysql_clone.so", Active: true}},
		Fence:    fence.Status{Owner: fence.None},
		GTIDs:    node.GTIDs{Executed: uuid1 + ":1-100"},
		Schemas:  []Schema{{Name: "app", Tables: 3}}, DataBytes: 1 << 30,
	}
}

func set(o *Observation, name, value string) {
	o.Settings = maps.Clone(o.Settings)
	o.Settings[name] = node.Setting{Name: name, Value: value}
}

func wreck(o *Observation) {
	persisted := "ON"
	o.Settings = maps.Clone(o.Settings)
	o.Settings["offline_mode"] = node.Setting{Name: "offline_mode", Value: "ON", Persisted: &persisted, SetUser: "resync_admin"}
	o.Fence = fence.Status{Owner: fence.Ours, By: "resync_admin@%"}
	o.Channels = nil
}

func unseen(o *Observation, class node.Class) {
	*o = Observation{Node: o.Node, Address: o.Address, PeerAddress: o.PeerAddress, Supervised: o.Supervised,
		Problem: &Problem{Class: class, Text: "node " + o.Node + ": " + class.String()}}
}
