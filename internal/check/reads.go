package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
)

// maxTables is how many tables of other engines are named; the rest is counted.
const maxTables = 20

// judged are the global variables that the checks read. Both words of a variable that was renamed are asked for.
var judged = []string{
	"binlog_expire_logs_auto_purge", "binlog_expire_logs_seconds", "binlog_order_commits", "binlog_space_limit",
	"character_set_filesystem", "character_set_server", "clone_valid_donor_list", "collation_server",
	"enforce_gtid_consistency", "event_scheduler", "expire_logs_days", "gtid_mode", "innodb_data_file_path",
	"innodb_force_recovery", "innodb_page_size", "innodb_read_only", "log_bin", "log_replica_updates",
	"lower_case_table_names", "max_allowed_packet", "offline_mode", "partial_revokes", "performance_schema",
	"performance_schema_session_connect_attrs_size", "persisted_globals_load", "read_only", "replica_parallel_workers",
	"replica_preserve_commit_order", "rpl_semi_sync_master_enabled", "rpl_semi_sync_master_wait_for_slave_count",
	"rpl_semi_sync_source_enabled", "rpl_semi_sync_source_wait_for_replica_count", "skip_replica_start",
	"super_read_only", "version_compile_machine", "version_compile_os",
}

func (o *Observation) readOwnGrants(ctx context.Context, s node.Reader) error {
	const who = `SELECT CURRENT_USER(), SUBSTRING_INDEX(USER(), '@', -1), EXISTS (SELECT 1 FROM performance_schema.session_status
WHERE VARIABLE_NAME = 'Ssl_cipher' AND VARIABLE_VALUE <> '')`
	if err := node.One(ctx, s, "ask who the worker is", who, nil, &o.Account, &o.ClientHost, &o.Encrypted); err != nil {
		return err
	}
	lines, err := texts(ctx, s, "read the worker's own grants", "SHOW GRANTS")
	o.Grants = parseGrants(lines)
	return err
}

func (o *Observation) readUptime(ctx context.Context, s node.Reader) error {
	var err error
	o.Uptime, err = uptime(ctx, s)
	o.SeenAt = time.Now()
	return err
}

// uptime is how long the server has run, in whole seconds.
func uptime(ctx context.Context, s node.Reader) (time.Duration, error) {
	var seconds int64
	err := node.One(ctx, s, "ask how long it has been up",
		"SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'", nil, &seconds)
	return time.Duration(seconds) * time.Second, err
}

func (o *Observation) readSettings(ctx context.Context, s node.Reader) error {
	var user string
	if err := node.One(ctx, s, "ask who the worker is", "SELECT SUBSTRING_INDEX(USER(), '@', 1)", nil, &user); err != nil {
		return err
	}
	// Once, for the fence as well: performance_schema makes up all variables for each question about one (measured on 9.7).
	var err error
	if o.Settings, err = node.ReadSettings(ctx, s, append(fence.Settings(), judged...)...); err != nil {
		return err
	}
	o.Fence = fence.StateOf(o.Settings, user)
	return nil
}

func (o *Observation) readPlugins(ctx context.Context, s node.Reader) error {
	const query = `SELECT p.PLUGIN_NAME, p.PLUGIN_TYPE, p.PLUGIN_LIBRARY, p.PLUGIN_STATUS = 'ACTIVE', i.name IS NOT NULL
FROM information_schema.PLUGINS p LEFT JOIN mysql.plugin i ON i.name = p.PLUGIN_NAME
WHERE p.PLUGIN_LIBRARY IS NOT NULL ORDER BY p.PLUGIN_NAME`
	return node.Each(ctx, s, "read the plugins", query, nil, func(scan func(...any) error) error {
		var p Plugin
		if err := scan(&p.Name, &p.Type, &p.Library, &p.Active, &p.Installed); err != nil {
			return err
		}
		o.Plugins = append(o.Plugins, p)
		return nil
	})
}

