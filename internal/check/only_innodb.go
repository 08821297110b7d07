package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// onlyInnoDB: a clone copies InnoDB alone. Tables of other engines arrive empty, or not at all.
var onlyInnoDB = Check{
	Code:         "only-innodb",
	Wanted:       "every user table of the primary is InnoDB",
	NeedsPrimary: true,
	OnlyErasing:  true,
	Judge: func(o *Observations) []contract.Finding {
		p := o.PrimaryWith(partEngines)
		if p == nil || p.OtherEngineCount == 0 {
			return nil
		}
		var tables, alter []string
		for _, t := range p.OtherEngines {
			name := node.Quote(t.Schema) + "." + node.Quote(t.Name)
			tables = append(tables, name+" ("+t.Engine+")")
			alter = append(alter, "ALTER TABLE "+name+" ENGINE=InnoDB;")
		}
		observed := enumerated(tables)
		if more := p.OtherEngineCount - len(tables); more > 0 {
			observed += fmt.Sprintf(" and %d more", more)
		}
		return []contract.Finding{fails(p.Node, observed+": would arrive empty", "", strings.Join(alter, " "))}
	},
}
