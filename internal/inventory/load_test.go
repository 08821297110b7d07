package inventory

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// base is the least valid inventory, in which the tables below replace one part.
const base = `clusters:
  shop:
    nodes:
      - name: db1
        address: 10.0.0.1:3306
      - name: db2
        address: 10.0.0.2:3306
    accounts:
      admin: {user: resync_admin, secret: env:ADMIN_PW}
      donor: {user: resync_donor, secret: env:DONOR_PW}
      replication: {user: resync_repl, secret: env:REPL_PW}
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func load(t *testing.T, text string) *Inventory {
	t.Helper()
	inv, err := Load(write(t, text))
	require.NoError(t, err)
	return inv
}

func cluster(t *testing.T, text string) *Cluster {
	t.Helper()
	c, err := load(t, text).Cluster("shop")
	require.NoError(t, err)
	return c
}

// edit replaces the first old in base, which must be there.
func edit(t *testing.T, old, new string) string {
	t.Helper()
	require.Contains(t, base, old)
	return strings.Replace(base, old, new, 1)
}

func TestDefaults(t *testing.T) {
	c := cluster(t, base)
	assert.Equal(t, "shop", c.Name)
	assert.Empty(t, c.Primary)
	assert.Equal(t, TLS{Mode: TLSPreferred}, c.TLS)
	assert.Equal(t, PeerTLS{Mode: TLSPreferred}, c.PeerTLS)
	assert.Empty(t, c.Mail.To)
	db1 := Endpoint{"10.0.0.1", 3306}
	assert.Equal(t, Node{
		Name: "db1", Address: db1, PeerAddress: db1,
		Supervised: SupervisionUnknown,
		Service:    Service{ReadOnly: true, SuperReadOnly: true, EventScheduler: SchedulerOff},
	}, c.Nodes[0])
	assert.Equal(t, "resync_donor", c.Accounts.Donor.User)
	assert.Equal(t, Source("env:DONOR_PW"), c.Accounts.Donor.Secret)
}

func TestExampleLoads(t *testing.T) {
	inv, err := Load("example.yaml")
	require.NoError(t, err)
	assert.Equal(t, []string{"billing", "shop"}, inv.Names())

	shop, err := inv.Cluster("shop")
	require.NoError(t, err)
	assert.Equal(t, "shop-db1", shop.Primary)
	assert.Equal(t, []string{"Shop team <shop-dba@example.com>", "oncall@example.com"}, shop.Mail.To)
	assert.Equal(t, TLSVerifyIdentity, shop.TLS.Mode)
	assert.True(t, shop.PeerTLS.Required())

	db2, err := shop.Node("shop-db2")
	require.NoError(t, err)
	assert.True(t, db2.Address.IPv6())
	assert.Equal(t, "[2001:db8::12]:3306", db2.Address.String())
	assert.Equal(t, "shop-db2.internal.example.com:3306", db2.PeerAddress.String())
	assert.Equal(t, Supervised, db2.Supervised)

	db3, err := shop.Node("shop-db3")
	require.NoError(t, err)
	assert.Equal(t, Unsupervised, db3.Supervised)
	assert.Equal(t, Service{ReadOnly: true, SuperReadOnly: false, EventScheduler: SchedulerOff}, db3.Service)
	assert.Equal(t, int64(500)<<30, db3.DiskBytes)
	assert.True(t, db3.Adopt)
	assert.Zero(t, db2.DiskBytes)
	assert.False(t, db2.Adopt)
	assert.Equal(t, HookPlaces(), shop.Hooks.Places())
	assert.Len(t, shop.Hooks[HookBeforeFence], 2)

	billing, err := inv.Cluster("billing")
	require.NoError(t, err)
	assert.Equal(t, []string{"dba@example.com"}, billing.Mail.To, "a cluster without recipients has those at the top")
}

func TestNodeInheritsFromItsCluster(t *testing.T) {
	// What the cluster declares stands after the nodes here: order in the file has no meaning.
	c := cluster(t, edit(t, "      - name: db2\n", "      - name: db2\n        service: {eventScheduler: on}\n        supervised: unknown\n")+
		"    service: {superReadOnly: false, eventScheduler: disabled}\n    supervised: true\n")
	assert.Equal(t, Service{ReadOnly: true, SuperReadOnly: false, EventScheduler: SchedulerDisabled}, c.Nodes[0].Service)
	assert.Equal(t, Supervised, c.Nodes[0].Supervised)
	assert.Equal(t, Service{ReadOnly: true, SuperReadOnly: false, EventScheduler: SchedulerOn}, c.Nodes[1].Service)
	assert.Equal(t, SupervisionUnknown, c.Nodes[1].Supervised)
}

func TestAliasesShareAccounts(t *testing.T) {
	inv := load(t, strings.Replace(base, "accounts:", "accounts: &accounts", 1)+`  billing:
    nodes: [{name: db1, address: "10.0.0.1:3306"}]
    accounts: *accounts