func (o *Observation) readFilters(ctx context.Context, s node.Reader) error {
	const query = `SELECT CONCAT(FILTER_NAME, '=', FILTER_RULE) FROM performance_schema.replication_applier_global_filters
WHERE FILTER_RULE <> ''`
	var err error
	if o.GlobalFilters, err = texts(ctx, s, "read the replication filters", query); err != nil {
		return err
	}
	rows, err := node.Table(ctx, s, "read the state of the binary log", o.Identity.Version.BinaryLogStatus())
	for _, row := range rows {
		if rule := row["Binlog_Do_DB"]; rule != "" {
			o.BinlogFilters = append(o.BinlogFilters, "binlog-do-db="+rule)
		}
		if rule := row["Binlog_Ignore_DB"]; rule != "" {
			o.BinlogFilters = append(o.BinlogFilters, "binlog-ignore-db="+rule)
		}
	}
	return err
}

func (o *Observation) readDownstreams(ctx context.Context, s node.Reader) error {
	var err error
	o.Downstreams, o.DumpThreads, err = readersOf(ctx, s)
	return err
}

// readersOf lists who reads the server's binary log: the replicas that registered, and the sessions that read. A reader that
// does not register, such as mysqlbinlog, shows only as a session. A worker that looks at what a node would lose is no reader to spare.
func readersOf(ctx context.Context, s node.Reader) (replicas []node.Downstream, sessions []string, err error) {
	if replicas, err = node.ReadDownstreams(ctx, s); err != nil {
		return nil, nil, err
	}
	sessions, err = texts(ctx, s, "list the readers of its binary log",
		`SELECT CONCAT(USER, '@', HOST) FROM performance_schema.processlist p WHERE COMMAND LIKE 'Binlog Dump%'
AND NOT EXISTS (SELECT 1 FROM performance_schema.session_connect_attrs a WHERE a.PROCESSLIST_ID = p.ID
AND a.ATTR_NAME = '`+node.AttributeProgram+`' AND a.ATTR_VALUE = '`+node.Program+`')`)
	return replicas, sessions, err
}

func (o *Observation) readGroup(ctx context.Context, s node.Reader) error {
	const query = `SELECT CONCAT(MEMBER_STATE, ' ', MEMBER_ROLE) FROM performance_schema.replication_group_members
WHERE MEMBER_ID = @@server_uuid AND MEMBER_STATE <> 'OFFLINE'`
	states, err := texts(ctx, s, "read the state in Group Replication", query)
	o.Group = strings.TrimSpace(strings.Join(states, ", "))
	return err
}

func (o *Observation) readSchemas(ctx context.Context, s node.Reader) error {
	const query = `SELECT s.SCHEMA_NAME, COUNT(t.TABLE_NAME) FROM information_schema.SCHEMATA s
LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME AND t.TABLE_TYPE = 'BASE TABLE'
WHERE s.SCHEMA_NAME ` + node.UserSchemas + ` GROUP BY s.SCHEMA_NAME ORDER BY s.SCHEMA_NAME`
	return node.Each(ctx, s, "list the schemas", query, nil, func(scan func(...any) error) error {
		var schema Schema
		if err := scan(&schema.Name, &schema.Tables); err != nil {
			return err
		}
		o.Schemas = append(o.Schemas, schema)
		return nil
	})
}

// readSize sums files, not the statistics of information_schema.TABLES: those open every table, are cached for a day and
// are written down by whoever asks, and what a clone copies is files.
func (o *Observation) readSize(ctx context.Context, s node.Reader) error {
	const query = `SELECT COALESCE(SUM(FILE_SIZE), 0) FROM information_schema.INNODB_TABLESPACES
WHERE SPACE_TYPE IN ('Single', 'General') AND NAME <> 'mysql' AND NAME NOT LIKE 'mysql/%' AND NAME NOT LIKE 'sys/%'`
	return node.One(ctx, s, "read the size of the data", query, nil, &o.DataBytes)
}

