package contract

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThrottleIsNeverReadAsNoLimitByMistake(t *testing.T) {
	var throttle Throttle
	require.NoError(t, json.Unmarshal([]byte(`{"mibps":50,"by":"ann"}`), &throttle))
	require.Equal(t, Throttle{MiBps: 50, By: "ann"}, throttle)
	require.NoError(t, json.Unmarshal([]byte(`{"mibps":0}`), &throttle))
	require.Zero(t, throttle.MiBps)
	for _, wrong := range []string{`{}`, `{"throttleMiBps":50}`, `{"mibps":"50"}`, `5`} {
		require.ErrorContains(t, json.Unmarshal([]byte(wrong), &throttle), "mibps", wrong)
	}
	sent, err := json.Marshal(Throttle{MiBps: 7})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(sent, &throttle))
	require.Equal(t, 7, throttle.MiBps)
}
