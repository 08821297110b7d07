package activities

import (
	"context"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/node"
)

// donor is who feeds a copy.
type donor struct {
	node *node.Node
	// address is how the recipient reaches it.
	address string
	account clone.Account
}

// openDonor prepares the donor; the caller closes it.
func (s *site) openDonor(name string) (*donor, error) {
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
	}, nil
}

// confirm makes sure that the donor is the server that was planned.
func (d *donor) confirm(ctx context.Context, uuid string) error {
	identity, err := d.node.Identity(ctx)
	if err != nil {
		return err
	}
	if identity.UUID != uuid {
		return &node.WrongServerError{Node: d.node.Name(), Saw: identity.UUID, Want: uuid}
	}
	return nil
}

func (d *donor) close() { _ = d.node.Close() }
