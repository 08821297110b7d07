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

func TestAnApprovalIsNeverReadAsOfMoreThanItSays(t *testing.T) {
	var approve Approve
	require.NoError(t, json.Unmarshal([]byte(`{"plan":"p","cluster":"shop","by":"ann","comment":"c"}`), &approve))
	require.Equal(t, Approve{Plan: "p", Cluster: "shop", By: "ann", Comment: "c"}, approve)
	for _, wrong := range []string{`{"plan":"p","cluster":"shop","nodes":["db2"]}`, `{"plan":"p","cluster":"shop","node":"db2"}`, `{"plan":7}`, `"p"`} {
		require.ErrorContains(t, json.Unmarshal([]byte(wrong), &approve), "approves the whole plan", wrong)
	}
	sent, err := json.Marshal(Approve{Plan: "q", Cluster: "shop"})
	require.NoError(t, err)
	approve = Approve{}
	require.NoError(t, json.Unmarshal(sent, &approve))
	require.Equal(t, "q", approve.Plan)
}
