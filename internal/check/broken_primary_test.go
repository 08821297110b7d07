package check

import (
	"time"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
)

// brokenPrimaries are clusters whose primary is not well, or not well enough for this hour.
func brokenPrimaries() []broken {
	logged := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	sized := func(bytes int64, keptSeconds string) func(*Observations) {
		return func(o *Observations) {
			for i := range o.Nodes {
				o.Nodes[i].DataBytes = bytes
			}
			set(&o.Nodes[0], "binlog_expire_logs_seconds", keptSeconds)
		}
	}
	return []broken{
		{"a replica that the inventory does not name", func(o *Observations) {
			o.Nodes[0].Downstreams = append(o.Nodes[0].Downstreams, node.Downstream{ServerID: 77, UUID: "99", Host: "db9"})
		}, "unlisted-replicas", "db1", warn, `server 77 (uuid 99, host "db9")`, "clusters.shop.nodes", nil},
		{"restarted meanwhile", func(o *Observations) { o.Look.Restarted, o.Look.Uptime = true, 2*time.Second },
			"primary-uptime", "db1", fail, "restarted while it was observed", "error log", nil},
		{"young", func(o *Observations) { o.Look.Uptime = 299 * time.Second }, "primary-uptime", "db1", warn, "4m59s", "error log", nil},
		{"errors logged", func(o *Observations) {
			o.Look.ErrorCount = 3
			o.Look.Errors = []LoggedErrors{{"MY-012345", "InnoDB", 2, logged}, {"MY-010584", "Repl", 1, logged}}
		}, "primary-errors", "db1", warn, "3 errors within 1 h: MY-012345 of InnoDB (2, last at 2026-05-04 03:02:01 UTC), MY-010584", "performance_schema.error_log", nil},
		{"DDL runs", func(o *Observations) {
			o.Look.DDL = []Work{{Process: 12, User: "deploy", What: "alter_table", For: 3 * time.Minute}}
		}, "primary-ddl", "db1", warn, "alter_table by deploy for 3m0s", "ID = 12", nil},
		{"a long transaction", func(o *Observations) {
			o.Look.Transactions = []Work{{Process: 13, User: "reports", For: time.Minute}, {Process: 14, User: "app", For: 59 * time.Second}}
		}, "long-transactions", "db1", warn, "one of reports for 1m0s (process 13)", "KILL 13;", nil},
		{"a transaction of no session", func(o *Observations) { o.Look.Transactions = []Work{{For: time.Hour}} },
			"long-transactions", "db1", warn, "one of no session for 1h0m0s", "XA RECOVER", nil},
		{"busy", func(o *Observations) { o.Look.AtWork = 26 }, "primary-load", "db1", warn, "26 sessions", `"quiet"`, nil},
		{"binary logs go before a copy ends", sized(1<<40, "9000"), "binary-logs-last", "db1", fail, "1024.0 GiB at 110.0 MiB/s (assumed", "SET PERSIST binlog_expire_logs_seconds = 86400;", nil},
		{"binary logs may go before a copy ends", sized(1<<40, "11000"), "binary-logs-last", "db1", warn, "kept for 11000 s", "binlog_expire_logs_seconds", nil},
		{"binary logs go by days", func(o *Observations) {
			sized(100<<40, "0")(o)
			set(&o.Nodes[0], "expire_logs_days", "1")
		}, "binary-logs-last", "db1", fail, "kept for 24 h", "binlog_expire_logs_seconds = 38", nil},
		{"binary logs go by size", func(o *Observations) { set(&o.Nodes[0], "binlog_space_limit", "1073741824") },
			"binary-logs-last", "db1", warn, "binlog_space_limit = 1.0 GiB", "make sure", nil},
	}
}

// brokenAccounts are clusters whose accounts or passwords are not what the run needs.
func brokenAccounts() []broken {
	const denied = "node db1: ping: access denied: Error 1045 (28000): Access denied"
	refused := func(change func(*Observations, *Login)) func(*Observations) {
		return func(o *Observations) {
			login := &o.Look.Logins[1]
			login.Admitted, login.Number, login.Text = false, node.ErrnoAccessDenied, denied
			change(o, login)
		}
	}
	repl := func(o *Observations) *Account { return &o.Nodes[0].Accounts[0] }
	return []broken{
		{"a password that cannot be had", func(o *Observations) {
			o.Secrets = []SecretProblem{{inventory.RoleReplication, "the password of the replication account repl, declared as env:REPL, cannot be used: it is 33 bytes long"}}
		}, "secrets", "", fail, "33 bytes", "accounts.replication.secret", nil},
		{"a wrong password", refused(func(*Observations, *Login) {}), "account-passwords", "db1", fail, "refuses the password that the worker has for the replication account 'repl'@'%'",
			"accounts.replication.secret says (env:REPL)", nil},
		{"an account that does not admit the worker", refused(func(o *Observations, _ *Login) { repl(o).Host = "10.9.%" }),
			"account-passwords", "db1", warn, "admits no client at 10.0.0.1", "channel that runs", nil},
		{"an account that demands TLS", refused(func(o *Observations, _ *Login) { repl(o).TLS = "ANY" }),
			"account-passwords", "db1", warn, "could not be tried", "channel that runs", nil},
		{"an account that demands TLS, which the worker has", refused(func(o *Observations, _ *Login) { repl(o).TLS, o.Nodes[0].Encrypted = "ANY", true }),
			"account-passwords", "db1", fail, "refuses the password", "ALTER USER 'repl'@'%'", nil},
		{"a login that failed otherwise", refused(func(_ *Observations, l *Login) {
			l.Number, l.Text = node.ErrnoTooManyConnections, "Too many connections"
		}),
			"account-passwords", "db1", warn, "Too many connections", "run again", nil},
		{"an application that passes the fence", func(o *Observations) {
			o.Look.FencePassers = append(o.Look.FencePassers, Passer{"root", "%", "SUPER", ""},
				Passer{"proxy", "10.0.0.%", "CONNECTION_ADMIN", "'ops'@'%'"})
		}, "fence-passers", "db1", warn, "'root'@'%' (SUPER), 'proxy'@'10.0.0.%' (CONNECTION_ADMIN by the role 'ops'@'%')",
			"REVOKE SUPER ON *.* FROM 'root'@'%'; REVOKE 'ops'@'%' FROM 'proxy'@'10.0.0.%';", nil},
	}
}
