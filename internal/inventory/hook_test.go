package inventory

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hooked is base with these hooks.
func hooked(hooks string) string { return base + "    hooks:\n" + hooks }

func TestHooksHaveDefaultsByPlace(t *testing.T) {
	c := cluster(t, hooked(`      runStart: {command: [/bin/a, "", $HOME]}
      beforeFence: [{url: "https://example.com/x?y=z"}, {command: [/bin/b]}]
      afterReturn: {command: [/bin/c], timeout: 2m, attempts: 1}
      runEnd: [{url: "http://127.0.0.1:8080/", secret: env:T, onFailure: continue}]
`))
	assert.Equal(t, Hooks{
		HookRunStart: {{Command: []string{"/bin/a", "", "$HOME"}, Timeout: 30 * time.Second, Attempts: 3, OnFailure: HookStop,
			path: "clusters.shop.hooks.runStart"}},
		HookBeforeFence: {
			{URL: "https://example.com/x?y=z", Timeout: 30 * time.Second, Attempts: 3, OnFailure: HookStop, path: "clusters.shop.hooks.beforeFence[0]"},
			{Command: []string{"/bin/b"}, Timeout: 30 * time.Second, Attempts: 3, OnFailure: HookStop, path: "clusters.shop.hooks.beforeFence[1]"},
		},
		HookAfterReturn: {{Command: []string{"/bin/c"}, Timeout: 2 * time.Minute, Attempts: 1, OnFailure: HookContinue,
			path: "clusters.shop.hooks.afterReturn"}},
		HookRunEnd: {{URL: "http://127.0.0.1:8080/", Secret: "env:T", Timeout: 30 * time.Second, Attempts: 3, OnFailure: HookContinue,
			path: "clusters.shop.hooks.runEnd[0]"}},
	}, c.Hooks)
	assert.Equal(t, HookPlaces(), c.Hooks.Places())
	assert.Empty(t, cluster(t, base).Hooks.Places())
	assert.Empty(t, cluster(t, hooked("      runStart: []\n")).Hooks.Places())
}

// The path of a webhook and the arguments of a program may open something.
func TestHookShowsNoSecret(t *testing.T) {
	c := cluster(t, hooked(`      runStart: [{url: "https://chat.example.com/hooks/hunter2?key=hunter2"}, {command: [/bin/a, hunter2]}]
`))
	shown := show(t, c.Pin())
	for _, hook := range c.Hooks[HookRunStart] {
		shown += fmt.Sprintf("%v %+v %#v %s", hook, hook, hook, hook.Target())
		shown += fmt.Sprintf("%v %+v", c.Hooks, *c)
	}
	assert.NotContains(t, shown, "hunter2")
	assert.Contains(t, shown, "https://chat.example.com")
	assert.Contains(t, shown, "/bin/a")
}

func TestHookToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	hook := Hook{Secret: Source("file:" + path), path: "clusters.shop.hooks.runStart"}
	_, err := hook.Token()
	var missing *HookSecretError
	require.ErrorAs(t, err, &missing)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "clusters.shop.hooks.runStart: the bearer token, declared as file:"+path)

	require.NoError(t, os.WriteFile(path, []byte("t0ken-of.the/hook=\n"), 0o600))
	token, err := hook.Token()
	require.NoError(t, err)
	assert.Equal(t, "t0ken-of.the/hook=", token.Reveal())

	for _, bad := range []string{"", "\n", "hunter2\nhunter2", "hunter2 hunter2", "hünter2", "hunter2\x7f"} {
		require.NoError(t, os.WriteFile(path, []byte(bad), 0o600))
		_, err = hook.Token()
		require.Error(t, err, "%q", bad)
		assert.NotContains(t, err.Error(), "hunter2")
	}

	none, err := Hook{}.Token()
	require.NoError(t, err)
	assert.True(t, none.Empty())
}

func TestCheckSecretsLooksForTokens(t *testing.T) {
	for _, name := range []string{"ADMIN_PW", "DONOR_PW", "REPL_PW"} {
		t.Setenv(name, "password")
	}
	c := cluster(t, hooked(`      runEnd: {url: "https://example.com/", secret: env:NO_SUCH_TOKEN}
`))
	err := c.CheckSecrets()
	var missing *HookSecretError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "clusters.shop.hooks.runEnd", missing.Hook)
	t.Setenv("NO_SUCH_TOKEN", "token")
	assert.NoError(t, c.CheckSecrets())
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"107374182400": 100 << 30, "107374182400B": 100 << 30, "100GiB": 100 << 30, "100 GiB": 100 << 30, "1.5TiB": 3 << 39, "500GB": 500e9,
		"1PiB": 1 << 50, "128MiB": 128 << 20, "200000kB": 200e6, "9223372036854775807": math.MaxInt64,
	} {
		size, err := parseSize(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, size, text)
	}
	for _, text := range []string{"", "-5GiB", "1.5", "1e12", "0x10", "5 gib", "5G", "GiB", "9223372036854775808", "9000PiB", "1,000GiB", "5GiB ", " 5GiB", "NaN"} {
		_, err := parseSize(text)
		assert.Error(t, err, text)
	}
}
