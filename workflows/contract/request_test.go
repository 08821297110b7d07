package contract

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRequestNamesEveryProblemAtOnce(t *testing.T) {
	var request Request
	require.NoError(t, json.Unmarshal([]byte(`{
		"cluster": "Shop!", "Mode": "resync", "mode": "erase", "alignSettings": "all", "nodes": "s1", "max_parallel": 3, "maxParallel": "many",
		"minServing": -1, "throttleMiBps": -5, "adaptiveThrottle": "yes", "watch": "soon", "approvalTimeout": 5, "notify": ["nobody"],
		"proof": {"row": true, "parallel": 99, "where": "here", "throttleMiBps": -1, "lockFallback": "maybe", "values": 1, "hideKeys": []}, "donors": "me", "unreplicatedWrites": "keep", "onUnreachable": 7,
		"delayedReplicas": "wait", "quiet": {"sessions": -1, "for": "2h", "within": "1000h", "until": "noon"}
	}`), &request))
	problems := strings.Join(request.Problems(), "\n")
	for _, want := range []string{
		`cluster: "Shop!" is not a name`,
		"Mode: unknown field (did you mean mode?)",
		`mode: "erase" is not one of resync, repair, verify, plan`,
		`nodes: want a list, got "s1"`,
		"max_parallel: unknown field (did you mean maxParallel?)",
		`maxParallel: want a whole number, got "many"`,
		"minServing: -1 is not between 0 and 1000",
		"throttleMiBps: -5 is not between",
		`adaptiveThrottle: want true or false, got "yes"`,
		`watch: want a duration such as "5m", got "soon"`,
		`approvalTimeout: want a duration such as "5m", got 5`,
		`notify: "nobody" is not a mail address`,
		"proof.row: unknown field",
		"proof.parallel: 99 is not between 0 and 16",
		`proof.where: "here" is not one of client, server`,
		"proof.throttleMiBps: -1 is not between 0 and 1048576",
		`proof.lockFallback: want true or false, got "maybe"`,
		"proof.values: want true or false, got 1",
		"proof.hideKeys: want true or false, got []",
		`alignSettings: want true or false, got "all"`,
		`donors: "me" is not one of any, primary`,
		`unreplicatedWrites: "keep" is not one of refuse, rescue, discard`,
		"onUnreachable: want a string, got 7",
		`delayedReplicas: "wait" is not one of refuse, resync`,
		"quiet.sessions: -1 is not between 1 and 10000",
		"quiet.for: 2h0m0s is not between 1s and 1h0m0s",
		"quiet.within: 1000h0m0s is not between 1s and 168h0m0s",
		"quiet.until: unknown field",
	} {
		require.Contains(t, problems, want)
	}
	require.Len(t, request.Problems(), 28)
}

func TestVerifyAlignsNothing(t *testing.T) {
	for mode, problems := range map[Mode]int{ModeVerify: 1, ModeResync: 0, ModeRepair: 0, ModePlan: 0, "": 0} {
		request := Request{Cluster: "shop", Mode: mode, AlignSettings: true}
		require.Len(t, request.Problems(), problems, mode)
	}
}

func TestRequestWithoutAnObjectIsAProblemNotAFailure(t *testing.T) {
	for _, input := range []string{`"shop"`, `[]`, `null`, `5`} {
		var request Request
		require.NoError(t, json.Unmarshal([]byte(input), &request))
		require.NotEmpty(t, request.Problems(), input)
	}
}

func TestRequestDefaults(t *testing.T) {
	var request Request
	require.NoError(t, json.Unmarshal([]byte(ExampleRequest), &request))
	require.Empty(t, request.Problems())
	full := Request{Cluster: "shop"}.WithDefaults()
	require.Empty(t, full.Problems())
	require.Equal(t, ModeResync, full.Mode)
	require.Equal(t, UnreplicatedRefuse, full.UnreplicatedWrites)
	require.Equal(t, DelayedRefuse, full.DelayedReplicas)
	require.Nil(t, full.Quiet, "nobody asked for a gate")
	require.Equal(t, 1, full.MaxParallel)
	require.Equal(t, DefaultWatch, full.Watch.Std())
	require.True(t, full.Proof.CompareRows())
}

// TestRequestSurvivesTheWire: whatever a caller sends, decoding never fails, and what is read stays the same when it is passed on.
func TestRequestSurvivesTheWire(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) any {
		return rapid.OneOf(
			rapid.String().AsAny(), rapid.Int().AsAny(), rapid.Bool().AsAny(), rapid.SliceOf(rapid.String()).AsAny(),
			rapid.MapOf(rapid.String(), rapid.Int()).AsAny(), rapid.Just(any(nil)),
		).Draw(t, "value")
	})
	key := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"cluster", "mode", "plan", "confirm", "nodes", "minServing", "watch", "proof", "notify", "approvalTimeout"}))
	rapid.Check(t, func(t *rapid.T) {
		sent, err := json.Marshal(rapid.MapOf(key, value).Draw(t, "input"))
		require.NoError(t, err)
		var request, again Request
		require.NoError(t, json.Unmarshal(sent, &request))
		passedOn, err := json.Marshal(request)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(passedOn, &again))
		require.Equal(t, request.Problems(), again.Problems())
	})
}
