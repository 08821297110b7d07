package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/clusterresync/clusterresync/internal/secret"
)

func TestConfigurationProblemsComeAllAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, test := range map[string]struct {
		config Config
		says   []string
	}{
		"nothing":           {Config{}, []string{"the transport is missing", "the sender's address is missing"}},
		"unknown transport": {Config{Transport: "smtp", From: "a@example.org"}, []string{`"smtp" is unknown`}},
		"sendgrid, bare": {Config{Transport: TransportSendGrid, From: "nobody", Host: "api.example.org"},
			[]string{`from: "nobody" is not a mail address`, "API key is missing", "is not a URL"}},
		"key with a newline inside": {Config{Transport: TransportSendGrid, From: "a@example.org", APIKey: NewSecret(testKey + "\nX-Evil: 1")},
			[]string{"characters that no key has"}},
		"key over http": {Config{Transport: TransportSendGrid, From: "a@example.org", APIKey: NewSecret(testKey), Host: "http://mail.example.org"},
			[]string{"must be reached by https"}},
		"host with a path": {Config{Transport: TransportSendGrid, From: "a@example.org", APIKey: NewSecret(testKey), Host: "https://mail.example.org/v3"},
			[]string{"must end after the host's name"}},
		"host with a password": {Config{Transport: TransportSendGrid, From: "a@example.org", APIKey: NewSecret(testKey), Host: "https://u:" + testKey + "@mail.example.org"},
			[]string{"is not a URL such as"}},
		"outbox, bare":     {Config{Transport: TransportOutbox}, []string{"the sender's address is missing", "the outbox's folder is missing"}},
		"outbox, relative": {Config{Transport: TransportOutbox, From: "a@example.org", Dir: "outbox"}, []string{"must be an absolute path"}},
		"outbox in a file": {Config{Transport: TransportOutbox, From: "a@example.org", Dir: filepath.Join(file, "outbox")}, []string{"cannot be made: mkdir " + file}},
		// A process file system takes no files, not even from root, whom permissions do not stop.
		"outbox not writable": {Config{Transport: TransportOutbox, From: "a@example.org", Dir: "/proc/self"}, []string{"cannot be written: open /proc/self"}},
	} {
		t.Run(name, func(t *testing.T) {
			sender, err := New(test.config)
			assert.Nil(t, sender)
			var configError *ConfigError
			require.True(t, errors.As(err, &configError), "%v", err)
			assert.Len(t, configError.Problems, len(test.says))
			for _, part := range test.says {
				assert.Contains(t, err.Error(), part)
			}
			assertSilent(t, err)
		})
	}
}

func TestConfigurationsThatWork(t *testing.T) {
	for _, host := range []string{"", "https://api.eu.sendgrid.com", "https://api.eu.sendgrid.com/", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:1"} {
		_, err := New(Config{Transport: TransportSendGrid, From: "a@example.org", APIKey: NewSecret(" " + testKey + "\n"), Host: host})
		assert.NoError(t, err, host)
	}
	dir := t.TempDir()
	_, err := New(Config{Transport: TransportOutbox, From: "a@example.org", Dir: dir})
	require.NoError(t, err)
	assert.Empty(t, files(t, dir), "the trial leaves nothing behind")
}

func TestTheKeyIsNeverShown(t *testing.T) {
	config := Config{Transport: TransportSendGrid, From: "a@example.org", APIKey: NewSecret(testKey)}
	sender, err := New(config)
	require.NoError(t, err)
	hidden := struct{ inner Config }{config}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, value := range []any{config, &config, config.APIKey, &config.APIKey, sender, hidden, []any{config.APIKey}} {
			shown := fmt.Sprintf(verb, value)
			assert.NotContains(t, shown, testKey)
			assert.NotContains(t, shown, fmt.Sprintf(verb, testKey))
		}
	}
	asJSON, err := json.Marshal(config)
	require.NoError(t, err)
	assert.NotContains(t, string(asJSON), testKey)
	assert.Contains(t, string(asJSON), secret.Redacted)
	asYAML, err := yaml.Marshal(config)
	require.NoError(t, err)
	assert.NotContains(t, string(asYAML), testKey)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", config, "key", config.APIKey)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", config, "key", config.APIKey)
	assert.NotContains(t, log.String(), testKey)
}
