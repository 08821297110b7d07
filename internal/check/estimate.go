package check

import (
	"fmt"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	// assumedRate is that of a gigabit network with nothing else to do, in bytes a second; it is used where no clone was measured.
	assumedRate = 110 << 20
	// restartTime is what comes to the copy of files: the restart and the recovery that end a clone (measured on 9.7: 3 s for 600 MB; with
	// hundreds of thousands of files, minutes are reported).
	restartTime = 15 * time.Second
	// tellingBytes and tellingTime are below what a clone must have copied, and taken, to say something about the next.
	tellingBytes = 64 << 20
	tellingTime  = time.Second
)

func (c Copy) telling() bool { return c.Bytes >= tellingBytes && c.Took >= tellingTime }

// rate is in bytes a second.
func (c Copy) rate() float64 { return float64(c.Bytes) / c.Took.Seconds() }

// Estimate guesses how long the copy of one node takes, and all of them in that many waves. It is nil when nothing is copied, or the
// primary's size is unknown.
func Estimate(o *Observations, waves int) *contract.Estimate {
	p := o.PrimaryWith(partSize)
	if p == nil || !o.Erases() || len(o.Chosen()) == 0 {
		return nil
	}
	rate, why := float64(assumedRate), "assumed, as no earlier clone of these nodes is on record"
	slowest := ""
	for _, n := range o.Recipients(partClone) {
		if c := n.LastCopy; c != nil && (slowest == "" || c.rate() < rate) {
			rate, slowest = c.rate(), n.Node
			why = "as the last clone into " + n.Node + " had"
		}
	}
	if limit := float64(o.Request.ThrottleMiBps) * (1 << 20); limit > 0 && limit < rate {
		rate, why = limit, "the run's own limit"
	}
	one := time.Duration(float64(p.DataBytes)/rate*float64(time.Second)) + restartTime
	one = one.Round(time.Second)
	return &contract.Estimate{
		Copy: contract.Duration(one), Whole: contract.Duration(one * time.Duration(max(waves, 1))),
		Basis: fmt.Sprintf("%s at %.1f MiB/s (%s), and %s for the restart", bytesText(p.DataBytes), rate/(1<<20), why, lasting(restartTime)),
	}
}
