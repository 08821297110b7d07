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

// holding is an account, an event, or another definition: digests by what they stand for, in the words of a difference. Nothing in it is a
// password or leads to one; digests are compared and never shown.
type holding map[string]string

// others are what a server holds beside schemas and tables, by kind and name.
type others map[contract.ObjectKind]map[string]holding

// definitions are what is compared by its definition alone. Each query gives the kind, the name and a digest. An event's status is left out:
// one of the primary is disabled on a replica, by the server itself or by a run.
var definitions = []struct{ doing, query string }{
	{"read the events", `SELECT 'event', CONCAT(EVENT_SCHEMA, '.', EVENT_NAME), SHA2(CONCAT_WS(CHAR(0), DEFINER, EVENT_TYPE, EVENT_DEFINITION, SQL_MODE, ON_COMPLETION,
  COALESCE(EXECUTE_AT, ''), COALESCE(INTERVAL_VALUE, ''), COALESCE(INTERVAL_FIELD, ''), COALESCE(STARTS, ''), COALESCE(ENDS, ''), TIME_ZONE), 256)
FROM information_schema.EVENTS WHERE EVENT_SCHEMA ` + node.UserSchemas},
	{"read the views", `SELECT 'view', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), SHA2(CONCAT_WS(CHAR(0), DEFINER, SECURITY_TYPE, CHECK_OPTION, VIEW_DEFINITION), 256)
FROM information_schema.VIEWS WHERE TABLE_SCHEMA ` + node.UserSchemas},
	{"read the routines", `SELECT LOWER(r.ROUTINE_TYPE), CONCAT(r.ROUTINE_SCHEMA, '.', r.ROUTINE_NAME), SHA2(CONCAT_WS(CHAR(0), r.DEFINER, r.SECURITY_TYPE, r.SQL_MODE,
  r.IS_DETERMINISTIC, r.SQL_DATA_ACCESS, COALESCE(r.ROUTINE_DEFINITION, ''), r.ROUTINE_COMMENT, COALESCE(p.digest, '')), 256)
FROM information_schema.ROUTINES r LEFT JOIN (
  SELECT SPECIFIC_SCHEMA, SPECIFIC_NAME, ROUTINE_TYPE, BIT_XOR(` + hash("CONCAT_WS(CHAR(0), ORDINAL_POSITION, PARAMETER_MODE, PARAMETER_NAME, DTD_IDENTIFIER)") + `) AS digest
  FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA ` + node.UserSchemas + ` GROUP BY SPECIFIC_SCHEMA, SPECIFIC_NAME, ROUTINE_TYPE) AS p
ON p.SPECIFIC_SCHEMA = r.ROUTINE_SCHEMA AND p.SPECIFIC_NAME = r.SPECIFIC_NAME AND p.ROUTINE_TYPE = r.ROUTINE_TYPE
WHERE r.ROUTINE_SCHEMA ` + node.UserSchemas},
	{"read the triggers", `SELECT 'trigger', CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME), SHA2(CONCAT_WS(CHAR(0), DEFINER, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING,
  ACTION_ORDER, SQL_MODE, ACTION_STATEMENT), 256)
FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA ` + node.UserSchemas},
	// Both stand in tables of the mysql schema, which a clone replaces.
	{"read the components", "SELECT 'component', component_urn, SHA2(component_urn, 256) FROM mysql.component"},
	{"read the loadable functions", "SELECT 'function', name, SHA2(CONCAT_WS(CHAR(0), ret, type, dl), 256) FROM mysql.func"},
}

func readOthers(ctx context.Context, r node.Reader, run inventory.Accounts) (others, error) {
	all := others{}
	var err error
	if all[contract.ObjectAccount], err = readAccountHoldings(ctx, r, run); err != nil {
		return nil, err
	}
	for _, kind := range definedKinds {
		all[kind] = map[string]holding{}
	}
	for _, d := range definitions {
		err := node.Each(ctx, r, d.doing, d.query, nil, func(scan func(...any) error) error {
			var kind contract.ObjectKind
			var name, digest string
			err := scan(&kind, &name, &digest)
			if some, known := all[kind]; known && err == nil {
				some[name] = holding{"its definition differs": digest}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

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

// definedKinds are those of definitions, in the order in which they are shown.
var definedKinds = []contract.ObjectKind{
	contract.ObjectEvent, contract.ObjectView, contract.ObjectProcedure, contract.ObjectFunction, contract.ObjectTrigger,
	contract.ObjectComponent,
}

// othersOnlyHere compares what a secondary holds beside tables. As with tables, a first suspicion is not believed: what has just been made
// or dropped on one of the two is on its way to the other. What counts is what the secondary has once it has caught up, if it can, and the
// primary had neither right before nor right after, more than once.
func othersOnlyHere(ctx context.Context, secondary, primary node.Reader, theirs others, run inventory.Accounts, follows bool) ([]contract.OnlyHere, error) {
	ours, err := readOthers(ctx, secondary, run)
	if err != nil || len(ours.otherwise(theirs)) == 0 {
		return nil, err
	}
	return insist(func() ([]contract.OnlyHere, error) {
		before, err := readOthers(ctx, primary, run)
		if err != nil {
			return nil, err
		}
		caught, err := catchUp(ctx, secondary, primary, follows)
		if err != nil {
			return nil, err
		}
		here, err := readOthers(ctx, secondary, run)
		if err != nil {
			return nil, err
		}
		after, err := readOthers(ctx, primary, run)
		if err != nil {
			return nil, err
		}
		all := amongBoth(here.otherwise(after), here.otherwise(before))
		for i := range all {
			all[i].Behind = !caught
		}
		return all, nil
	})
}

// insists is how often in a row something has to be found only here. Unlike a table, it does not say when it was made: what was made right
// after the primary was asked and dropped right before it was asked again looks the same. Measured on 9.7 with a job that makes and drops
// an account all the time: once in seventy comparisons of one look each.
const insists = 4

// insist looks until nothing is left, or what is left was found each time.
func insist(look func() ([]contract.OnlyHere, error)) ([]contract.OnlyHere, error) {
	all, err := look()
	for n := 1; n < insists && err == nil && len(all) > 0; n++ {
		var again []contract.OnlyHere
		again, err = look()
		all = amongBoth(again, all)
	}
	return all, err
}

// amongBoth are those of some whose kind and name are among others too.
func amongBoth(some, others []contract.OnlyHere) []contract.OnlyHere {
	type key struct {
		kind contract.ObjectKind
		name string
	}
	known := map[key]bool{}
	for _, object := range others {
		known[key{object.Kind, object.Name}] = true
	}
	return slices.DeleteFunc(some, func(object contract.OnlyHere) bool { return !known[key{object.Kind, object.Name}] })
}

// otherwise names what is only in ours, or otherwise in theirs.
func (ours others) otherwise(theirs others) []contract.OnlyHere {
	var all []contract.OnlyHere
	for _, kind := range append([]contract.ObjectKind{contract.ObjectAccount}, definedKinds...) {
		for _, name := range slices.Sorted(maps.Keys(ours[kind])) {
			object := contract.OnlyHere{Kind: kind, Name: name}
			our := ours[kind][name]
			if their, there := theirs[kind][name]; there {
				var differs []string
				for _, what := range slices.Sorted(maps.Keys(our)) {
					if their[what] != our[what] {
						differs = append(differs, what)
					}
				}
				if object.Differs = strings.Join(differs, "; "); object.Differs == "" {
					continue
				}
			}
			all = append(all, object)
		}
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
