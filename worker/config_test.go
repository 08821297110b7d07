package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// environment is the variables of a process.
type environment map[string]string

func (e environment) Environ() []string {
	var all []string
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	return all
}

func (e environment) LookupEnv(name string) (string, bool) {
	value, set := e[name]
	return value, set
}

const inventoryText = `
clusters:
  shop:
    nodes:
      - {name: db1, address: "127.0.0.1:3306"}
      - {name: db2, address: "127.0.0.1:3307"}
    accounts:
      admin: {user: a, secret: "env:NOBODY_SET_THIS_ADMIN"}
      donor: {user: d, secret: "env:NOBODY_SET_THIS_DONOR"}
      replication: {user: r, secret: "env:NOBODY_SET_THIS_REPLICATION"}
`

// good is an environment that can be used.
func good(t *testing.T) environment {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "inventory.yaml")
	require.NoError(t, os.WriteFile(path, []byte(inventoryText), 0o600))
	return environment{
		varInventory: path, varMail: "outbox", varOutbox: filepath.Join(folder, "outbox"),
		"TEMPORAL_CONFIG_FILE": os.DevNull,
	}
}

func (e environment) with(pairs ...string) environment {
	for i := 0; i < len(pairs); i += 2 {
		e[pairs[i]] = pairs[i+1]
	}
	return e
}

func TestDefaults(t *testing.T) {
	c, err := load(good(t))
	require.NoError(t, err)
	assert.Equal(t, contract.DefaultTaskQueue, c.taskQueue)
	assert.Equal(t, []string{"shop"}, c.inventory.Names())
	assert.Equal(t, defaultMaxActivities, c.maxActivities)
	assert.Equal(t, zapcore.InfoLevel, c.level)
	assert.False(t, c.console)
	assert.Equal(t, []string{outboxFrom}, c.defaultMailTo)
	assert.Equal(t, "127.0.0.1:7233", strings.Replace(c.temporal.HostPort, "localhost", "127.0.0.1", 1))
	assert.Equal(t, "default", c.temporal.Namespace)
}

func TestEverythingThatCanBeSaid(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("SG.secret\n"), 0o600))
	c, err := load(good(t).with(varTaskQueue, "other", varMail, "sendgrid", varMailFrom, "Resync <resync@example.org>",
		varMailDefaultTo, "a@example.org, b@example.org", varKeyFile, key, varHost, "https://api.eu.sendgrid.com", varSandbox, "true",
		varUI, "https://temporal.example.org/", varLog, "console,debug", varMaxActivities, "7",
		"TEMPORAL_ADDRESS", "temporal.example.org:7233", "TEMPORAL_NAMESPACE", "prod"))
	require.NoError(t, err)
	assert.Equal(t, "other", c.taskQueue)
	assert.Equal(t, []string{"a@example.org", "b@example.org"}, c.defaultMailTo)
	assert.Equal(t, "https://temporal.example.org", c.uiURL)
	assert.Equal(t, zapcore.DebugLevel, c.level)
	assert.True(t, c.console)
	assert.Equal(t, 7, c.maxActivities)
	assert.Equal(t, "temporal.example.org:7233", c.temporal.HostPort)
	assert.Equal(t, "prod", c.temporal.Namespace)
}

func TestArchive(t *testing.T) {
	c, err := load(good(t))
	require.NoError(t, err)
	assert.Empty(t, c.archiveDir)
	assert.False(t, c.archiveShared)

	dir := filepath.Join(t.TempDir(), "var", "archive")
	c, err = load(good(t).with(varArchive, dir))
	require.NoError(t, err)
	assert.Equal(t, dir, c.archiveDir)
	assert.False(t, c.archiveShared, "a folder is this worker's own until somebody says otherwise")
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(archiveMode), info.Mode().Perm(), "what is rescued is for the worker's user")
	inside, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, inside, "trying it out leaves nothing behind")

	c, err = load(good(t).with(varArchive, dir, varArchiveShared, "true"))
	require.NoError(t, err)
	assert.True(t, c.archiveShared)
}

