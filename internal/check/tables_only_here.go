package check

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/clusterresync/clusterresync/internal/node"
)

const (
	// catchUpLimit is how long a following node may take to apply what the primary has committed, before what it shows is called behind.
	catchUpLimit = 10 * time.Second
	// looks is how often two servers are compared while tables come and go.
	looks = 5
)

// tableDifferences are the schemas and tables by which a secondary is more than the primary, or otherwise.
type tableDifferences struct {
	// seenAt is the secondary's clock before it was asked.
	seenAt time.Time
	// schemas are only on the secondary, each with its tables and when they were made; tables are those whose schema the primary has.
	schemas map[string]map[string]time.Time
	tables  map[tableName]table
	// differs are on both and not alike; each with what the primary has.
	differs map[tableName][2]table
	// there are the primary's tables, by name, of the schemas that are not alike.
	there map[string]bool
	// behind says that the secondary had not applied all that the primary had committed: the primary may have dropped or changed them since.
	behind bool
}

// tablesOnlyHere compares the tables of a secondary with the primary's. A table that one of the two has just made or dropped is on its way
// to the other, so a first suspicion is not believed: the secondary is given the time to catch up, if it follows, and what counts is what
// it has then and the primary had neither right before nor right after. A table that was made in that very moment, by whoever makes and
// drops tables all the time, is looked at again.
//
// theirs are the primary's digests, which several comparisons may share; nil if nobody has read them. shapes asks for engines and columns too.
func tablesOnlyHere(ctx context.Context, secondary, primary node.Reader, theirs map[string]schemaDigest, follows, shapes bool) (tableDifferences, error) {
	var d tableDifferences
	var err error
	if d.seenAt, err = clock(ctx, secondary); err != nil {
		return d, err
	}
	if theirs == nil {
		if theirs, err = readDigests(ctx, primary, shapes); err != nil {
			return d, err
		}
	}
	ours, err := readDigests(ctx, secondary, shapes)
	if err != nil {
		return d, err
	}
	var suspects []string
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if their, there := theirs[name]; !there || their != ours[name] {
			suspects = append(suspects, name)
		}
	}
	for look := 1; len(suspects) > 0; look++ {
		before, err := readTables(ctx, primary, suspects, shapes)
		if err != nil {
			return d, err
		}
		caught, err := catchUp(ctx, secondary, primary, follows)
		if err != nil {
			return d, err
		}
		here, err := readTables(ctx, secondary, suspects, shapes)
		if err != nil {
			return d, err
		}
		after, err := readTables(ctx, primary, suspects, shapes)
		if err != nil {
			return d, err
		}
		d.behind = !caught
		d.compare(here, before, after)
		if !caught || !d.youngerThan(before.at) {
			break
		}
		if look == looks {
			d.behind = true
			break
		}
		if err := node.Sleep(ctx, time.Second); err != nil { // creation times are in whole seconds
			return d, err
		}
	}
	return d, nil
}

// compare keeps what is here and neither before nor after there.
func (d *tableDifferences) compare(here, before, after tables) {
	d.schemas, d.tables, d.differs = map[string]map[string]time.Time{}, map[tableName]table{}, map[tableName][2]table{}
	d.there = map[string]bool{}
	for _, all := range []map[tableName]table{before.all, after.all} {
		for name := range all {
			d.there[name.String()] = true
		}
	}
	for name := range here.schemas {
		if !before.schemas[name] && !after.schemas[name] {
			d.schemas[name] = map[string]time.Time{}
		}
	}
	for name, one := range here.all {
		if made, only := d.schemas[name.schema]; only {
			made[name.table] = one.created
			continue
		}
		was, wasThere := before.all[name]
		is, isThere := after.all[name]
		switch {
		case !wasThere && !isThere:
			d.tables[name] = one
		case wasThere && isThere && !one.like(was) && !one.like(is):
			d.differs[name] = [2]table{one, is}
		}
	}
}

// like reports whether two tables are alike, whenever each was made.
func (t table) like(other table) bool { return t.engine == other.engine && t.columns == other.columns }

// youngerThan reports whether something that is only here was made after that moment.
func (d *tableDifferences) youngerThan(at time.Time) bool {
	young := func(made time.Time) bool { return !made.Before(at.Truncate(time.Second)) }
	for _, made := range d.schemas {
		for _, at := range made {
			if young(at) {
				return true
			}
		}
	}
	for _, one := range d.tables {
		if young(one.created) {
			return true
		}
	}
	return false
}

// catchUp reports whether the secondary has applied all that the primary has committed by now. One that follows is waited for.
func catchUp(ctx context.Context, secondary, primary node.Reader, follows bool) (bool, error) {
	gtids, err := node.ReadGTIDs(ctx, primary)
	if err != nil {
		return false, err
	}
	if !follows {
		ours, err := node.ReadGTIDs(ctx, secondary)
		if err != nil {
			return false, err
		}
		return node.Subset(ctx, secondary, gtids.Executed, ours.Executed)
	}
	var late bool
	// It answers 1 when the time is over.
	err = node.One(ctx, secondary, "wait until it has caught up", "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)",
		[]any{gtids.Executed, catchUpLimit.Seconds()}, &late)
	return !late, err
}

// made says when each table that is only here was made, by name.
func (d *tableDifferences) made() map[string]time.Time {
	all := map[string]time.Time{}
	for schema, tables := range d.schemas {
		for table, at := range tables {
			all[tableName{schema, table}.String()] = at
		}
	}
	for name, one := range d.tables {
		all[name.String()] = one.created
	}
	return all
}

// names are the tables that are only here, in their order.
func (d *tableDifferences) names() []tableName { return ordered(maps.Keys(d.tables)) }

func ordered(names func(func(tableName) bool)) []tableName {
	return slices.SortedFunc(names, func(a, b tableName) int {
		return cmp.Or(cmp.Compare(a.schema, b.schema), cmp.Compare(a.table, b.table))
	})
}
