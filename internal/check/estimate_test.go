package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestEstimateSaysWhatItWasReckonedFrom(t *testing.T) {
	o := settle(healthy())
	o.Nodes[0].DataBytes = 110 << 30
	estimate := Estimate(o, 2)
	require.Equal(t, contract.Duration(1024*time.Second+restartTime), estimate.Copy)
	require.Equal(t, 2*estimate.Copy, estimate.Whole)
	require.Equal(t, "110.0 GiB at 110.0 MiB/s (assumed, as no earlier clone of these nodes is on record), and 15 s for the restart", estimate.Basis)

	// What was measured counts, be it more or less than the assumed; of several the slowest.
	o.Nodes[1].LastCopy = &Copy{Bytes: 880 << 20, Took: time.Second}
	estimate = Estimate(o, 1)
	require.Equal(t, contract.Duration(128*time.Second+restartTime), estimate.Copy)
	require.Contains(t, estimate.Basis, "880.0 MiB/s (as the last clone into db2 had)")
	o.Nodes[2].LastCopy = &Copy{Bytes: 440 << 20, Took: time.Second}
	require.Contains(t, Estimate(o, 1).Basis, "440.0 MiB/s (as the last clone into db3 had)")

	o.Request.ThrottleMiBps = 20
	require.Contains(t, Estimate(o, 1).Basis, "20.0 MiB/s (the run's own limit)")
	o.Request.ThrottleMiBps = 500
	require.Contains(t, Estimate(o, 1).Basis, "440.0 MiB/s (as the last clone into db3 had)")

	require.Equal(t, estimate.Copy, estimate.Whole, "one wave at least")
	o.Request.Mode = contract.ModeVerify
	require.Nil(t, Estimate(o, 1), "nothing is copied")
}

func TestATinyCopyTellsNothing(t *testing.T) {
	require.True(t, Copy{tellingBytes, tellingTime}.telling())
	require.False(t, Copy{tellingBytes - 1, time.Minute}.telling())
	require.False(t, Copy{1 << 40, tellingTime - 1}.telling())
}
