package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSmoke(t *testing.T) {
	c := ForTest(t, Options{Nodes: Nodes(3), Temporal: &TemporalOptions{InMemory: true}, Say: t.Logf})
	for _, s := range c.Secondaries() {
		require.NoError(t, c.Primary().Exec(t.Context(), "CREATE DATABASE IF NOT EXISTS a"))
		require.NoError(t, s.WaitFor(t.Context(), c.Primary()))
	}
	t.Logf("%+v", c.Status(t.Context()))
}
