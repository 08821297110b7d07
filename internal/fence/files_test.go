package fence_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func appendLine(t *testing.T, path, line string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(content, []byte(line+"\n")...), 0o600))
}

func removeLine(t *testing.T, path, line string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(content), line+"\n", "")), 0o600))
}
