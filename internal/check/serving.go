package check

import (
	"slices"
	"strconv"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Serving reports whether clients can use the secondary now: it follows the primary, is not far behind, and is open.
func (o *Observations) Serving(n *Observation) bool {
	primary := o.Primary()
	if primary == nil || !n.Seen() || n.Node == primary.Node || n.Fence.Owner != fence.None {
		return false
	}
	channels := n.ReplicationChannels()
	return len(channels) == 1 && follows(channels[0], primary) && channels[0].Running() && !n.delayed() &&
		channels[0].LagSeconds != nil && *channels[0].LagSeconds <= contract.ServingLag
}

// delayed reports whether the secondary is kept too far behind on purpose to serve; a resync gives it its delay back.
func (n *Observation) delayed() bool {
	return slices.ContainsFunc(n.ReplicationChannels(), func(c node.Channel) bool { return c.DelaySeconds > contract.ServingLag })
}

// Floor is how many secondaries the run keeps in service: what was asked for, else one where there are two or more, and
// never fewer than the acknowledgements that the primary's commits wait for.
func (o *Observations) Floor() int {
	floor := 0
	switch {
	case !o.Erases():
		return 0
	case o.Request.MinServing != nil:
		floor = *o.Request.MinServing
	case len(o.Nodes) > 2:
		floor = 1
	}
	if acks, on := o.acknowledgements(); on {
		floor = max(floor, acks)
	}
	return floor
}

// acknowledgements are those of semi-synchronous replication that a commit on the primary waits for.
func (o *Observations) acknowledgements() (count int, on bool) {
	p := o.Primary()
	if p == nil {
		return 0, false
	}
	for setting, counts := range semiSync {
		if !p.On(setting) {
			continue
		}
		if count, err := strconv.Atoi(p.Value(counts)); err == nil {
			return count, true
		}
	}
	return 0, false
}

// semiSync are the switches of the plugin's two names, each with the setting that counts.
var semiSync = map[string]string{
	"rpl_semi_sync_source_enabled": "rpl_semi_sync_source_wait_for_replica_count",
	"rpl_semi_sync_master_enabled": "rpl_semi_sync_master_wait_for_slave_count",
}

// semiSyncSetting is the switch that is on.
func (o *Observations) semiSyncSetting() string {
	for setting := range semiSync {
		if o.Primary().On(setting) {
			return setting
		}
	}
	return "rpl_semi_sync_source_enabled"
}