func TestMistakesNameTheVariableAndWhatIsWanted(t *testing.T) {
	for name, test := range map[string]struct {
		set  []string
		says []string
	}{
		"no inventory":          {[]string{varInventory, ""}, []string{varInventory + ": missing"}},
		"no such inventory":     {[]string{varInventory, "/nowhere/inventory.yaml"}, []string{varInventory, "/nowhere/inventory.yaml"}},
		"no mail":               {[]string{varMail, " "}, []string{varMail + ": missing", "sendgrid", "outbox"}},
		"mail by pigeon":        {[]string{varMail, "pigeon"}, []string{varMail, `"pigeon"`}},
		"no outbox":             {[]string{varOutbox, ""}, []string{varOutbox + ": missing", "absolute"}},
		"sendgrid and no more":  {[]string{varMail, "sendgrid"}, []string{varKey + ": missing", varMailFrom + ": missing", varMailDefaultTo + ": missing"}},
		"no such key file":      {[]string{varMail, "sendgrid", varKeyFile, "/nowhere/key"}, []string{varKeyFile, "/nowhere/key"}},
		"an empty key file":     {[]string{varMail, "sendgrid", varKeyFile, os.DevNull}, []string{varKeyFile, "empty"}},
		"a bad sender":          {[]string{varMailFrom, "nobody"}, []string{"from", "nobody"}},
		"a bad recipient":       {[]string{varMailDefaultTo, "a@example.org,nobody"}, []string{varMailDefaultTo, `"nobody"`}},
		"too many activities":   {[]string{varMaxActivities, "1001"}, []string{varMaxActivities, "1 to 1000"}},
		"a number in words":     {[]string{varMaxActivities, "many"}, []string{varMaxActivities, `"many"`}},
		"a log level of nobody": {[]string{varLog, "loud"}, []string{varLog, `"loud"`, "debug"}},
		"maybe a sandbox":       {[]string{varSandbox, "maybe"}, []string{varSandbox, `"maybe"`}},
		"a UI without a scheme": {[]string{varUI, "temporal.example.org"}, []string{varUI, "https://"}},
		"an archive somewhere":  {[]string{varArchive, "archive"}, []string{varArchive, `"archive"`, "absolute"}},
		"an archive in a file":  {[]string{varArchive, os.DevNull + "/archive"}, []string{varArchive, "may make or write to"}},
		"a share not mounted":   {[]string{varArchive, "/nowhere/archive", varArchiveShared, "true"}, []string{varArchive, "/nowhere/archive", "existing folder"}},
		"a share of nothing":    {[]string{varArchiveShared, "true"}, []string{varArchiveShared, varArchive}},
		"maybe shared":          {[]string{varArchive, "/tmp", varArchiveShared, "maybe"}, []string{varArchiveShared, `"maybe"`}},
		"no such profile":       {[]string{"TEMPORAL_PROFILE", "nobody"}, []string{"nobody"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(good(t).with(test.set...))
			require.Error(t, err)
			for _, part := range test.says {
				assert.Contains(t, err.Error(), part)
			}
		})
	}
}

func TestAllMistakesAreNamedAtOnce(t *testing.T) {
	var errOut bytes.Buffer
	code := run(context.Background(), nil, environment{
		varMail: "sendgrid", varLog: "loud", varMaxActivities: "0", varUI: "ftp://x", "TEMPORAL_CONFIG_FILE": os.DevNull}, &errOut, &errOut)
	assert.Equal(t, exitConfig, code)
	for _, part := range []string{varInventory, varKey, varMailFrom, varMailDefaultTo, varLog, varMaxActivities, varUI} {
		assert.Contains(t, errOut.String(), "\n- "+part, "one line each")
	}
}

func TestNoSecretIsRepeated(t *testing.T) {
	const secret = "SG.hunter2hunter2"
	for name, set := range map[string][]string{
		"key in both places":        {varKey, secret, varKeyFile, "/nowhere/key"},
		"key that cannot be one":    {varKey, secret + "\x01"},
		"password in the UI's URL":  {varUI, "https://a:" + secret + "@example.org"},
		"password in the host":      {varKey, "SG.x", varHost, "https://a:" + secret + "@example.org"},
		"API key of Temporal":       {"TEMPORAL_API_KEY", secret, varLog, "loud"},
		"a profile file that fails": {"TEMPORAL_API_KEY", secret, "TEMPORAL_PROFILE", "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			env := good(t).with(varMail, "sendgrid", varMailFrom, "a@example.org", varMailDefaultTo, "a@example.org").with(set...)
			var out bytes.Buffer
			assert.Equal(t, exitConfig, run(context.Background(), []string{"--check"}, env, &out, &out))
			assert.NotContains(t, out.String(), secret)
		})
	}
}

func TestCheck(t *testing.T) {
	var out, errOut bytes.Buffer
	assert.Equal(t, exitConfig, run(context.Background(), []string{"--check"}, good(t), &out, &errOut))
	for _, part := range []string{"cluster shop", "NOBODY_SET_THIS_ADMIN", "NOBODY_SET_THIS_DONOR", "NOBODY_SET_THIS_REPLICATION"} {
		assert.Contains(t, errOut.String(), part)
	}

	for _, name := range []string{"NOBODY_SET_THIS_ADMIN", "NOBODY_SET_THIS_DONOR", "NOBODY_SET_THIS_REPLICATION"} {
		t.Setenv(name, "a-password")
	}
	out.Reset()
	errOut.Reset()
	assert.Equal(t, exitOK, run(context.Background(), []string{"--check"}, good(t), &out, &errOut), errOut.String())
	assert.Contains(t, out.String(), "shop")
	assert.NotContains(t, out.String()+errOut.String(), "a-password")
}

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--help"}, exitOK, varMailDefaultTo},
		{[]string{"--chekc"}, exitUsage, "chekc"},
		{[]string{"inventory.yaml"}, exitUsage, "inventory.yaml"},
	} {
		var out bytes.Buffer
		assert.Equal(t, test.code, run(context.Background(), test.args, environment{}, &out, &out))
		assert.Contains(t, out.String(), test.says)
	}
}
