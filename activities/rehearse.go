package activities

import (
	"context"
	"errors"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// RehearseInput is a fenced node and who will feed it.
type RehearseInput struct {
	Target    Target `json:"target"`
	Donor     string `json:"donor"`
	DonorUUID string `json:"donorUuid"`
	// OtherDonors says that another donor can be had: what is this one's fault is then not tried again.
	OtherDonors bool `json:"otherDonors,omitempty"`
}

// RehearseResult says what is worth knowing.
type RehearseResult struct {
	Done
	Notes []string `json:"notes,omitempty"`
}

// Rehearse issues the real CLONE while super_read_only keeps it from dropping anything: the donor's and the recipient's own checks
// run, and it must end in 1290 with the data intact. A node without any schema has nothing that could be saved and is not rehearsed.
func (a *Activities) Rehearse(ctx context.Context, in RehearseInput) (RehearseResult, error) {
	var result RehearseResult
	err := a.rehearse(ctx, in)
	if errors.Is(err, clone.ErrNothingStopsIt) {
		result.Notes, err = []string{"not rehearsed: it held no schema"}, nil
	}
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) rehearse(ctx context.Context, in RehearseInput) error {
	pulse := startPulse(ctx, contract.StepRehearse)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return err
	}
	defer site.close()
	donor, err := site.openDonor(in.Donor, in.OtherDonors)
	if err != nil {
		return err
	}
	defer donor.close()
	if err := donor.confirm(ctx, in.DonorUUID); err != nil {
		return err
	}
	claim, err := site.claim(ctx, a.stillCurrent(ctx, pulse))
	if err != nil {
		return err
	}
	defer claim.Close()
	err = donor.blame(clone.Rehearse(ctx, claim, donor.address, donor.account, clone.Options{RequireSSL: site.cluster.PeerTLS.Required()}))
	var failure *clone.Failure
	switch {
	case !errors.As(err, &failure):
		return err
	case failure.Kind == clone.DonorBusy, failure.Kind == clone.RecipientBusy:
		return failed(contract.ErrorDonorBusy, "%w", err)
	case failure.Transient():
		return failed(contract.ErrorRehearsal, "%w", err)
	default:
		return final(contract.ErrorRehearsal, "%w", err)
	}
}
