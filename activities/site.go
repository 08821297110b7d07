package activities

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/node"
)

// site is where an activity works: the servers of its target, reached as the inventory says, which must be the one the run began with.
type site struct {
	target    Target
	cluster   *inventory.Cluster
	recipient *node.Node
	primary   *node.Node
}

// openSite reads the inventory anew and prepares the recipient and the primary; it does not connect. The caller closes it.
func (a *Activities) openSite(target Target) (*site, error) {
	inventory, err := a.inventory()
	if err != nil {
		return nil, err
	}
	cluster, err := inventory.Pinned(target.Cluster, target.InventoryHash)
	if err != nil {
		return nil, err
	}
	s := &site{target: target, cluster: cluster}
	if s.recipient, err = s.open(target.Node); err != nil {
		return nil, err
	}
	if s.primary, err = s.open(target.Primary); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) close() {
	for _, n := range []*node.Node{s.recipient, s.primary} {
		if n != nil {
			_ = n.Close()
		}
	}
}

// open prepares one node of the cluster as the admin account.
func (s *site) open(name string) (*node.Node, error) {
	return openNode(s.cluster, name, s.cluster.Accounts.Admin, s.target.Run)
}

func openNode(cluster *inventory.Cluster, name string, account inventory.Account, run string) (*node.Node, error) {
	declared, err := cluster.Node(name)
	if err != nil {
		return nil, err
	}
	password, err := account.Resolve()
	if err != nil {
		return nil, err
	}
	config, plainAllowed, err := cluster.TLS.Config(declared.Address.Host)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", cluster.Name, err)
	}
	return node.Open(node.Endpoint{
		Name: name, Address: declared.Address.String(), PeerAddress: declared.PeerAddress.String(),
		User: account.User, Password: password.Reveal(), TLS: config, TLSFallback: plainAllowed,
		Attributes: map[string]string{node.AttributeCluster: cluster.Name, node.AttributeRun: run},
	})
}

// claim takes the recipient for this attempt (I1, I5): the approved node and not the primary, with the primary's identity and role read
// anew. A node is neither refilled from nor proven against a primary that has stepped down.
func (s *site) claim(ctx context.Context, stillCurrent func(context.Context) error) (*node.Claim, error) {
	return s.recipient.Claim(ctx, node.ClaimOptions{
		ExpectUUID: s.target.NodeUUID, ExpectPrimaryUUID: s.target.PrimaryUUID,
		Primary: func(ctx context.Context) (string, error) {
			identity, err := s.primary.Identity(ctx)
			if err != nil {
				return "", err
			}
			return identity.UUID, check.StillPrimary(ctx, s.primary)
		},
		StillCurrent: stillCurrent, Cluster: s.target.Cluster, Run: s.target.Run,
	})
}

// claimToRelease takes the recipient without asking the primary: a primary that is gone or has changed is a reason to release a node,
// not to leave it fenced. Nothing may be destroyed under such a claim.
func (s *site) claimToRelease(ctx context.Context, stillCurrent func(context.Context) error) (*node.Claim, error) {
	return s.recipient.Claim(ctx, node.ClaimOptions{
		ExpectUUID: s.target.NodeUUID, ExpectPrimaryUUID: s.target.PrimaryUUID,
		StillCurrent: stillCurrent, Cluster: s.target.Cluster, Run: s.target.Run,
	})
}

// declared is the inventory's word on the recipient.
func (s *site) declared() (inventory.Node, error) { return s.cluster.Node(s.target.Node) }

// confirmIdentities makes sure that both addresses lead to the servers that were approved. It is for activities that do not destroy;
// those that do use a claim.
func (s *site) confirmIdentities(ctx context.Context) error {
	if err := s.confirmRecipient(ctx); err != nil {
		return err
	}
	return s.confirmPrimary(ctx)
}

func (s *site) confirmRecipient(ctx context.Context) error {
	recipient, err := s.recipient.Identity(ctx)
	if err != nil {
		return err
	}
	if recipient.UUID != s.target.NodeUUID || recipient.UUID == s.target.PrimaryUUID {
		return &node.WrongServerError{
			Node: s.target.Node, Saw: recipient.UUID, Want: s.target.NodeUUID, IsPrimary: recipient.UUID == s.target.PrimaryUUID,
		}
	}
	return nil
}

func (s *site) confirmPrimary(ctx context.Context) error {
	primary, err := s.primary.Identity(ctx)
	if err != nil {
		return err
	}
	if primary.UUID != s.target.PrimaryUUID {
		return &node.PrimaryChangedError{Node: s.target.Primary, Saw: primary.UUID, Want: s.target.PrimaryUUID}
	}
	return check.StillPrimary(ctx, s.primary)
}

// judge compares what the recipient has with what was approved to be lost (I2).
func (s *site) judge(ctx context.Context, approval Approval) error {
	return check.Recheck(ctx, s.recipient, s.primary, check.Approved{
		NodeUUID: s.target.NodeUUID, PrimaryUUID: s.target.PrimaryUUID,
		Errant: approval.Errant, LossUnknown: approval.LossUnknown, Data: approval.Data, SeenAt: approval.SeenAt, Wreck: approval.Wreck,
	})
}

// waitForRecipient waits for a server that may be restarting, or be down until somebody starts it.
func (s *site) waitForRecipient(ctx context.Context, pulse *pulse) error {
	err := s.recipient.WaitReady(ctx, pingEvery, func(why error) { pulse.waiting(waitingFor(s.target.Node, false, why)) })
	pulse.waiting("")
	return err
}
