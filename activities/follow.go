package activities

import (
	"context"
	"fmt"

	"github.com/clusterresync/clusterresync/internal/channel"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// FollowInput is a refilled node and the channel it had.
type FollowInput struct {
	Target Target `json:"target"`
	// Channel is the one it had; if it had none, the defaults apply.
	Channel channel.Note `json:"channel"`
}

// FollowResult says what is worth knowing.
type FollowResult struct {
	Done
	Notes []string `json:"notes,omitempty"`
}

// Follow makes the node replicate from the primary again, behind its fence: the primary's events are disabled first, the channel gets
// the options it had, and then the node catches up. A copy from a secondary carries that one's channel, which is forgotten.
func (a *Activities) Follow(ctx context.Context, in FollowInput) (FollowResult, error) {
	result, err := a.follow(ctx, in)
	result.Attempts = attempt(ctx)
	return result, asTemporal(ctx, err)
}

func (a *Activities) follow(ctx context.Context, in FollowInput) (FollowResult, error) {
	pulse := startPulse(ctx, contract.StepFollow)
	defer pulse.end()
	site, err := a.openSite(in.Target)
	if err != nil {
		return FollowResult{}, err
	}
	defer site.close()
	if err := site.waitForRecipient(ctx, pulse); err != nil {
		return FollowResult{}, err
	}
	source, err := site.source(in.Channel)
	if err != nil {
		return FollowResult{}, err
	}
	claim, err := site.claim(ctx, a.stillCurrent(ctx, pulse))
	if err != nil {
		return FollowResult{}, err
	}
	defer claim.Close()
	if err := fence.Hold(ctx, claim); err != nil {
		return FollowResult{}, err
	}
	disabled, err := channel.DisableEvents(ctx, claim)
	if err != nil {
		return FollowResult{}, err
	}
	if err := channel.Follow(ctx, claim, source, in.Channel); err != nil {
		return FollowResult{}, err
	}
	var result FollowResult
	for _, option := range in.Channel.Unkept() {
		result.Notes = append(result.Notes, "channel: "+option)
	}
	if len(disabled) > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%d events of the primary disabled here, their definers kept", len(disabled)))
	}
	return result, site.catchUp(ctx, pulse)
}

// source is the primary as the recipient's channel reaches it. A channel whose former options are known keeps its TLS settings; a new
// one gets those that the inventory declares between nodes.
func (s *site) source(noted channel.Note) (channel.Source, error) {
	declared, err := s.cluster.Node(s.target.Primary)
	if err != nil {
		return channel.Source{}, err
	}
	password, err := s.cluster.Accounts.Replication.Resolve()
	if err != nil {
		return channel.Source{}, err
	}
	source := channel.Source{
		Host: declared.PeerAddress.Host, Port: declared.PeerAddress.Port,
		User: s.cluster.Accounts.Replication.User, Password: password.Reveal(),
	}
	if !noted.Configured {
		source.Options = channelTLS(s.cluster.PeerTLS)
	}
	return source, nil
}

// catchUp waits until the recipient has executed what the primary had executed when the wait began.
func (s *site) catchUp(ctx context.Context, pulse *pulse) error {
	gtids, err := s.primary.GTIDs(ctx)
	if err != nil {
		return err
	}
	return channel.CatchUp(ctx, s.recipient, gtids.Executed, func(p channel.CatchUpProgress) {
		waiting := fmt.Sprintf("%d transactions to be executed", p.MissingCount)
		if p.Waiting != "" {
			waiting += "; " + p.Waiting
		}
		pulse.waiting(waiting)
	})
}

// resumeChannel starts replication again on a refilled node that a restart behind its fence has left without.
func (s *site) resumeChannel(ctx context.Context, stillCurrent func(context.Context) error) error {
	channels, err := s.recipient.Replication(ctx)
	if err != nil || !channel.Rests(channels) {
		return err
	}
	claim, err := s.claim(ctx, stillCurrent)
	if err != nil {
		return err
	}
	defer claim.Close()
	if err := fence.Hold(ctx, claim); err != nil {
		return err
	}
	return channel.Resume(ctx, claim)
}

// channelTLS puts the inventory's word on connections between nodes into a channel's own.
func channelTLS(tls inventory.PeerTLS) map[string]string {
	if !tls.Required() {
		return nil
	}
	options := map[string]string{"SOURCE_SSL": "1"}
	for name, path := range map[string]string{
		"SOURCE_SSL_CA": tls.CAFile, "SOURCE_SSL_CERT": tls.CertFile, "SOURCE_SSL_KEY": tls.KeyFile,
	} {
		if path != "" {
			options[name] = path
		}
	}
	if tls.Mode == inventory.TLSVerifyIdentity {
		options["SOURCE_SSL_VERIFY_SERVER_CERT"] = "1"
	}
	return options
}
