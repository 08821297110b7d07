package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDonorPassesFences: only when it surely does; and it is then not held against the account.
func TestDonorPassesFences(t *testing.T) {
	passes := func(breaks func(*Observation)) bool {
		o := settle(healthy())
		breaks(o.Primary())
		return o.DonorPassesFences()
	}
	donor := func(host string, privileges ...string) Account {
		return Account{User: "resync_donor", Host: host, Grants: Grants{Privileges: privileges}}
	}
	require.False(t, passes(func(*Observation) {}), "BACKUP_ADMIN alone")
	for _, privilege := range []string{"CONNECTION_ADMIN", "SUPER"} {
		require.True(t, passes(func(p *Observation) { p.Accounts = []Account{donor("%", "BACKUP_ADMIN", privilege)} }))
	}
	require.False(t, passes(func(p *Observation) {
		p.Accounts = []Account{donor("%", "BACKUP_ADMIN", "CONNECTION_ADMIN"), donor("10.0.0.%", "BACKUP_ADMIN")}
	}), "another row may match")
	require.False(t, passes(func(p *Observation) { p.Accounts = nil }))
	require.False(t, passes(func(p *Observation) {
		locked := donor("%", "BACKUP_ADMIN", "CONNECTION_ADMIN")
		locked.Locked = true
		p.Accounts = []Account{locked}
	}))

	o := settle(healthy())
	o.Look.FencePassers = append(o.Look.FencePassers, Passer{User: "resync_donor", Host: "%", By: "CONNECTION_ADMIN"})
	require.Empty(t, fencePassers.Judge(o))
}
