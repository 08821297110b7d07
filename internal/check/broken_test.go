package check

import (
	"slices"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	pass = contract.VerdictPass
	warn = contract.VerdictWarn
	fail = contract.VerdictFail
)

// broken is a healthy cluster broken in one way, and the one finding it must give.
type broken struct {
	name    string
	breaks  func(*Observations)
	code    string
	node    string
	verdict contract.Verdict
	// observed and remedy are parts of the finding's texts.
	observed, remedy string
	// also are the codes of other checks that cannot but object too.
	also []string
}

func brokenClusters() []broken {
	db1 := func(o *Observations) *Observation { return &o.Nodes[0] }
	db2 := func(o *Observations) *Observation { return &o.Nodes[1] }
	setOn := func(n func(*Observations) *Observation, name, value string) func(*Observations) {
		return func(o *Observations) { set(n(o), name, value) }
	}
	version := func(n *Observation, text string) { n.Identity.Version, _ = node.ParseVersion(text) }
	without := func(g *Grants, name string) {
		g.Privileges = slices.DeleteFunc(slices.Clone(g.Privileges), func(p string) bool { return p == name })
	}
	return slices.Concat(brokenPrimaries(), brokenAccounts(), []broken{
		{"unreachable", func(o *Observations) { unseen(db2(o), node.ClassUnreachable) },
			"node-reachable", "db2", fail, "unreachable", `"onUnreachable": "skip"`, []string{"serving-floor"}},
		{"unreachable, skipped", func(o *Observations) {
			unseen(db2(o), node.ClassUnreachable)
			o.Request.OnUnreachable = contract.UnreachableSkip
		},
			"node-reachable", "db2", warn, "left out", `"nodes": ["db2"]`, []string{"serving-floor"}},
		{"unreachable primary is never skipped", func(o *Observations) {
			o.Cluster.Primary = "db1"
			unseen(db1(o), node.ClassUnreachable)
			o.Request.OnUnreachable = contract.UnreachableSkip
		}, "node-reachable", "db1", fail, "unreachable", "start mysqld", nil},
		{"wrong password", func(o *Observations) { unseen(db2(o), node.ClassAccessDenied) },
			"node-access", "db2", fail, "access denied", "ALTER USER 'resync_admin'@'%'", []string{"serving-floor"}},
		{"wrong password is never skipped", func(o *Observations) {
			unseen(db2(o), node.ClassAccessDenied)
			o.Request.OnUnreachable = contract.UnreachableSkip
		}, "node-access", "db2", fail, "access denied", "env:ADMIN", []string{"serving-floor"}},
		{"offline without CONNECTION_ADMIN", func(o *Observations) { unseen(db2(o), node.ClassOffline) },
			"node-access", "db2", fail, "offline", "GRANT CONNECTION_ADMIN", []string{"serving-floor"}},
		{"no MySQL", func(o *Observations) { unseen(db2(o), node.ClassOther) },
			"node-reachable", "db2", fail, "other", "127.0.0.1:3302", []string{"serving-floor"}},
		{"a part not readable", func(o *Observations) {
			db2(o).Gaps = []Gap{{Part: partSettings, Text: "SELECT command denied"}}
			db2(o).Settings = nil
		}, "node-readable", "db2", fail, "SELECT command denied", "admin-grants", nil},

		{"one node", func(o *Observations) { o.Nodes = o.Nodes[:1] }, "two-nodes", "", fail, "1 node", "clusters.shop.nodes", []string{"unlisted-replicas"}},
		{"unknown node", func(o *Observations) { o.Request.Nodes = []string{"db2", "db9"} }, "nodes-known", "", fail, `"db9"`, "nodes", nil},
		{"the primary asked for", func(o *Observations) { o.Request.Nodes = []string{"db1", "db2"} }, "nodes-known", "db1", fail, "primary", `"db1"`, nil},
		{"nobody left", func(o *Observations) {
			unseen(db2(o), node.ClassUnreachable)
			o.Request.OnUnreachable = contract.UnreachableSkip
			o.Request.Nodes = []string{"db2"}
		}, "nodes-known", "", fail, "no secondary", "node-reachable", []string{"node-reachable"}},
		{"same server_uuid", func(o *Observations) { o.Nodes[2].Identity.UUID = uuid2 }, "one-server-twice", "db3", fail, uuid2, "auto.cnf", []string{"unlisted-replicas"}},
		{"same server_id", func(o *Observations) { o.Nodes[2].Identity.ServerID = 2 }, "one-server-twice", "db3", fail, "server_id 2", "SET PERSIST server_id", nil},

		{"two candidates", func(o *Observations) { db2(o).Channels = nil }, "one-primary", "", fail, "db1, db2 follow nobody", "clusters.shop.primary", nil},
		{"nobody is primary", func(o *Observations) {
			db1(o).Channels = []node.Channel{{SourceHost: "db2.example", SourcePort: 3306, SourceUUID: uuid2}}
		}, "one-primary", "", fail, "every node", "RESET REPLICA ALL", nil},
		{"primary follows a server outside", func(o *Observations) {
			o.Cluster.Primary = "db1"
			db1(o).Channels = []node.Channel{{SourceHost: "elsewhere", SourcePort: 3306, SourceUUID: "99"}}
		}, "one-primary", "db1", fail, "replicates from elsewhere:3306", "clusters.shop.primary", nil},
		{"pin contradicted", func(o *Observations) { o.Cluster.Primary = "db2" }, "one-primary", "db2", fail, "replicates from db1.example:3306", "clusters.shop.primary", nil},
		{"pinned primary is a wreck", func(o *Observations) { o.Cluster.Primary = "db1"; wreck(db1(o)) }, "one-primary", "db1", fail, "fenced", "clusters.shop.primary", []string{"fence"}},
		{"not compared", func(o *Observations) { o.NotCompared = "node db1: connection lost" }, "gtids-compared", "db1", fail, "connection lost", "run again", nil},

		{"secondary of another cluster", func(o *Observations) {
			db2(o).Channels[0].SourceUUID, db2(o).Channels[0].SourceHost = "99", "elsewhere"
		}, "follows-primary", "db2", fail, "elsewhere:3306", "out of the inventory", nil},
		{"secondary of a secondary", func(o *Observations) { db2(o).Channels[0].SourceUUID = uuid3 }, "follows-primary", "db2", fail, "db3, a secondary itself", "SOURCE_HOST='db1.example'", nil},
		{"replaced primary", func(o *Observations) { db2(o).Channels[0].SourceUUID = "99" }, "follows-primary", "db2", warn, "restored or replaced", "unreplicated-writes", nil},
		{"no channel, shared history", func(o *Observations) { o.Cluster.Primary = "db1"; db2(o).Channels = nil }, "follows-primary", "db2", warn, "shares", "CHANGE REPLICATION SOURCE", nil},
		{"no channel, other history", func(o *Observations) {
			o.Cluster.Primary = "db1"
			db2(o).Channels = nil
			o.Against = map[string]Comparison{"db2": {}}
		}, "follows-primary", "db2", fail, "no transaction in common", "out of the inventory", nil},
		{"no channel, no history", func(o *Observations) {
			o.Cluster.Primary = "db1"
			db2(o).Channels, db2(o).GTIDs.Executed, db2(o).Schemas = nil, "", nil
		}, "follows-primary", "db2", fail, "executed nothing", "CHANGE REPLICATION SOURCE", nil},
		{"no channel, other history, adopted", func(o *Observations) {
			o.Cluster.Primary = "db1"
			db2(o).Channels, db2(o).Adopt = nil, true
			o.Against = map[string]Comparison{"db2": {}}
		}, "follows-primary", "db2", warn, "the inventory adopts it", "adopt: true", nil},
		{"empty and adopted", func(o *Observations) {
			o.Cluster.Primary = "db1"
			db2(o).Channels, db2(o).GTIDs.Executed, db2(o).Schemas, db2(o).Adopt = nil, "", nil, true
		}, "follows-primary", "db2", warn, "the inventory adopts it", "", nil},
		{"adopted from a cluster that is alive", func(o *Observations) {
			db2(o).Channels[0].SourceUUID, db2(o).Channels[0].SourceHost, db2(o).Adopt = "99", "elsewhere", true
		}, "follows-primary", "db2", fail, "elsewhere:3306", "STOP REPLICA", nil},
		{"not chosen, of another cluster", func(o *Observations) {
			o.Request.Nodes = []string{"db3"}
			db2(o).Channels[0].SourceUUID, db2(o).Channels[0].SourceHost = "99", "elsewhere"
			zero := 0
			o.Request.MinServing = &zero
		}, "follows-primary", "db2", warn, "elsewhere:3306", "", nil},

		{"read-only primary", setOn(db1, "super_read_only", "ON"), "primary-open", "db1", fail, "super_read_only = ON", "SET GLOBAL super_read_only = OFF", nil},
		{"offline primary", func(o *Observations) {
			set(db1(o), "offline_mode", "ON")
			db1(o).Fence = fence.Status{Owner: fence.Other}
		}, "primary-open", "db1", fail, "offline_mode = ON", "SET GLOBAL offline_mode = OFF", nil},
		{"wreck of ours", func(o *Observations) { wreck(db2(o)); db2(o).GTIDs.Executed = "" }, "fence", "db2", warn, "earlier run", "", nil},
		{"wreck left alone", func(o *Observations) {
			wreck(db2(o))
			zero := 0
			o.Request.Nodes, o.Request.MinServing = []string{"db3"}, &zero
		}, "fence", "db2", warn, "leaves it", `"db2"`, []string{"follows-primary"}},
		{"offline by others", func(o *Observations) {
			set(db2(o), "offline_mode", "ON")
			db2(o).Fence = fence.Status{Owner: fence.Other, By: "root@localhost"}
		}, "fence", "db2", fail, "root@localhost", "SET GLOBAL offline_mode = OFF", nil},
		{"feeds a stranger", func(o *Observations) {
			db2(o).Downstreams = []node.Downstream{{ServerID: 77, UUID: "99"}}
			db2(o).DumpThreads = []string{"repl@10.0.0.9"}
		}, "feeds-others", "db2", fail, "server 77", "follow the primary", nil},
		{"feeds another node of the cluster", func(o *Observations) {
			db2(o).Downstreams = []node.Downstream{{ServerID: 3, UUID: uuid3}}
			o.Nodes[2].Channels[0].SourceUUID = uuid2
		}, "feeds-others", "db2", fail, uuid3, "follow the primary", []string{"follows-primary"}},
		{"feeds an unregistered reader", func(o *Observations) { db2(o).DumpThreads = []string{"backup@10.0.0.9"} },
			"feeds-others", "db2", fail, "backup@10.0.0.9", "follow the primary", nil},
		{"group member", func(o *Observations) { db2(o).Group = "ONLINE SECONDARY" }, "group-replication", "db2", fail, "ONLINE", "STOP GROUP_REPLICATION", nil},
		{"two channels", func(o *Observations) {
			db2(o).Channels = append(db2(o).Channels, node.Channel{Name: "other", SourceHost: "db1.example", SourcePort: 3306, SourceUUID: uuid1})
		}, "one-channel", "db2", fail, `"other"`, "RESET REPLICA ALL FOR CHANNEL", nil},
		{"a filter", func(o *Observations) {
			db2(o).Channels[0].Filters = map[string]string{"Replicate_Ignore_DB": "logs"}
		}, "replication-filters", "db2", fail, "Replicate_Ignore_DB=logs", "REPLICATE_IGNORE_DB=()", nil},
		{"a filter without a channel", func(o *Observations) {
			o.Cluster.Primary = "db1"
			db2(o).Channels, db2(o).GlobalFilters = nil, []string{"REPLICATE_DO_DB=app"}
		}, "replication-filters", "db2", fail, "REPLICATE_DO_DB=app", "REPLICATE_DO_DB=()", []string{"follows-primary"}},
		{"a filtered binary log", func(o *Observations) { db1(o).BinlogFilters = []string{"binlog-ignore-db=tmp"} },
			"replication-filters", "db1", fail, "binlog-ignore-db=tmp", "binlog-ignore-db", nil},
		{"a filtered binary log of a secondary", func(o *Observations) { db2(o).BinlogFilters = []string{"binlog-ignore-db=tmp"} },
			"replication-filters", "db2", fail, "binlog-ignore-db=tmp; writes of its own", "binlog-ignore-db", nil},
		{"delayed", func(o *Observations) { db2(o).Channels[0].DelaySeconds = 3600 }, "delayed-replica", "db2", fail, "3600 s", "SOURCE_DELAY=0", []string{"serving-floor"}},
		{"delayed, with consent", func(o *Observations) {
			db2(o).Channels[0].DelaySeconds, o.Request.DelayedReplicas = 3600, contract.DelayedResync
		}, "delayed-replica", "db2", warn, "delayed again once it is proven", "", []string{"serving-floor"}},
		{"delayed, with a consent that a verification cannot use", func(o *Observations) {
			db2(o).Channels[0].DelaySeconds, o.Request.DelayedReplicas, o.Request.Mode = 3600, contract.DelayedResync, contract.ModeVerify
		}, "delayed-replica", "db2", fail, "3600 s", "SOURCE_DELAY=0", nil},
		{"delayed, with a consent that a repair cannot use", func(o *Observations) {
			db2(o).Channels[0].DelaySeconds, o.Request.DelayedReplicas, o.Request.Mode = 3600, contract.DelayedResync, contract.ModeRepair
		}, "delayed-replica", "db2", fail, "3600 s", "SOURCE_DELAY=0", []string{"serving-floor"}},
		{"a clone runs", func(o *Observations) { db2(o).Cloning = 12 }, "clone-idle", "db2", fail, "process 12", "KILL QUERY 12", nil},
		{"somebody clones into the primary", func(o *Observations) { db1(o).Cloning = 12 }, "clone-idle", "db1", fail, "process 12", "KILL QUERY 12", nil},

		{"a grant missing everywhere", func(o *Observations) {
			for i := range o.Nodes {
				without(&o.Nodes[i].Grants, "CLONE_ADMIN")
			}
			o.Request.Nodes = []string{"db2"}
		}, "admin-grants", "db2", fail, "resync_admin@% lacks CLONE_ADMIN", "GRANT CLONE_ADMIN ON *.* TO 'resync_admin'@'%'; (on the primary)", nil},
		{"a grant missing on one secondary", func(o *Observations) { without(&db2(o).Grants, "RELOAD") },
			"admin-grants", "db2", fail, "lacks RELOAD", "SET SESSION sql_log_bin = 0; GRANT RELOAD", nil},
		{"a partial revoke", func(o *Observations) { db2(o).Grants.Revoked = []string{"SELECT ON `hr`.*"} },
			"admin-grants", "db2", fail, "SELECT ON `hr`.*", "GRANT", nil},
		{"no donor account", func(o *Observations) {
			db1(o).Accounts = slices.DeleteFunc(slices.Clone(db1(o).Accounts), func(a Account) bool { return a.User == "resync_donor" })
		}, "run-accounts", "db1", fail, "no donor account resync_donor", "CREATE USER IF NOT EXISTS 'resync_donor'@'%'", nil},
		{"donor account without its grant", func(o *Observations) { without(&db1(o).Accounts[2].Grants, "BACKUP_ADMIN") },
			"run-accounts", "db1", fail, "lacks BACKUP_ADMIN", "GRANT BACKUP_ADMIN ON *.* TO 'resync_donor'@'%'", nil},
		{"replication account locked", func(o *Observations) { db1(o).Accounts[0].Locked = true },
			"run-accounts", "db1", fail, "locked", "ACCOUNT UNLOCK", nil},
		{"replication account expired", func(o *Observations) { db1(o).Accounts[0].Expired = true },
			"run-accounts", "db1", fail, "expired", "PASSWORD EXPIRE NEVER", nil},
		{"the worker's account is a secondary's own", func(o *Observations) { db2(o).Account = "resync_admin@10.0.0.%" },
			"run-accounts", "db2", warn, "resync_admin@10.0.0.%", "CREATE USER 'resync_admin'@'10.0.0.%'", nil},

		{"another series", func(o *Observations) { version(db2(o), "8.4.3") }, "clone-versions", "db2", fail, "8.4.3", "9.7.4-2", nil},
		{"too old", func(o *Observations) { version(db2(o), "8.0.26") }, "clone-versions", "db2", fail, "8.0.26", "upgrade", []string{"admin-grants"}},
		{"another patch", func(o *Observations) { version(db2(o), "9.7.5") }, "clone-versions", "db2", warn, "9.7.5", "rehearsal", nil},
		{"another character set", setOn(db2, "character_set_server", "latin1"), "clone-settings", "db2", fail, "character_set_server = latin1", "SET PERSIST character_set_server = 'utf8mb4'", nil},
		{"another collation", setOn(db2, "collation_server", "utf8mb4_bin"), "clone-settings", "db2", fail, "utf8mb4_bin", "SET PERSIST collation_server", nil},
		{"another file system character set", setOn(db2, "character_set_filesystem", "utf8mb4"), "clone-settings", "db2", fail, "character_set_filesystem", "SET PERSIST", nil},
		{"another page size", setOn(db2, "innodb_page_size", "8192"), "clone-settings", "db2", fail, "8192", "initialise", nil},
		{"another system tablespace", setOn(db2, "innodb_data_file_path", "ibdata1:76M"), "clone-settings", "db2", fail, "76M", "initialise", nil},
		{"another machine", setOn(db2, "version_compile_machine", "aarch64"), "clone-settings", "db2", fail, "aarch64", "platform", nil},
		{"another system", setOn(db2, "version_compile_os", "macos14"), "clone-settings", "db2", fail, "macos14", "platform", nil},
		{"another case of table names", setOn(db2, "lower_case_table_names", "1"), "table-name-case", "db2", fail, "lower_case_table_names = 1", "initialise", nil},
		{"small packets", setOn(db2, "max_allowed_packet", "1048576"), "packet-size", "db2", fail, "1048576", "SET PERSIST max_allowed_packet", nil},
		{"small packets on the primary", setOn(db1, "max_allowed_packet", "2097151"), "packet-size", "db1", fail, "2097151", "SET PERSIST max_allowed_packet", nil},
		{"forced recovery", setOn(db2, "innodb_force_recovery", "1"), "forced-recovery", "db2", fail, "= 1", "restart", nil},
		{"no clone plugin", func(o *Observations) { db2(o).Plugins = nil }, "clone-plugin", "db2", fail, "not loaded", "plugin-load-add=mysql_clone.so", nil},
		{"clone plugin inactive on the primary", func(o *Observations) { db1(o).Plugins[0].Active = false }, "clone-plugin", "db1", fail, "not active", "error log", nil},
		{"clone plugin would vanish", func(o *Observations) { db2(o).Plugins[0].Installed = true }, "clone-plugin-kept", "db2", fail, "INSTALLed", "plugin-load-add", nil},
		{"clone plugin installed everywhere", func(o *Observations) {
			for i := range o.Nodes {
				o.Nodes[i].Plugins[0].Installed = true
			}
			o.Request.Nodes = []string{"db2"}
		}, "clone-plugin-kept", "db2", warn, "INSTALLed", "plugin-load-add", nil},
		{"a plugin of the primary alone", func(o *Observations) {
			db1(o).Plugins = append(db1(o).Plugins, Plugin{Name: "rpl_semi_sync_source", Library: "semisync_source.so", Active: true})
			o.Request.Nodes = []string{"db2"}
		}, "plugins-loadable", "db2", warn, "rpl_semi_sync_source (semisync_source.so)", "plugin_dir", nil},
		{"primary may be cloned into", setOn(db1, "clone_valid_donor_list", "db9:3306"), "donor-list", "db1", warn, "db9:3306", "SET GLOBAL clone_valid_donor_list = NULL", nil},
		{"peer address of this machine", func(o *Observations) { db1(o).PeerAddress = "127.0.0.1:3301" }, "peer-address", "db1", warn, "127.0.0.1:3301", "peerAddress", nil},
		{"a path that leads nowhere", func(o *Observations) {
			o.Paths = map[string]clone.Path{"db2": {Broken: true, Number: 2005, What: "Unknown MySQL server host"}, "db3": {Proven: true}}
		}, "network-path", "db2", fail, "db1.example:3306 cannot be reached", "let db2 resolve the name db1.example", nil},
		{"another engine", func(o *Observations) {
			db1(o).OtherEngineCount, db1(o).OtherEngines = 2, []Table{{"app", "old`log", "MyISAM"}}
		}, "only-innodb", "db1", fail, "and 1 more", "ALTER TABLE `app`.`old``log` ENGINE=InnoDB;", nil},
		{"a small node", func(o *Observations) { db2(o).DataBytes = 100 << 20 }, "room", "db2", warn, "100.0 MiB", "924.0 MiB", nil},
		{"a disk too small", func(o *Observations) { db2(o).DiskBytes = 1 << 30 }, "room", "db2", fail, "declared as 1.0 GiB", "diskBytes: ", nil},
		{"a disk that would be full", func(o *Observations) { db2(o).DiskBytes = 1700 << 20 }, "room", "db2", warn, "1.7 GiB", "df", nil},
		{"not supervised", func(o *Observations) { db2(o).Supervised = inventory.Unsupervised }, "supervisor", "db2", warn, "not supervised", "systemd", nil},
		{"supervisor unknown", func(o *Observations) { db2(o).Supervised = inventory.SupervisionUnknown }, "supervisor", "db2", warn, "not declared", "supervised: true", nil},

		{"no GTIDs", setOn(db2, "gtid_mode", "ON_PERMISSIVE"), "gtid-mode", "db2", fail, "ON_PERMISSIVE", "gtid_mode = ON;", nil},
		{"GTIDs not enforced", setOn(db1, "enforce_gtid_consistency", "WARN"), "gtid-mode", "db1", fail, "WARN", "enforce_gtid_consistency = ON", nil},
		{"no binary log", setOn(db2, "log_bin", "OFF"), "binary-log", "db2", fail, "log_bin = OFF", "log-bin", nil},
		{"updates not logged", setOn(db2, "log_replica_updates", "OFF"), "binary-log", "db2", fail, "log_replica_updates = OFF", "log-replica-updates=ON", nil},
		{"commits out of order on the primary", setOn(db1, "binlog_order_commits", "OFF"), "commit-order", "db1", fail, "OFF", "SET PERSIST binlog_order_commits", nil},
		{"commits out of order on a secondary", setOn(db2, "replica_preserve_commit_order", "OFF"), "commit-order", "db2", fail, "OFF", "replica_preserve_commit_order = ON", nil},
		{"performance schema off", setOn(db1, "performance_schema", "OFF"), "performance-schema", "db1", fail, "OFF", "performance_schema=ON", nil},
		{"connection attributes cut", setOn(db2, "performance_schema_session_connect_attrs_size", "0"), "session-attributes", "db2", fail, "= 0", "option file", nil},
		{"persisted settings not read", setOn(db2, "persisted_globals_load", "OFF"), "persisted-settings", "db2", fail, "OFF", "persisted-globals-load", nil},

		{"a primary that went back", func(o *Observations) {
			o.Against = map[string]Comparison{"db2": {Errant: uuid1 + ":101-102", Transactions: 2, Shared: true}}
		}, "restored-primary", "db1", fail, "db2 has executed " + uuid1 + ":101-102 that the primary once wrote itself", "promote one of them", []string{"unreplicated-writes"}},
		{"data outside the binary log", func(o *Observations) {
			o.Belongings = map[string]Belongings{"db2": {Objects: []contract.OnlyHere{{Kind: contract.ObjectTable, Name: "app.own", Bytes: 5 << 20, Behind: true}}}}
		}, "data-without-gtids", "db2", fail, "table app.own (5.0 MiB, the node is behind", "mysqldump", nil},
		{"objects that could not be compared", func(o *Observations) { o.Belongings = map[string]Belongings{"db2": {Problem: "it went away"}} },
			"data-without-gtids", "db2", fail, "it went away", "discard", nil},
		{"errant writes", errant(contract.UnreplicatedRefuse), "unreplicated-writes", "db2", fail, "2 transactions that the primary does not have: " + uuid2 + ":1-2", `"unreplicatedWrites": "discard"`, nil},
		{"errant writes, discarded", errant(contract.UnreplicatedDiscard), "unreplicated-writes", "db2", warn, "will be destroyed", "", nil},
		{"errant writes, rescued", rescued(func(*Observations) {}), "unreplicated-writes", "db2", warn, "will be rescued", "", nil},
		{"errant writes, logs purged", rescued(func(o *Observations) {
			o.Previews["db2"] = contract.LossPreview{Unreadable: "its binary logs are purged"}
		}), "unreplicated-writes", "db2", fail, "cannot be rescued: its binary logs are purged", "discard", nil},
		{"errant writes, nobody read them", rescued(func(o *Observations) { o.Previews = nil }), "unreplicated-writes", "db2", fail, "were not read", "start again", nil},
		{"no archive", rescued(func(o *Observations) { o.Archive = Archive{} }), "rescue-archive", "", fail, "no archive", "CLUSTERRESYNC_ARCHIVE_DIR", []string{"unreplicated-writes"}},
		{"archive that cannot be written", rescued(func(o *Observations) {
			o.Archive.Problem = "read-only file system"
		}), "rescue-archive", "", fail, "read-only file system", "/archive", []string{"unreplicated-writes"}},
		{"archive without room", rescued(func(o *Observations) { o.Archive.Free = 39 << 20 }), "rescue-archive", "", fail, "39 MiB are free", "make room", []string{"unreplicated-writes"}},
		{"data without GTIDs", dataOnly(contract.UnreplicatedRefuse), "data-without-gtids", "db2", fail, "1 schema with 3 tables", "discard", nil},
		{"data without GTIDs, discarded", dataOnly(contract.UnreplicatedDiscard), "data-without-gtids", "db2", warn, "will be destroyed", "", nil},

		{"no hooks", func(o *Observations) { o.Cluster.Hooks = nil }, "hooks", "", warn, "sets no hooks", "beforeFence", nil},
		{"floor of two", func(o *Observations) { two := 2; o.Request.MinServing = &two }, "serving-floor", "", fail, "in service: 2", `"minServing": 1`, nil},
		{"a floor that a delayed node does not help to keep", func(o *Observations) {
			db2(o).Channels[0].DelaySeconds, o.Request.DelayedReplicas = 3600, contract.DelayedResync
		}, "serving-floor", "", fail, "in service: 1; with one of db3 out", `"minServing": 0`, []string{"delayed-replica"}},
		{"the last one in service", func(o *Observations) {
			o.Nodes[2].Channels[0].SQL = false
			o.Request.Nodes = []string{"db2"}
		}, "serving-floor", "", fail, "one of db2", `"minServing": 0`, nil},
		{"floor of the acknowledgements", func(o *Observations) {
			set(db1(o), "rpl_semi_sync_source_enabled", "ON")
			set(db1(o), "rpl_semi_sync_source_wait_for_replica_count", "2")
		}, "serving-floor", "", fail, "fewer than 2", "SET GLOBAL rpl_semi_sync_source_enabled = OFF", nil},
		{"asked for less than the acknowledgements", func(o *Observations) {
			set(db1(o), "rpl_semi_sync_master_enabled", "ON")
			set(db1(o), "rpl_semi_sync_master_wait_for_slave_count", "1")
			zero := 0
			o.Request.MinServing = &zero
		}, "serving-floor", "db1", warn, "1 stay in service", "", nil},
	})
}

func errant(writes contract.UnreplicatedWrites) func(*Observations) {
	return func(o *Observations) {
		o.Request.UnreplicatedWrites = writes
		o.Against = map[string]Comparison{"db2": {Errant: uuid2 + ":1-2", Transactions: 2, Shared: true}}
	}
}

// rescued is a cluster whose errant writes can be kept, but for what more is broken.
func rescued(breaks func(*Observations)) func(*Observations) {
	return func(o *Observations) {
		errant(contract.UnreplicatedRescue)(o)
		o.Previews = map[string]contract.LossPreview{"db2": {Bytes: 10 << 20}}
		o.Archive = Archive{Where: "/archive on worker-1", Free: 40 << 20}
		breaks(o)
	}
}

func dataOnly(writes contract.UnreplicatedWrites) func(*Observations) {
	return func(o *Observations) {
		o.Request.UnreplicatedWrites = writes
		o.Nodes[1].GTIDs.Executed = ""
	}
}
