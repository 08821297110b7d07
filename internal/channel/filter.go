package channel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Filter is one replication filter of the default channel.
type Filter struct {
	Name string `json:"name"` // REPLICATE_DO_DB ...
	Rule string `json:"rule"` // as the server shows it
	// By says how it came to be: STARTUP_OPTIONS..., CHANGE_REPLICATION_FILTER, CHANGE_REPLICATION_FILTER_FOR_CHANNEL.
	By string `json:"by"`
}

// dynamic filters are lost at every restart, the clone's included; the others the server's options bring back.
func (f Filter) dynamic() bool { return strings.HasPrefix(f.By, "CHANGE_REPLICATION_FILTER") }

// ErrAmbiguousFilter: the server shows a filter's names separated by commas and unquoted, so names with a comma cannot be told
// apart and the filter could not be put back as it was.
var ErrAmbiguousFilter = errors.New("a replication filter that was set with CHANGE REPLICATION FILTER cannot be read back while there is a schema or table with a comma in its name: set it as a startup option (replicate-do-db ...)")

func readFilters(ctx context.Context, r node.Reader) ([]Filter, error) {
	const doing = "note the replication filters"
	var filters []Filter
	err := node.Each(ctx, r, doing,
		"SELECT FILTER_NAME, FILTER_RULE, CONFIGURED_BY FROM performance_schema.replication_applier_filters WHERE CHANNEL_NAME = '' ORDER BY FILTER_NAME", nil,
		func(scan func(...any) error) error {
			var f Filter
			err := scan(&f.Name, &f.Rule, &f.By)
			if f.Rule != "" {
				filters = append(filters, f)
			}
			return err
		})
	if err != nil || !slices.ContainsFunc(filters, Filter.dynamic) {
		return filters, err
	}
	var ambiguous bool
	err = node.One(ctx, r, doing, `SELECT EXISTS (SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '%,%')
  OR EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME LIKE '%,%')`, nil, &ambiguous)
	if err != nil {
		return nil, err
	}
	if ambiguous {
		return nil, node.Wrap(r.Name(), doing, ErrAmbiguousFilter)
	}
	return filters, nil
}

type filterStatement struct {
	statement string
	args      []any
}

// filterStatements put the dynamic filters back, each with the scope it had.
func filterStatements(filters []Filter) ([]filterStatement, error) {
	var all []filterStatement
	for _, f := range filters {
		if !f.dynamic() {
			continue
		}
		statement, args, err := f.statement()
		if err != nil {
			return nil, err
		}
		all = append(all, filterStatement{statement, args})
	}
	return all, nil
}

func (f Filter) statement() (string, []any, error) {
	var parts []string
	var args []any
	bad := fmt.Errorf("filter %s: rule %q cannot be read", f.Name, f.Rule)
	switch f.Name {
	case "REPLICATE_DO_DB", "REPLICATE_IGNORE_DB":
		for name := range strings.SplitSeq(f.Rule, ",") {
			parts = append(parts, node.Quote(name))
		}
	case "REPLICATE_DO_TABLE", "REPLICATE_IGNORE_TABLE":
		for name := range strings.SplitSeq(f.Rule, ",") {
			schema, table, ok := strings.Cut(name, ".")
			if !ok {
				return "", nil, bad
			}
			parts = append(parts, node.Quote(schema)+"."+node.Quote(table))
		}
	case "REPLICATE_WILD_DO_TABLE", "REPLICATE_WILD_IGNORE_TABLE":
		for pattern := range strings.SplitSeq(f.Rule, ",") {
			parts, args = append(parts, "?"), append(args, pattern)
		}
	case "REPLICATE_REWRITE_DB":
		for pair := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(f.Rule, "("), ")"), "),(") {
			from, to, ok := strings.Cut(pair, ",")
			if !ok {
				return "", nil, bad
			}
			parts = append(parts, "("+node.Quote(from)+", "+node.Quote(to)+")")
		}
	default:
		return "", nil, fmt.Errorf("filter %s is unknown", f.Name)
	}
	scope := ""
	if strings.HasSuffix(f.By, "_FOR_CHANNEL") {
		scope = " FOR CHANNEL ''"
	}
	return "CHANGE REPLICATION FILTER " + f.Name + " = (" + strings.Join(parts, ", ") + ")" + scope, args, nil
}

// sameFilters compares what filters do, not who set them.
func sameFilters(a, b []Filter) bool {
	key := func(f Filter) string { return f.Name + "\x00" + f.Rule }
	keys := func(fs []Filter) []string {
		var ks []string
		for _, f := range fs {
			ks = append(ks, key(f))
		}
		slices.Sort(ks)
		return ks
	}
	return slices.Equal(keys(a), keys(b))
}
