package activities

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/clone"
)

// TestWhoIsToBlame: what another donor may not have is told from what every donor would meet.
func TestWhoIsToBlame(t *testing.T) {
	donor := &donor{others: true}
	for name, tc := range map[string]struct {
		failure clone.Failure
		donors  bool
	}{
		"donor feeds another":       {clone.Failure{Kind: clone.DonorBusy, Number: 3862, Inner: 3634}, true},
		"donor has no connection":   {clone.Failure{Kind: clone.DonorFull, Number: 3862, Inner: 1040}, true},
		"donor is gone":             {clone.Failure{Kind: clone.DonorLost, Number: 3862, Inner: 2003}, true},
		"donor is fenced":           {clone.Failure{Kind: clone.DonorRefused, Number: 3862, Inner: 3032}, true},
		"donor said something else": {clone.Failure{Kind: clone.Unknown, Number: 3862}, true},
		"nothing came any more":     {clone.Failure{Kind: clone.Killed, Number: 1317, Stalled: 60}, true},
		"somebody killed it":        {clone.Failure{Kind: clone.Killed, Number: 1317}, false},
		"recipient is busy":         {clone.Failure{Kind: clone.RecipientBusy, Number: 3634}, false},
		"recipient's disk":          {clone.Failure{Kind: clone.DiskFull, Number: 3873}, false},
		"recipient is not set up":   {clone.Failure{Kind: clone.Unfit, Number: 1524}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var fault *donorFault
			blamed := donor.blame(&tc.failure)
			require.Equal(t, tc.donors, errors.As(blamed, &fault))
			var failure *clone.Failure
			require.ErrorAs(t, blamed, &failure, "what happened is still to be read")
			if tc.donors {
				require.True(t, fault.others)
			}
		})
	}
	plain := errors.New("the worker's connection broke")
	require.Equal(t, plain, donor.blame(plain))
	require.NoError(t, donor.blame(nil))
}
