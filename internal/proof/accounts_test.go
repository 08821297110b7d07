package proof

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

const accountUnderTest = "proof_app@%"

var accountPlants = []plant{
	{name: "a password", harm: []string{"ALTER USER proof_app IDENTIFIED BY 'Another-Secret-1'"},
		want: contract.ProofDifference{Kind: "changed", Object: "account", Name: accountUnderTest, Columns: []string{"authentication"}}},
	{name: "a lock", harm: []string{"ALTER USER proof_app ACCOUNT LOCK"},
		want: contract.ProofDifference{Kind: "changed", Object: "account", Name: accountUnderTest, Columns: []string{"account_locked"}}},
	{name: "a global privilege", harm: []string{"GRANT PROCESS ON *.* TO proof_app"},
		want: contract.ProofDifference{Kind: "changed", Object: "grant", Name: accountUnderTest, Member: "*.*", Columns: []string{"process_priv"}}},
	{name: "a dynamic privilege", harm: []string{"GRANT BACKUP_ADMIN ON *.* TO proof_app"},
		want: contract.ProofDifference{Kind: "extra", Object: "grant", Name: accountUnderTest, Member: "BACKUP_ADMIN on *.*"}},
	{name: "a schema's privilege", harm: []string{"GRANT DELETE ON proof_accounts.* TO proof_app"},
		want: contract.ProofDifference{Kind: "changed", Object: "grant", Name: accountUnderTest, Member: "proof_accounts.*", Columns: []string{"delete_priv"}}},
	{name: "a table's privilege", harm: []string{"REVOKE UPDATE ON proof_accounts.t FROM proof_app"},
		want: contract.ProofDifference{Kind: "missing", Object: "grant", Name: accountUnderTest, Member: "proof_accounts.t"}},
	{name: "a table's privilege in another schema that reads alike", harm: []string{"REVOKE CREATE ON proof_accounts.`t.u` FROM proof_app",
		"GRANT CREATE ON `proof_accounts.t`.u TO proof_app"},
		want: contract.ProofDifference{Kind: "changed", Object: "grant", Name: accountUnderTest, Member: "proof_accounts.t.u", Columns: []string{"db"}}},
	{name: "a role", harm: []string{"REVOKE proof_role FROM proof_app"},
		want: contract.ProofDifference{Kind: "missing", Object: "role", Name: accountUnderTest, Member: "proof_role@%"}},
	{name: "a limit", harm: []string{"ALTER USER proof_app WITH MAX_QUERIES_PER_HOUR 7"},
		want: contract.ProofDifference{Kind: "changed", Object: "account", Name: accountUnderTest, Columns: []string{"max_questions"}}},
	{name: "an attribute", harm: []string{`ALTER USER proof_app ATTRIBUTE '{"who":"them"}'`},
		want: contract.ProofDifference{Kind: "changed", Object: "account", Name: accountUnderTest, Columns: []string{"attributes"}}},
	{name: "an account missing", harm: []string{"DROP USER proof_app"},
		want: contract.ProofDifference{Kind: "missing", Object: "account", Name: accountUnderTest}},
}

// TestEveryPlantedAccountIsFound harms the account in one way after another, and wants no password or hash of one in the result.
func TestEveryPlantedAccountIsFound(t *testing.T) {
	for _, p := range accountPlants {
		t.Run(p.name, func(t *testing.T) {
			fresh(t, "proof_accounts", "CREATE TABLE t (id INT PRIMARY KEY)", "DROP USER IF EXISTS proof_app, proof_role", "CREATE ROLE proof_role",
				"CREATE USER proof_app IDENTIFIED BY 'A-Secret-0'", "GRANT SELECT ON proof_accounts.* TO proof_app",
				"GRANT UPDATE ON proof_accounts.t TO proof_app", "GRANT CREATE ON proof_accounts.`t.u` TO proof_app", "GRANT proof_role TO proof_app")
			harmed := lab.Secondaries()[0]
			hash, err := lab.Primary().QueryString(t.Context(), "SELECT SHA2(authentication_string,256) FROM mysql.user WHERE User='proof_app'")
			require.NoError(t, err)
			harm(t, harmed, p.harm...)
			t.Cleanup(func() { restoreAccount(t) })
			proofs := prove(t, Options{SkipRows: true})
			layer := proofs[0].Layer(contract.ProofAccounts)
			require.Equal(t, contract.ProofDifferent, layer.Verdict)
			requireContains(t, layer.Listed, p.want)
			require.Equal(t, contract.ProofEqual, proofs[1].Layer(contract.ProofAccounts).Verdict, describe(proofs[1]))
			text := describe(proofs[0])
			require.NotContains(t, text, hash)
			require.NotContains(t, text, "$A$005$")
			require.False(t, proofs[1].Equal, "rows were left out, so nothing is proven")
			require.Equal(t, contract.ProofIncomplete, proofs[1].Verdict)
		})
	}
}

// restoreAccount lets the next statements of replication find on the secondary what they expect there.
func restoreAccount(t *testing.T) {
	t.Helper()
	harm(t, lab.Secondaries()[0], "CREATE USER IF NOT EXISTS proof_app", "CREATE ROLE IF NOT EXISTS proof_role")
	onPrimary(t, "DROP USER IF EXISTS proof_app, proof_role")
}
