package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestScheduleHasTheConventionsOfTheField(t *testing.T) {
	s := newStandIn(t, contract.OutcomeVerified)
	got := s.run(t, "schedule", "create", s.cluster, "--mode", "verify", "--cron", "30 2 * * 0,3", "--time-zone", "Europe/Berlin")
	require.Equal(t, 0, got.code, got.err)

	described, err := server.client.ScheduleClient().GetHandle(t.Context(), "resync-schedule/"+s.cluster+"/verify").Describe(t.Context())
	require.NoError(t, err)
	policy := described.Schedule.Policy
	assert.Equal(t, enums.SCHEDULE_OVERLAP_POLICY_SKIP, policy.Overlap)
	assert.Equal(t, 10*time.Minute, policy.CatchupWindow)
	assert.True(t, policy.PauseOnFailure)
	assert.Equal(t, "Europe/Berlin", described.Schedule.Spec.TimeZoneName)
	assert.Equal(t, time.Minute, described.Schedule.Spec.Jitter)
	assert.Contains(t, described.Schedule.State.Note, s.cluster)
	action, ok := described.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.True(t, ok)
	assert.Equal(t, s.queue, action.TaskQueue)

	again := s.run(t, "schedule", "create", s.cluster, "--mode", "verify", "--every", "1h")
	assert.Equal(t, 2, again.code, again.err)
	assert.Contains(t, again.err, "exists already")

	require.Eventually(t, func() bool {
		var listed []scheduled
		list := s.run(t, "schedule", "list", "--json")
		require.NoError(t, json.Unmarshal([]byte(list.out), &listed), list.err)
		for _, one := range listed {
			if one.ID == "resync-schedule/"+s.cluster+"/verify" && !one.Next.IsZero() {
				return true
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond, "the schedule is never listed")

	assert.Equal(t, 0, s.run(t, "schedule", "delete", s.cluster).code)
	assert.Equal(t, 2, s.run(t, "schedule", "delete", s.cluster).code)
}

func TestAScheduledRunIsFoundByItsCluster(t *testing.T) {
	s := newStandIn(t, contract.OutcomeSucceeded)
	s.work(t)
	got := s.run(t, "schedule", "create", s.cluster, "--mode", "resync", "--every", "24h", "--confirm", s.cluster)
	require.Equal(t, 0, got.code, got.err)
	require.NoError(t, server.client.ScheduleClient().GetHandle(t.Context(), "resync-schedule/"+s.cluster+"/resync").
		Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	s.begun(t)
	watching := s.inBackground(t, "watch", s.cluster)
	watching.out.eventually(t, "resync/"+s.cluster+"-scheduled-")
	close(s.release)
	assert.Equal(t, 0, <-watching.done)
	assert.Equal(t, 0, s.run(t, "schedule", "delete", s.cluster, "--mode", "resync").code)
}

func TestSchedulesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"without a time":         {[]string{"--mode", "verify"}, 64, "--cron or --every"},
		"without a mode":         {[]string{"--every", "1h"}, 64, "--mode"},
		"too often":              {[]string{"--mode", "verify", "--every", "1s"}, 64, "1m"},
		"a bad cron":             {[]string{"--mode", "verify", "--cron", "not a cron"}, 64, "refused the schedule"},
		"an erase unconfirmed":   {[]string{"--mode", "resync", "--every", "1h"}, 2, "nothing was created"},
		"an erase misconfirmed":  {[]string{"--mode", "repair", "--every", "1h", "--confirm", "x"}, 2, "nothing was created"},
		"a loss that nobody saw": {[]string{"--mode", "resync", "--every", "1h", "--unreplicated-writes", "discard"}, 64, "a person"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, contract.OutcomeSucceeded)
			got := s.run(t, append([]string{"schedule", "create", s.cluster}, test.args...)...)
			assert.Equal(t, test.code, got.code, got.err)
			assert.Contains(t, got.err, test.says)
		})
	}
}
