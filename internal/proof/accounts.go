package proof

import (
	"context"
	"slices"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Accounts are compared by the grant tables, whose relevant columns are equal on a healthy secondary (measured on 9.7; times and
// grantors are not, and are left out). Password hashes are digested by the server: they never reach this process.
var accountAspects = []aspect{
	{object: "account", schema: "''", name: "CONCAT(User,'@',Host)", secret: []string{"AUTHENTICATION", "ATTRIBUTES"},
		sql: `SELECT '', CONCAT(User,'@',Host), '', plugin, SHA2(authentication_string,256) AS AUTHENTICATION, account_locked, password_expired,
			password_lifetime, Password_reuse_history, Password_reuse_time, Password_require_current, ssl_type, ssl_cipher, x509_issuer,
			x509_subject, max_questions, max_updates, max_connections, max_user_connections,
			SHA2(CAST(User_attributes AS CHAR),256) AS ATTRIBUTES FROM mysql.user`},
	{object: "grant", schema: "''", name: "CONCAT(User,'@',Host)",
		sql: `SELECT '', CONCAT(User,'@',Host), '*.*', Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv, Reload_priv,
			Shutdown_priv, Process_priv, File_priv, Grant_priv, References_priv, Index_priv, Alter_priv, Show_db_priv, Super_priv,
			Create_tmp_table_priv, Lock_tables_priv, Execute_priv, Repl_slave_priv, Repl_client_priv, Create_view_priv, Show_view_priv,
			Create_routine_priv, Alter_routine_priv, Create_user_priv, Event_priv, Trigger_priv, Create_tablespace_priv, Create_role_priv,
			Drop_role_priv FROM mysql.user`},
	{object: "grant", schema: "''", name: "CONCAT(USER,'@',HOST)",
		sql: `SELECT '', CONCAT(USER,'@',HOST), CONCAT(PRIV,' on *.*'), WITH_GRANT_OPTION FROM mysql.global_grants`},
	{object: "grant", schema: "''", name: "CONCAT(User,'@',Host)",
		sql: `SELECT '', CONCAT(User,'@',Host), CONCAT(Db,'.*'), Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv,
			Grant_priv, References_priv, Index_priv, Alter_priv, Create_tmp_table_priv, Lock_tables_priv, Create_view_priv, Show_view_priv,
			Create_routine_priv, Alter_routine_priv, Execute_priv, Event_priv, Trigger_priv FROM mysql.db`},
	{object: "grant", schema: "''", name: "CONCAT(User,'@',Host)",
		sql: `SELECT '', CONCAT(User,'@',Host), CONCAT(Db,'.',Table_name), Db, Table_priv, Column_priv FROM mysql.tables_priv`},
	{object: "grant", schema: "''", name: "CONCAT(User,'@',Host)",
		sql: `SELECT '', CONCAT(User,'@',Host), CONCAT(Db,'.',Table_name,'.',Column_name), Db, Table_name, Column_priv FROM mysql.columns_priv`},
	{object: "grant", schema: "''", name: "CONCAT(User,'@',Host)",
		sql: `SELECT '', CONCAT(User,'@',Host), CONCAT(LOWER(Routine_type),' ',Db,'.',Routine_name), Db, Proc_priv FROM mysql.procs_priv`},
	{object: "grant", schema: "''", name: "CONCAT(User,'@',Host)",
		sql: `SELECT '', CONCAT(User,'@',Host), CONCAT('proxy for ',Proxied_user,'@',Proxied_host), With_grant FROM mysql.proxies_priv`},
	{object: "role", schema: "''", name: "CONCAT(TO_USER,'@',TO_HOST)",
		sql: `SELECT '', CONCAT(TO_USER,'@',TO_HOST), CONCAT(FROM_USER,'@',FROM_HOST), WITH_ADMIN_OPTION FROM mysql.role_edges`},
	{object: "default role", schema: "''", name: "CONCAT(USER,'@',HOST)",
		sql: `SELECT '', CONCAT(USER,'@',HOST), CONCAT(DEFAULT_ROLE_USER,'@',DEFAULT_ROLE_HOST), 'Y' AS GRANTED FROM mysql.default_roles`},
}

// reservedAccounts belong to the server itself and are locked; an upgrade may leave them different without harm.
var reservedAccounts = []string{"mysql.sys@localhost", "mysql.session@localhost", "mysql.infoschema@localhost"}

// proveAccounts compares accounts, roles and grants.
func (e *engine) proveAccounts(ctx context.Context) error {
	skip := func(id objectID) bool {
		return slices.Contains(reservedAccounts, id.name) || slices.Contains(e.options.IgnoreAccounts, id.name)
	}
	for _, r := range e.alive() {
		for _, name := range e.options.IgnoreAccounts {
			r.note(contract.ProofAccounts, "not compared on request: "+name)
		}
	}
	return e.compareObjects(ctx, contract.ProofAccounts, accountAspects, skip)
}