func (o *Observation) readEngines(ctx context.Context, s node.Reader) error {
	const query = `SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(ENGINE, '') FROM information_schema.TABLES
WHERE TABLE_TYPE = 'BASE TABLE' AND COALESCE(ENGINE, '') <> 'InnoDB' AND TABLE_SCHEMA ` + node.UserSchemas + `
ORDER BY TABLE_SCHEMA, TABLE_NAME`
	return node.Each(ctx, s, "list the tables that are not InnoDB", query, nil, func(scan func(...any) error) error {
		var t Table
		if err := scan(&t.Schema, &t.Name, &t.Engine); err != nil {
			return err
		}
		if o.OtherEngineCount++; o.OtherEngineCount <= maxTables {
			o.OtherEngines = append(o.OtherEngines, t)
		}
		return nil
	})
}

// readClone looks for a clone that really runs: the row alone says 'In Progress' for ever after a server was killed
// (measured on 9.7).
func (o *Observation) readClone(ctx context.Context, s node.Reader) error {
	const query = `SELECT c.PID FROM performance_schema.clone_status c
JOIN performance_schema.threads t ON t.PROCESSLIST_ID = c.PID WHERE c.STATE = 'In Progress'`
	err := node.Each(ctx, s, "read the state of the last clone", query, nil, func(scan func(...any) error) error {
		return scan(&o.Cloning)
	})
	if noSuchTable(err) {
		return nil // the plugin is not loaded, which a check of its own says
	}
	if err != nil {
		return err
	}
	const copied = `SELECT COALESCE(DATA, 0), TIMESTAMPDIFF(MICROSECOND, BEGIN_TIME, END_TIME) FROM performance_schema.clone_progress
WHERE STAGE = 'FILE COPY' AND STATE = 'Completed' AND BEGIN_TIME < END_TIME`
	return node.Each(ctx, s, "read how fast the last clone was", copied, nil, func(scan func(...any) error) error {
		var last Copy
		var microseconds int64
		if err := scan(&last.Bytes, &microseconds); err != nil {
			return err
		}
		if last.Took = time.Duration(microseconds) * time.Microsecond; last.telling() {
			o.LastCopy = &last
		}
		return nil
	})
}

func (o *Observation) readAccounts(ctx context.Context, s node.Reader, accounts inventory.Accounts) error {
	const query = `SELECT User, Host, account_locked = 'Y', password_expired = 'Y', ssl_type FROM mysql.user
WHERE User IN (?, ?, ?) ORDER BY User, Host`
	users := []any{accounts.Admin.User, accounts.Donor.User, accounts.Replication.User}
	err := node.Each(ctx, s, "read the accounts of the run", query, users, func(scan func(...any) error) error {
		var a Account
		if err := scan(&a.User, &a.Host, &a.Locked, &a.Expired, &a.TLS); err != nil {
			return err
		}
		o.Accounts = append(o.Accounts, a)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range o.Accounts {
		if err := o.Accounts[i].read(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// read asks for what the account holds when it logs in: its own privileges and those of the roles that become active.
func (a *Account) read(ctx context.Context, s node.Reader) error {
	const active = `SELECT CONCAT(QUOTE(DEFAULT_ROLE_USER), '@', QUOTE(DEFAULT_ROLE_HOST)) FROM mysql.default_roles
WHERE USER = ? AND HOST = ? AND NOT @@activate_all_roles_on_login
UNION SELECT CONCAT(QUOTE(FROM_USER), '@', QUOTE(FROM_HOST)) FROM mysql.role_edges
WHERE TO_USER = ? AND TO_HOST = ? AND @@activate_all_roles_on_login`
	doing := fmt.Sprintf("read the grants of %s@%s", a.User, a.Host)
	roles, err := texts(ctx, s, doing, active, a.User, a.Host, a.User, a.Host)
	if err != nil {
		return err
	}
	query := "SHOW GRANTS FOR ?@?"
	if len(roles) > 0 {
		query += " USING " + strings.Join(roles, ", ")
	}
	lines, err := texts(ctx, s, doing, query, a.User, a.Host)
	a.Grants = parseGrants(lines)
	return err
}

// texts reads one column.
func texts(ctx context.Context, s node.Reader, doing, query string, args ...any) ([]string, error) {
	var all []string
	err := node.Each(ctx, s, doing, query, args, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		all = append(all, text)
		return nil
	})
	return all, err
}