`)
	billing, err := inv.Cluster("billing")
	require.NoError(t, err)
	_, err = billing.Accounts.Admin.Resolve()
	assert.ErrorContains(t, err, "cluster billing", "an account knows the cluster it is used in")
	assert.Len(t, billing.Nodes, 1, "one node is a matter for a run's preconditions, and another cluster may have the same address")
}

func TestFileIsReadAnew(t *testing.T) {
	path := write(t, base)
	_, err := Load(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(base, "shop:", "store:", 1)), 0o600))
	inv, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, []string{"store"}, inv.Names())
}

func TestMissingFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "none.yaml")
}

func TestUnknownNames(t *testing.T) {
	inv := load(t, base)
	_, err := inv.Cluster("shpo")
	var unknown *UnknownClusterError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, []string{"shop"}, unknown.Known)
	assert.ErrorContains(t, err, `cluster "shpo" is not in the inventory, which has shop`)

	_, err = cluster(t, base).Node("db3")
	var node *UnknownNodeError
	require.ErrorAs(t, err, &node)
	assert.Equal(t, []string{"db1", "db2"}, node.Known)
	assert.ErrorContains(t, err, `cluster shop has no node "db3" in the inventory, only db1, db2`)
}

func TestMistakes(t *testing.T) {
	in := func(old, new string) string { return edit(t, old, new) }
	node := func(more string) string {
		return in("address: 10.0.0.2:3306\n", "address: 10.0.0.2:3306\n        "+more+"\n")
	}
	more := func(line string) string { return base + "    " + line + "\n" }
	long := strings.Repeat("a", 64)
	nodesAs := func(nodes string) string {
		_, accounts, _ := strings.Cut(base, "    accounts:")
		return "clusters:\n  shop:\n    " + nodes + "\n    accounts:" + accounts
	}

	for name, c := range map[string]struct{ text, want string }{
		"empty file":       {"", "the file is empty"},
		"comments only":    {"# nothing\n", "the file is empty"},
		"not yaml":         {"clusters: [", "line 1: not readable as YAML"},
		"tab":              {"clusters:\n\tshop:\n", "line 2: not readable as YAML"},
		"second document":  {base + "---\nclusters: {}\n", "line 12: a second document begins here"},
		"a list":           {"- shop\n", "line 1: is a list: wanted fields"},
		"no clusters":      {"mail: {to: [a@example.com]}\n", "line 1: clusters: missing"},
		"clusters empty":   {"clusters: {}\n", "line 1: clusters: is empty"},
		"clusters null":    {"clusters:\n", "line 1: clusters: is empty: wanted fields"},
		"clusters a list":  {"clusters: [shop]\n", "line 1: clusters: is a list: wanted fields"},
		"unknown at top":   {base + "cluster: {}\n", "line 12: cluster: unknown field; known here: mail, clusters"},
		"unknown in shop":  {more("node: []"), "line 12: clusters.shop.node: unknown field; known here: primary, nodes"},
		"unknown in node":  {node("adress: x"), "line 8: clusters.shop.nodes[1].adress: unknown field; known here: name, address"},
		"merge key":        {more("<<: {}"), "line 12: clusters.shop: merge keys (<<) are not supported"},
		"key is a list":    {"? [a]\n: b\n" + base, "line 1: a key is a list"},
		"alias of nothing": {in("env:ADMIN_PW", "*hunter2"), "line 9: not readable as YAML: a value begins with * and so is an alias"},

		"duplicate cluster":      {base + "  shop: {}\n", "line 12: clusters.shop: duplicate: already given in line 2"},
		"duplicate field":        {more("nodes: []"), "line 12: clusters.shop.nodes: duplicate: already given in line 3"},
		"duplicate node":         {in("name: db2", "name: db1"), "line 6: clusters.shop.nodes[1].name: duplicate: line 4 already names a node db1"},
		"duplicate address":      {in("10.0.0.2:", "10.0.0.1:"), "line 7: clusters.shop.nodes[1].address: duplicate: 10.0.0.1:3306 is in line 5 already the address"},
		"duplicate host case":    {strings.NewReplacer("10.0.0.1", "db.Example.com", "10.0.0.2", "DB.example.com").Replace(base), "nodes[1].address: duplicate"},
		"duplicate peer address": {node("peerAddress: 10.0.0.1:3306"), "line 8: clusters.shop.nodes[1].peerAddress: duplicate: 10.0.0.1:3306 is in line 5 already how other nodes"},
		"duplicate recipient":    {more("mail: {to: [a@example.com, Ann <A@example.com>]}"), "clusters.shop.mail.to[1]: duplicate: A@example.com"},

		"cluster name":       {in("shop:", "Shop:"), `line 2: clusters.Shop: the name "Shop" is not made of a-z, 0-9 and -`},
		"cluster name long":  {in("shop:", long+":"), "at most 63 characters"},
		"cluster empty":      {base + "  b:\n", "line 12: clusters.b: is empty: wanted fields"},
		"node name":          {in("name: db2", "name: db_2"), `line 6: clusters.shop.nodes[1].name: the name "db_2"`},
		"node name long":     {in("name: db2", "name: "+long), "at most 63 characters"},
		"node name empty":    {in("name: db2", "name:"), "line 6: clusters.shop.nodes[1].name: is empty: give a value or remove the line"},
		"node name missing":  {in("name: db2\n        address", "address"), "line 6: clusters.shop.nodes[1].name: missing"},
		"node text":          {in("- name: db2\n        address: 10.0.0.2:3306", "- db2"), "line 6: clusters.shop.nodes[1]: is text: wanted fields"},
		"nodes missing":      {nodesAs("primary: db1"), "line 3: clusters.shop.nodes: missing"},
		"nodes empty":        {nodesAs("nodes: []"), "line 3: clusters.shop.nodes: is empty"},
		"nodes a mapping":    {nodesAs("nodes: {db1: {}}"), "line 3: clusters.shop.nodes: is a group of fields: wanted a list"},
		"primary unknown":    {more("primary: db3"), `line 12: clusters.shop.primary: is "db3", which is no node of this cluster`},
		"address missing":    {in("        address: 10.0.0.2:3306\n", ""), "line 6: clusters.shop.nodes[1].address: missing"},
		"address a list":     {in("10.0.0.2:3306", "[a, b]"), "line 7: clusters.shop.nodes[1].address: is a list: wanted text"},
		"address no port":    {in("10.0.0.2:3306", "10.0.0.2"), `nodes[1].address: is "10.0.0.2" without a port: wanted "10.0.0.2:3306"`},
		"address IPv6 bare":  {in("10.0.0.2:3306", `"2001:db8::1"`), `is "2001:db8::1" without a port: wanted "[2001:db8::1]:3306"`},
		"address name alone": {in("10.0.0.2:3306", "db2"), `is "db2": wanted host:port`},
		"address port 0":     {in("10.0.0.2:3306", "db2:0"), "wanted a port from 1 to 65535"},
		"address port high":  {in("10.0.0.2:3306", "db2:65536"), "wanted a port from 1 to 65535"},
		"address port name":  {in("10.0.0.2:3306", "db2:mysql"), "wanted a port from 1 to 65535"},
		"address host":       {in("10.0.0.2:3306", `"db 2:3306"`), "neither a DNS name"},
		"address host empty": {in("10.0.0.2:3306", `":3306"`), "neither a DNS name"},
		"address zone":       {in("10.0.0.2:3306", `"[fe80::1%eth0]:3306"`), "an IPv6 zone"},
		"address a dsn":      {in("10.0.0.2:3306", "root:hunter2@db2:3306"), "nodes[1].address: wanted host:port alone, without a user, a password"},
		"IPv6 without peer":  {in("10.0.0.2:3306", `"[::1]:3306"`), "line 6: clusters.shop.nodes[1].peerAddress: missing: address is IPv6"},
		"peer IPv6":          {node(`peerAddress: "[::1]:3306"`), "line 8: clusters.shop.nodes[1].peerAddress: is the IPv6 address [::1]:3306, which MySQL's clone_valid_donor_list cannot hold"},

		"accounts missing":    {in("    accounts:\n      admin: {user: resync_admin, secret: env:ADMIN_PW}\n      donor: {user: resync_donor, secret: env:DONOR_PW}\n      replication: {user: resync_repl, secret: env:REPL_PW}\n", ""), "clusters.shop.accounts: missing: wanted admin, donor and replication"},
		"donor missing":       {in("      donor: {user: resync_donor, secret: env:DONOR_PW}\n", ""), "clusters.shop.accounts.donor: missing: wanted user and secret"},
		"user missing":        {in("user: resync_donor, ", ""), "line 10: clusters.shop.accounts.donor.user: missing"},
		"user empty":          {in("user: resync_donor", "user: ''"), "line 10: clusters.shop.accounts.donor.user: is empty"},
		"user long":           {in("user: resync_donor", "user: "+strings.Repeat("é", 33)), "is longer than the 32 characters of a MySQL user name"},
		"user with host":      {in("user: resync_donor", "user: a@localhost"), "wanted the user's name alone"},
		"user reserved":       {in("user: resync_donor", "user: mysql.session"), `is "mysql.session", which the server keeps for itself`},
		"secret missing":      {in(", secret: env:DONOR_PW", ""), "line 10: clusters.shop.accounts.donor.secret: missing: wanted env:NAME or file:/absolute/path"},
		"secret literal":      {in("env:DONOR_PW", "hunter2"), "line 10: clusters.shop.accounts.donor.secret: wanted where the password is, env:NAME or file:/absolute/path, never the password itself"},
		"secret env name":     {in("env:DONOR_PW", "'env:hunter2 '"), "wanted env: and the name of an environment variable"},
		"secret relative":     {in("env:DONOR_PW", "file:hunter2"), "wanted file: and an absolute path"},
		"secret two sources":  {in("env:DONOR_PW", "[env:A, file:/b]"), "accounts.donor.secret: is a list: wanted text"},
		"password in account": {in("secret: env:DONOR_PW", "secret: env:DONOR_PW, password: hunter2"), "accounts.donor.password: unknown field; known here: user, secret"},

		"mode":              {more("tls: {mode: REQUIRED}"), `clusters.shop.tls.mode: is "REQUIRED": wanted one of disabled, preferred, required, verify-ca, verify-identity`},
		"ca missing":        {more("tls: {mode: verify-ca}"), "clusters.shop.tls.caFile: missing: mode verify-ca needs"},
		"ca without effect": {more("tls: {mode: required, caFile: /ca.pem}"), "clusters.shop.tls.caFile: has no effect in mode required: use mode verify-ca"},
		"ca relative":       {more("tls: {mode: verify-ca, caFile: ca.pem}"), `clusters.shop.tls.caFile: is "ca.pem": wanted an absolute path`},
		"key missing":       {more("tls: {certFile: /c.pem}"), "clusters.shop.tls.keyFile: missing"},
		"cert missing":      {more("tls: {keyFile: /k.pem}"), "clusters.shop.tls.certFile: missing"},
		"cert no effect":    {more("tls: {mode: disabled, certFile: /c.pem, keyFile: /k.pem}"), "clusters.shop.tls.certFile: has no effect in mode disabled"},
		"name no effect":    {more("tls: {mode: verify-ca, caFile: /ca.pem, serverName: db}"), "clusters.shop.tls.serverName: has no effect in mode verify-ca"},
		"peer mode":         {more("peerTLS: {mode: 1}"), `clusters.shop.peerTLS.mode: is "1": wanted one of`},
		"peer ca missing":   {more("peerTLS: {mode: verify-identity}"), "clusters.shop.peerTLS.caFile: missing"},
		"peer server name":  {more("peerTLS: {serverName: db}"), "clusters.shop.peerTLS.serverName: unknown field"},

		"read-only word":     {more("service: {readOnly: yes}"), "clusters.shop.service.readOnly: is text: wanted true or false"},
		"super without read": {more("service: {readOnly: false}"), "clusters.shop.service: superReadOnly true with readOnly false cannot be"},
		"super in a node":    {node("service: {readOnly: false}"), "clusters.shop.nodes[1].service: superReadOnly true with readOnly false cannot be"},
		"scheduler":          {more("service: {eventScheduler: OFF}"), `clusters.shop.service.eventScheduler: is "OFF": wanted one of off, on, disabled`},
		"supervised":         {more("supervised: systemd"), "clusters.shop.supervised: is text: wanted true or false"},
		"supervised number":  {more("supervised: 1"), "clusters.shop.supervised: is a number: wanted true or false"},

		"disk word":        {node("diskBytes: big"), `line 8: clusters.shop.nodes[1].diskBytes: is "big": wanted a size in bytes`},
		"disk small":       {node("diskBytes: 500"), `diskBytes: is "500", less than an empty server takes: is a unit missing`},
		"disk unit":        {node("diskBytes: 500G"), `diskBytes: is "500G": wanted a size in bytes`},
		"disk empty":       {node("diskBytes:"), "nodes[1].diskBytes: is empty"},
		"adopt word":       {node("adopt: yes"), "line 8: clusters.shop.nodes[1].adopt: is text: wanted true or false"},
		"adopt in shop":    {more("adopt: true"), "clusters.shop.adopt: unknown field"},
		"hooks a list":     {more("hooks: [runStart]"), "clusters.shop.hooks: is a list: wanted fields"},
		"hook place":       {more("hooks: {start: {command: [/a]}}"), "hooks.start: unknown field; known here: runStart, beforeFence, afterReturn, runEnd"},
		"hook of nothing":  {more("hooks: {runStart: {timeout: 5s}}"), "hooks.runStart: names nothing to call: wanted command or url"},
		"hook of two":      {more("hooks: {runEnd: [{command: [/a], url: 'https://x'}]}"), "hooks.runEnd[0]: has both command and url"},
		"hook field":       {more("hooks: {runStart: {cmd: /a, url: 'https://x'}}"), "hooks.runStart.cmd: unknown field; known here: command, url, secret, timeout, attempts, onFailure"},
		"command text":     {more("hooks: {runStart: {command: /a hunter2}}"), "hooks.runStart.command: is text: wanted a list"},
		"command empty":    {more("hooks: {runStart: {command: []}}"), "hooks.runStart.command: is empty: wanted an absolute path"},
		"command by name":  {more("hooks: {runStart: {command: [drain]}}"), "hooks.runStart.command[0]: wanted the absolute path"},
		"command in shell": {more("hooks: {runStart: {command: ['curl -H hunter2']}}"), "hooks.runStart.command[0]: wanted the absolute path"},
		"argument null":    {more("hooks: {runStart: {command: [/a, ~]}}"), "hooks.runStart.command[1]: is empty: wanted text"},
		"url scheme":       {more("hooks: {runStart: {url: 'ftp://x/hunter2'}}"), "hooks.runStart.url: wanted an address such as https://example.com/hook"},
		"url broken":       {more("hooks: {runStart: {url: 'https://x/%zzhunter2'}}"), "hooks.runStart.url: wanted an address such as"},
		"url with user":    {more("hooks: {runStart: {url: 'https://a:hunter2@x/'}}"), "hooks.runStart.url: wanted an address without user and password"},
		"token in clear":   {more("hooks: {runStart: {url: 'http://example.com/', secret: env:T}}"), "hooks.runStart.url: is not https"},
		"token literal":    {more("hooks: {runStart: {url: 'https://x/', secret: hunter2}}"), "hooks.runStart.secret: wanted where the password is"},
		"token unused":     {more("hooks: {runStart: {command: [/a], secret: env:T}}"), "hooks.runStart.secret: has no effect on a command"},
		"hook timeout":     {more("hooks: {runStart: {command: [/a], timeout: 30}}"), `hooks.runStart.timeout: is "30": wanted a duration from 1s to 1h0m0s`},
		"hook long":        {more("hooks: {runStart: {command: [/a], timeout: 2h}}"), `timeout: is "2h"`},
		"hook attempts":    {more("hooks: {runStart: {command: [/a], attempts: 0}}"), `attempts: is "0": wanted a whole number from 1 to 20`},
		"hook on failure":  {more("hooks: {beforeFence: {command: [/a], onFailure: ignore}}"), `onFailure: is "ignore": wanted one of stop, continue`},
		"return stops":     {more("hooks: {afterReturn: {command: [/a], onFailure: stop}}"), `hooks.afterReturn.onFailure: is "stop": at afterReturn the work is done`},
		"end stops":        {more("hooks: {runEnd: {command: [/a], onFailure: stop}}"), `at runEnd the work is done, so that only "continue" is possible`},

		"recipient":          {more("mail: {to: [dba]}"), `clusters.shop.mail.to[0]: is "dba": wanted one mail address`},
		"two in one":         {base + "mail: {to: ['a@example.com, b@example.com']}\n", `line 12: mail.to[0]: is "a@example.com, b@example.com": wanted one mail address`},
		"recipients a text":  {more("mail: {to: a@example.com}"), "clusters.shop.mail.to: is text: wanted a list"},
		"recipient in vain":  {more("mail: {cc: [a@example.com]}"), "clusters.shop.mail.cc: unknown field; known here: to"},
		"recipient is empty": {more("mail: {to: [~]}"), "clusters.shop.mail.to[0]: is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, c.text)
			inv, err := Load(path)
			require.Error(t, err)
			assert.Nil(t, inv)
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			assert.Len(t, invalid.Problems, 1, "one mistake, one problem: %v", err)
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, path)
			assert.NotContains(t, err.Error(), "hunter2", "what may be a password is not repeated")
		})
	}
}

func TestAllMistakesAreNamedAtOnce(t *testing.T) {
	_, err := Load("testdata/many-mistakes.yaml")
	require.Error(t, err)
	want, readErr := os.ReadFile("testdata/many-mistakes.txt")
	require.NoError(t, readErr)
	assert.Equal(t, strings.TrimSpace(string(want)), err.Error())
}
