package check

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// holding is an account or an event: digests by what they stand for, in the words of a difference. Nothing in it is a password or leads
// to one; digests are compared and never shown.
type holding map[string]string

// readAccountHoldings reads the accounts by 'user'@'host', without those that a server has for itself and those of the run.
func readAccountHoldings(ctx context.Context, r node.Reader, run inventory.Accounts) (map[string]holding, error) {
	const query = `SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)), SHA2(CONCAT_WS(CHAR(0), User, Host, plugin, authentication_string), 256),
  SHA2(CONCAT_WS(CHAR(0), ssl_type, ssl_cipher, x509_issuer, x509_subject, max_questions, max_updates, max_connections, max_user_connections,
    account_locked, COALESCE(password_lifetime, ''), COALESCE(Password_reuse_history, ''), COALESCE(Password_reuse_time, ''),
    COALESCE(Password_require_current, ''), COALESCE(User_attributes, '')), 256)
FROM mysql.user WHERE User NOT LIKE 'mysql.%' AND User NOT IN (?, ?, ?)`
	all := map[string]holding{}
	err := node.Each(ctx, r, "read the accounts", query, []any{run.Admin.User, run.Donor.User, run.Replication.User}, func(scan func(...any) error) error {
		var name, password, options string
		err := scan(&name, &password, &options)
		all[name] = holding{"its password was set here and not by the primary": password, "its options differ": options}
		return err
	})
	if err != nil {
		return nil, err
	}
	const privileges = "its privileges differ"
	held := "SELECT GRANTEE, CAST(BIT_XOR(" + hash("GRANTED") + `) AS CHAR) FROM (
  SELECT GRANTEE, CONCAT_WS(CHAR(0), 'u', PRIVILEGE_TYPE, IS_GRANTABLE) AS GRANTED FROM information_schema.USER_PRIVILEGES
  UNION ALL SELECT GRANTEE, CONCAT_WS(CHAR(0), 's', TABLE_SCHEMA, PRIVILEGE_TYPE, IS_GRANTABLE) FROM information_schema.SCHEMA_PRIVILEGES
  UNION ALL SELECT GRANTEE, CONCAT_WS(CHAR(0), 't', TABLE_SCHEMA, TABLE_NAME, PRIVILEGE_TYPE, IS_GRANTABLE) FROM information_schema.TABLE_PRIVILEGES
  UNION ALL SELECT GRANTEE, CONCAT_WS(CHAR(0), 'c', TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, PRIVILEGE_TYPE, IS_GRANTABLE) FROM information_schema.COLUMN_PRIVILEGES
  UNION ALL SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)), CONCAT_WS(CHAR(0), 'r', Db, Routine_name, Routine_type, Proc_priv) FROM mysql.procs_priv
  UNION ALL SELECT CONCAT(QUOTE(TO_USER), '@', QUOTE(TO_HOST)), CONCAT_WS(CHAR(0), 'e', FROM_USER, FROM_HOST, WITH_ADMIN_OPTION) FROM mysql.role_edges
  UNION ALL SELECT CONCAT(QUOTE(USER), '@', QUOTE(HOST)), CONCAT_WS(CHAR(0), 'd', DEFAULT_ROLE_USER, DEFAULT_ROLE_HOST) FROM mysql.default_roles
) AS g GROUP BY GRANTEE`
	err = node.Each(ctx, r, "read what the accounts hold", held, nil, func(scan func(...any) error) error {
		var name, digest string
		err := scan(&name, &digest)
		if account, known := all[name]; known {
			account[privileges] = digest
		}
		return err
	})
	return all, err
}

// readEventHoldings reads the events of the users' schemas. Their status is left out: an event of the primary is disabled on a replica, by
// the server itself or by a run.
func readEventHoldings(ctx context.Context, r node.Reader) (map[string]holding, error) {
	const query = `SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME), SHA2(CONCAT_WS(CHAR(0), DEFINER, EVENT_TYPE, EVENT_DEFINITION, SQL_MODE, ON_COMPLETION,
  COALESCE(EXECUTE_AT, ''), COALESCE(INTERVAL_VALUE, ''), COALESCE(INTERVAL_FIELD, ''), COALESCE(STARTS, ''), COALESCE(ENDS, ''), TIME_ZONE), 256)
FROM information_schema.EVENTS WHERE EVENT_SCHEMA ` + node.UserSchemas
	all := map[string]holding{}
	err := node.Each(ctx, r, "read the events", query, nil, func(scan func(...any) error) error {
		var name, digest string
		err := scan(&name, &digest)
		all[name] = holding{"its definition differs": digest}
		return err
	})
	return all, err
}

// otherwise names what is only in ours, or otherwise in theirs.
func otherwise(kind contract.ObjectKind, ours, theirs map[string]holding, behind bool) []contract.OnlyHere {
	var all []contract.OnlyHere
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		object := contract.OnlyHere{Kind: kind, Name: name, Behind: behind}
		if their, there := theirs[name]; there {
			var differs []string
			for _, what := range slices.Sorted(maps.Keys(ours[name])) {
				if their[what] != ours[name][what] {
					differs = append(differs, what)
				}
			}
			if object.Differs = strings.Join(differs, "; "); object.Differs == "" {
				continue
			}
		}
		all = append(all, object)
	}
	return all
}

// pluginsOnlyHere are those that stand in mysql.plugin, which a clone replaces with the donor's; those that an option loads stay.
func pluginsOnlyHere(n, primary *Observation) []contract.OnlyHere {
	var all []contract.OnlyHere
	for _, plugin := range n.Plugins {
		if !plugin.Installed {
			continue
		}
		object := contract.OnlyHere{Kind: contract.ObjectPlugin, Name: plugin.Name}
		if their, there := primary.Plugin(plugin.Name); there && their.Installed {
			if their.Library == plugin.Library {
				continue
			}
			object.Differs = "its library is " + plugin.Library + ", the primary's " + their.Library
		}
		all = append(all, object)
	}
	return all
}
