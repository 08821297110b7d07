package inventory

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type version [3]int

func (v version) AtLeast(major, minor, patch int) bool {
	for i, n := range [3]int{major, minor, patch} {
		if v[i] != n {
			return v[i] > n
		}
	}
	return true
}

func TestDefinerPrivilegesByVersion(t *testing.T) {
	split := []string{"SET_ANY_DEFINER", "ALLOW_NONEXISTENT_DEFINER"}
	for v, want := range map[version][]string{
		{8, 0, 27}: {"SET_USER_ID"}, {8, 0, 46}: {"SET_USER_ID"}, {8, 1, 0}: {"SET_USER_ID"},
		{8, 2, 0}: split, {8, 4, 3}: split, {9, 7, 4}: split,
	} {
		all := names(Requirements(RoleAdmin, v))
		for _, n := range []string{"SET_USER_ID", "SET_ANY_DEFINER", "ALLOW_NONEXISTENT_DEFINER"} {
			assert.Equal(t, strings.Contains(strings.Join(want, " "), n), strings.Contains(strings.Join(all, " "), n), "%s on %v", n, v)
		}
	}
}

func TestMissing(t *testing.T) {
	v := version{9, 7, 4}
	all := names(Requirements(RoleAdmin, v))
	assert.Empty(t, Missing(RoleAdmin, v, all))
	assert.Len(t, Missing(RoleAdmin, v, nil), len(all))
	for i, name := range all {
		held := append(append([]string{}, all[:i]...), all[i+1:]...)
		missing := Missing(RoleAdmin, v, held)
		require.Len(t, missing, 1)
		assert.Equal(t, name, missing[0].Name)
		assert.NotEmpty(t, missing[0].Reason)
	}
	assert.Empty(t, Missing(RoleDonor, v, []string{"backup_admin"}), "case does not matter")
}

func TestSQL(t *testing.T) {
	sql, err := SQL(Grantee{Role: RoleDonor, User: "resync_donor", Host: "10.0.0.%"}, version{9, 7, 4})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"CREATE USER IF NOT EXISTS 'resync_donor'@'10.0.0.%' IDENTIFIED BY '<password>'",
		"GRANT BACKUP_ADMIN ON *.* TO 'resync_donor'@'10.0.0.%'",
	}, sql)

	sql, err = SQL(Grantee{Role: RoleDonor, User: `a'b\c`, Host: "%", Password: NewSecret(`p'\`)}, version{9, 7, 4})
	require.NoError(t, err)
	assert.Equal(t, []string{
		`CREATE USER IF NOT EXISTS 'a''b\\c'@'%' IDENTIFIED BY 'p''\\'`,
		`GRANT BACKUP_ADMIN ON *.* TO 'a''b\\c'@'%'`,
	}, sql)

	for _, g := range []Grantee{{}, {Role: "owner", User: "u", Host: "%"}, {Role: RoleAdmin, Host: "%"}, {Role: RoleAdmin, User: "u"}} {
		_, err := SQL(g, version{9, 7, 4})
		assert.ErrorContains(t, err, "an account needs a role (admin, donor or replication), a user and a host")
	}
}

func TestRequirementsAreCopies(t *testing.T) {
	v := version{8, 0, 36}
	for _, role := range Roles() {
		Requirements(role, v)[0].Name = "ALL"
		assert.NotContains(t, names(Requirements(role, v)), "ALL")
	}
}

func names(privileges []Privilege) []string {
	var all []string
	for _, p := range privileges {
		all = append(all, p.Name)
	}
	return all
}
