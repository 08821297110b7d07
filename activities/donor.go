package activities

import (
	"context"
	"errors"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
)

// donor is who feeds a copy.
type donor struct {
	node *node.Node
	// address is how the recipient reaches it.
	address string
	account clone.Account
	// primary says that it is the primary, which has to be well for every other reason too.
	primary bool
	// others says that another donor can be had.
	others bool
}

// openDonor prepares the donor; others says that another one can be had. The caller closes it.
func (s *site) openDonor(name string, others bool) (*donor, error) {
	declared, err := s.cluster.Node(name)
	if err != nil {
		return nil, err
	}
	password, err := s.cluster.Accounts.Donor.Resolve()
	if err != nil {
		return nil, err
	}
	opened, err := s.open(name)
	if err != nil {
		return nil, err
	}
	return &donor{
		node: opened, address: declared.PeerAddress.String(),
		account: clone.Account{User: s.cluster.Accounts.Donor.User, Password: password.Reveal()},
		primary: name == s.target.Primary, others: others,
	}, nil
}

// confirm makes sure that the donor is the server that was planned.
func (d *donor) confirm(ctx context.Context, uuid string) error {
	identity, err := d.node.Identity(ctx)
	if err == nil && identity.UUID != uuid {
		err = &node.WrongServerError{Node: d.node.Name(), Saw: identity.UUID, Want: uuid}
	}
	if err != nil && !d.primary {
		return &donorFault{err: err, others: d.others}
	}
	return err
}

// donorFault is a failure that another donor may not have. Where another can be had it ends the attempts with this one.
type donorFault struct {
	err    error
	others bool
}

func (f *donorFault) Error() string { return f.err.Error() }
func (f *donorFault) Unwrap() error { return f.err }

// blame marks the failure of a clone, or of its rehearsal, that is the donor's, or that of the network between the two.
func (d *donor) blame(err error) error {
	var failure *clone.Failure
	if !errors.As(err, &failure) || !ofDonor(failure) {
		return err
	}
	return &donorFault{err: err, others: d.others}
}

// errnoDonor wraps whatever the donor has answered, and what became of the connection to it (MySQL manual: CLONE).
const errnoDonor = 3862

func ofDonor(f *clone.Failure) bool {
	switch f.Kind {
	case clone.DonorBusy, clone.DonorFull, clone.DonorLost, clone.DonorRefused:
		return true
	}
	// A clone that was ended because nothing came any more looks killed.
	return f.Number == errnoDonor || f.Stalled > 0
}

func (d *donor) close() { _ = d.node.Close() }
