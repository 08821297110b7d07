package inventory

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// holder has a Secret where printers cannot call its methods: in a field that is not exported.
type holder struct {
	Name   string
	Public Secret
	hidden Secret
	list   []Secret
	table  map[string]*Secret
}

// show prints v in every way in which a value finds its way into a log, a history or a mail.
func show(t require.TestingT, v any) string {
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%U"} {
		fmt.Fprintf(&out, verb+"\n", v)
		fmt.Fprintf(&out, verb+"\n", &v)
	}
	asJSON, err := json.Marshal(v)
	require.NoError(t, err)
	out.Write(asJSON)
	asYAML, err := yaml.Marshal(v)
	require.NoError(t, err)
	out.Write(asYAML)

	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v)
	var buffer bytes.Buffer
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&buffer), zap.DebugLevel)).Sugar().Infow("zap", "v", v)
	out.Write(buffer.Bytes())
	return out.String()
}

// passwords are long enough that none stands in the output by chance.
func passwords() *rapid.Generator[string] {
	return rapid.StringMatching(`[A-Za-z0-9]{24,32}`)
}

func absent(t require.TestingT, password, shown string) {
	assert.NotContains(t, shown, password)
	assert.NotContains(t, strings.ToLower(shown), fmt.Sprintf("%x", password))
	assert.NotContains(t, shown, fmt.Sprint([]byte(password)))
}

func TestNoSecretIsEverShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	rapid.Check(t, func(rt *rapid.T) {
		password := passwords().Draw(rt, "password")
		t.Setenv("INVENTORY_TEST_PW", password)
		require.NoError(rt, os.WriteFile(file, []byte(password+"\n"), 0o600))

		c := cluster(t, strings.NewReplacer("env:ADMIN_PW", "env:INVENTORY_TEST_PW", "env:DONOR_PW", "file:"+file, "env:REPL_PW", "env:INVENTORY_TEST_PW").Replace(base))
		require.NoError(rt, c.CheckSecrets())
		s, err := c.Accounts.Donor.Resolve()
		require.NoError(rt, err)
		require.Equal(rt, password, s.Reveal(), "a test that cannot see the password proves nothing")

		for _, v := range []any{
			s, &s, []Secret{s}, map[string]Secret{"k": s},
			holder{Public: s, hidden: s, list: []Secret{s}, table: map[string]*Secret{"k": &s}},
			Grantee{Role: RoleAdmin, User: "u", Host: "%", Password: s},
			c, *c, c.Accounts, c.Pin(),
		} {
			absent(rt, password, show(rt, v))
		}
		asXML, err := xml.Marshal(s)
		require.NoError(rt, err)
		absent(rt, password, string(asXML))
		assert.Equal(rt, "[redacted]", s.String())
		assert.Equal(rt, "[redacted]", s.GoString())
	})
}

func TestNoErrorShowsASecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	rapid.Check(t, func(rt *rapid.T) {
		password := passwords().Draw(rt, "password")
		// Unusable in every way there is.
		content := rapid.SampledFrom([]string{
			password + "\nsecond line", password + "\x00", "\n" + password, password + password, strings.Repeat(password, 200),
		}).Draw(rt, "content")
		require.NoError(rt, os.WriteFile(file, []byte(content), 0o600))
		_, err := cluster(t, strings.Replace(base, "env:REPL_PW", "file:"+file, 1)).Accounts.Replication.Resolve()
		var secretErr *SecretError
		require.ErrorAs(rt, err, &secretErr)
		absent(rt, password, show(rt, err)+show(rt, secretErr.Err)+err.Error())

		// A password written into the file itself, in whatever place a person may think of.
		text := rapid.SampledFrom([]string{
			"secret: " + password, "secret: '" + password + "'", "secret: *" + password, "secret: !" + password + " x", "secret: env:" + password + "!",
			"secret: file:" + password, "secret: [" + password + "]", "secret: {" + password + ": x}", "password: " + password,
			"secret: \"" + password, "secret: |\n" + password, "secret: %" + password, "secret: @" + password, "secret: &" + password + " *" + password,
			"secret: env:A\x01" + password, "secret: !!int " + password, "user: root@" + password, "address: root:" + password + "@db1:3306",
		}).Draw(rt, "text")
		path := filepath.Join(filepath.Dir(file), "inventory.yaml")
		require.NoError(rt, os.WriteFile(path, []byte(edit(t, "{user: resync_donor, secret: env:DONOR_PW}", "\n        "+text)), 0o600))
		_, err = Load(path)
		var invalid *InvalidError
		require.ErrorAs(rt, err, &invalid, text)
		// A mapping's keys are named, as they must be; a password is no key.
		if !strings.Contains(text, password+": x") {
			absent(rt, password, show(rt, err)+err.Error())
		}
	})
}

func TestZeroSecret(t *testing.T) {
	var s Secret
	assert.Empty(t, s.Reveal())
	assert.Equal(t, "[redacted]", fmt.Sprint(s))
}

func TestSecretErrorKeepsItsCause(t *testing.T) {
	_, err := cluster(t, strings.Replace(base, "env:DONOR_PW", "file:/nonexistent/secret", 1)).Accounts.Donor.Resolve()
	assert.True(t, errors.Is(err, os.ErrNotExist))
}
