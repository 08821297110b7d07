package check

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// longTransactions: an old snapshot keeps the primary from purging what the clone and the proof then have to read past, and a long write
// reaches the secondaries only after its end, all at once.
var longTransactions = Check{
	Code:         "long-transactions",
	Wanted:       "no transaction has been open for long on the primary",
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		look := o.looked(partTransactions)
		if look == nil {
			return nil
		}
		var long []string
		remedy := ""
		for _, w := range look.Transactions {
			switch {
			case w.For < o.Limits.LongTransaction:
			case w.Process == 0:
				long = append(long, fmt.Sprintf("one of no session for %s", w.For))
				remedy += "XA RECOVER; then XA COMMIT or XA ROLLBACK what is listed. "
			default:
				long = append(long, fmt.Sprintf("one of %s for %s (process %d)", w.User, w.For, w.Process))
				remedy += fmt.Sprintf("KILL %d; ", w.Process)
			}
		}
		if len(long) == 0 {
			return nil
		}
		return []contract.Finding{warns(o.Primary().Node, "open transactions: "+strings.Join(long, ", "),
			"none of "+lasting(o.Limits.LongTransaction)+" or more", "let them end, or end them: "+strings.TrimSpace(remedy))}
	},
}
