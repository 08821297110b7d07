package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResolve(t *testing.T) {
	for name, c := range map[string]struct {
		content string // of the file, or of the variable where the name begins with env
		role    Role
		want    string
		problem string
	}{
		"as it is":              {content: "s3cret", want: "s3cret"},
		"one line end":          {content: "s3cret\n", want: "s3cret"},
		"one line end, Windows": {content: "s3cret\r\n", want: "s3cret"},
		"blanks belong to it":   {content: " s3 cret \n", want: " s3 cret "},
		"two line ends":         {content: "s3cret\n\n", problem: "it has more than one line"},
		"two lines":             {content: "a\nb", problem: "it has more than one line"},
		"empty":                 {content: "", problem: "it is empty"},
		"a line end alone":      {content: "\n", problem: "it is empty"},
		"NUL":                   {content: "a\x00b", problem: "NUL byte"},
		"too large":             {content: strings.Repeat("a", 4097), problem: "longer than 4096 bytes"},
		"channel, 32 bytes":     {role: RoleReplication, content: strings.Repeat("a", 32) + "\n", want: strings.Repeat("a", 32)},
		"channel, 33 bytes":     {role: RoleReplication, content: strings.Repeat("a", 33), problem: "it is 33 bytes long; a replication channel takes at most 32"},
		"channel, 17 letters":   {role: RoleReplication, content: strings.Repeat("é", 17), problem: "it is 34 bytes long"},
		"admin, 33 bytes":       {role: RoleAdmin, content: strings.Repeat("a", 33), want: strings.Repeat("a", 33)},
		"env":                   {content: "s3cret", want: "s3cret"},
		"env empty":             {content: "", problem: "it is empty"},
		"env with line end":     {content: "s3cret\n", problem: "it has more than one line"},
	} {
		t.Run(name, func(t *testing.T) {
			a := Account{User: "resync", Secret: "env:INVENTORY_TEST_PW", cluster: "shop", role: c.role}
			if strings.HasPrefix(name, "env") {
				t.Setenv("INVENTORY_TEST_PW", c.content)
			} else {
				path := filepath.Join(t.TempDir(), "secret")
				require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
				a.Secret = Source("file:" + path)
			}
			s, err := a.Resolve()
			if c.problem == "" {
				require.NoError(t, err)
				assert.Equal(t, c.want, s.Reveal())
				return
			}
			assert.ErrorContains(t, err, c.problem)
			assert.ErrorContains(t, err, "cluster shop: the password of the "+string(c.role)+" account resync, declared as "+string(a.Secret)+", cannot be used")
			assert.Empty(t, s.Reveal())
		})
	}
}

func TestMissingSecretsConcernTheirClusterOnly(t *testing.T) {
	t.Setenv("SET_PW", "x")
	inv := load(t, base+`  good:
    nodes: [{name: db1, address: "10.1.0.1:3306"}]
    accounts:
      admin: {user: a, secret: env:SET_PW}
      donor: {user: b, secret: env:SET_PW}
      replication: {user: c, secret: env:SET_PW}
`)
	good, err := inv.Cluster("good")
	require.NoError(t, err)
	assert.NoError(t, good.CheckSecrets())

	shop, err := inv.Cluster("shop")
	require.NoError(t, err)
	err = shop.CheckSecrets()
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 3, "one error for each")
	assert.Equal(t, "cluster shop: the password of the admin account resync_admin, declared as env:ADMIN_PW, cannot be used: "+
		"the worker has no such environment variable; set it and start the worker again", lines[0])
}

func TestUnreadableFileNamesItsPathOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	_, err := Account{User: "u", Secret: Source("file:" + path), cluster: "shop", role: RoleDonor}.Resolve()
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, 1, strings.Count(err.Error(), path))

	_, err = Account{User: "u", Secret: Source("file:" + t.TempDir()), cluster: "shop", role: RoleDonor}.Resolve()
	assert.ErrorContains(t, err, "is a directory")
}

func TestSourceIsCheckedAgain(t *testing.T) {
	// A Source made by hand, not by Load.
	_, err := Account{User: "u", Secret: "hunter2"}.Resolve()
	require.Error(t, err)
	assert.ErrorContains(t, err, "never the password itself")
}
