package inventory

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestHashIsTheSameInEveryVersion(t *testing.T) {
	// These stand in the histories of runs in flight. If this test fails, an upgraded worker refuses the inventories of all of them:
	// give a new field omitempty (see hashed) instead of changing the values here.
	inv, err := Load("testdata/pinned.yaml")
	require.NoError(t, err)
	for name, want := range map[string]string{
		"shop":    "e171f7ccaeea10b716fcadbb02d8922802b6dc851a1a90d1fc3eec542144d9fa",
		"billing": "96afc3b7131a998c3fcd1b95018a662dfd7886b8b5a4e7a4d3f14d4d54a55aff",
	} {
		c, err := inv.Cluster(name)
		require.NoError(t, err)
		assert.Equal(t, want, c.Hash(), name)
	}
}

func TestHashIsDeafToForm(t *testing.T) {
	want := cluster(t, base).Hash()
	lines := strings.SplitAfter(base, "\n")
	nodes := []string{lines[3] + lines[4], lines[5] + lines[6]}
	rest := strings.Join(lines[7:], "")
	extras := []string{
		"    service: {readOnly: true, superReadOnly: true, eventScheduler: off}\n",
		"    supervised: unknown\n",
		"    tls: {mode: preferred}\n",
		"    peerTLS: {mode: preferred}\n",
		"    mail: {to: [a@example.com]}\n",
		"    hooks: {runStart: {command: [/bin/true]}, runEnd: [{url: 'https://example.com/hook'}]}\n",
		"    # a comment\n",
		rest,
		"    nodes:\n",
	}
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation([]int{0, 1}).Draw(rt, "nodes")
		extras[len(extras)-1] = "    nodes:\n" + nodes[order[0]] + nodes[order[1]]
		text := "clusters:\n  shop:\n" + strings.Join(rapid.Permutation(extras).Draw(rt, "fields"), "") +
			"  other: {nodes: [{name: x, address: 'h:1'}], accounts: {admin: {user: a, secret: env:A}, donor: {user: a, secret: env:A}, replication: {user: a, secret: env:A}}}\n"
		assert.Equal(rt, want, cluster(t, text).Hash(), text)
	})
}

func TestHashHearsEveryChangeThatMatters(t *testing.T) {
	seen := map[string]string{cluster(t, base).Hash(): "base"}
	add := func(what, text string) {
		h := cluster(t, text).Hash()
		assert.Empty(t, seen[h], "%s has the hash of %s", what, seen[h])
		seen[h] = what
	}
	for _, c := range [][2]string{
		{"name: db2", "name: db3"},
		{"10.0.0.2:3306", "10.0.0.3:3306"},
		{"10.0.0.2:3306", "10.0.0.2:3307"},
		{"address: 10.0.0.2:3306", "address: 10.0.0.2:3306\n        peerAddress: db2:3306"},
		{"address: 10.0.0.2:3306", "address: 10.0.0.2:3306\n        supervised: true"},
		{"address: 10.0.0.2:3306", "address: 10.0.0.2:3306\n        service: {eventScheduler: on}"},
		{"address: 10.0.0.2:3306", "address: 10.0.0.2:3306\n        diskBytes: 500GiB"},
		{"address: 10.0.0.2:3306", "address: 10.0.0.2:3306\n        adopt: true"},
		{"user: resync_admin", "user: admin"},
		{"user: resync_donor", "user: admin"},
		{"user: resync_repl", "user: admin"},
		{"env:ADMIN_PW", "env:OTHER"},
		{"env:DONOR_PW", "file:/s"},
		{"env:REPL_PW", "env:OTHER"},
	} {
		add(c[0]+" -> "+c[1], edit(t, c[0], c[1]))
	}
	for _, line := range []string{
		"primary: db1", "primary: db2",
		"tls: {mode: required}", "tls: {mode: verify-ca, caFile: /a}", "tls: {mode: verify-ca, caFile: /b}", "tls: {certFile: /a, keyFile: /b}",
		"tls: {mode: verify-identity, caFile: /a}", "tls: {mode: verify-identity, caFile: /a, serverName: n}",
		"peerTLS: {mode: required}", "peerTLS: {mode: verify-ca, caFile: /a}", "peerTLS: {certFile: /a, keyFile: /b}",
		"service: {superReadOnly: false}", "service: {superReadOnly: false, readOnly: false}", "service: {eventScheduler: on}", "service: {eventScheduler: disabled}",
		"supervised: true", "supervised: false",
	} {
		add(line, base+"    "+line+"\n")
	}
	other, err := load(t, strings.Replace(base, "shop:", "store:", 1)).Cluster("store")
	require.NoError(t, err)
	assert.Empty(t, seen[other.Hash()], "two clusters of one content are two")
}

func TestHashIgnoresThePasswordItself(t *testing.T) {
	c := cluster(t, base)
	t.Setenv("ADMIN_PW", "one")
	one := c.Hash()
	t.Setenv("ADMIN_PW", "two")
	assert.Equal(t, one, c.Hash(), "a password that is rotated must not strand a run")
}

func TestPinned(t *testing.T) {
	path := write(t, base)
	inv, err := Load(path)
	require.NoError(t, err)
	c, err := inv.Cluster("shop")
	require.NoError(t, err)
	pin := c.Pin()

	again, err := inv.Pinned(pin.Cluster, pin.Hash)
	require.NoError(t, err)
	assert.Equal(t, c.Nodes, again.Nodes)

	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(base, "10.0.0.2", "10.0.0.9", 1)), 0o600))
	changed, err := Load(path)
	require.NoError(t, err)
	_, err = changed.Pinned(pin.Cluster, pin.Hash)
	var mismatch *HashMismatchError
	require.ErrorAs(t, err, &mismatch)
	assert.Equal(t, pin.Hash, mismatch.Pinned)
	assert.NotEqual(t, mismatch.Pinned, mismatch.Now)
	assert.ErrorContains(t, err, "cluster shop: the inventory has changed since this run began")

	_, err = changed.Pinned("store", pin.Hash)
	var unknown *UnknownClusterError
	assert.ErrorAs(t, err, &unknown)
}

func TestPinSurvivesAHistory(t *testing.T) {
	inv, err := Load("example.yaml")
	require.NoError(t, err)
	c, err := inv.Cluster("shop")
	require.NoError(t, err)
	text, err := json.Marshal(c.Pin())
	require.NoError(t, err)
	var back Pin
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, c.Pin(), back)
	assert.Contains(t, string(text), `"address":"[2001:db8::12]:3306","peerAddress":"shop-db2.internal.example.com:3306"`)

	assert.Contains(t, string(text), `"hooks":["runStart","beforeFence","afterReturn","runEnd"]`, "a run knows where hooks are")
	for _, hooks := range c.Hooks {
		for _, hook := range hooks {
			assert.NotContains(t, string(text), hook.Target(), "and not what they call")
		}
	}

	pin := c.Pin()
	pin.Nodes[0].Name = "changed"
	assert.Equal(t, "shop-db1", c.Nodes[0].Name, "a pin shares nothing with its cluster")
}
