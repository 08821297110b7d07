package status

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// amount writes bytes in MiB or GiB.
func amount(bytes int64) string {
	number, unit := scaled(bytes, bytes)
	return number + " " + unit
}

// amountOf writes bytes of a total, in the total's unit: 75.0/150.0 MiB.
func amountOf(bytes, total int64) string {
	done, _ := scaled(bytes, total)
	all, unit := scaled(total, total)
	return done + "/" + all + " " + unit
}

func scaled(bytes, scale int64) (number, unit string) {
	if scale >= 10*gib {
		return fmt.Sprintf("%.1f", float64(bytes)/gib), "GiB"
	}
	return fmt.Sprintf("%.1f", float64(bytes)/mib), "MiB"
}

// Remaining is how long the rest of a step takes at its present rate. It is unknown, which is not the same as 0, without a total,
// without a rate, while something is waited for and when more was done than was foreseen.
func Remaining(detail *contract.StepProgress) (remaining time.Duration, known bool) {
	if detail == nil || detail.TotalBytes <= 0 || detail.Waiting != "" || detail.Bytes > detail.TotalBytes {
		return 0, false
	}
	// The rate is a measurement: NaN and infinities come of a division by an interval of zero.
	if !(detail.MiBps > 0) || math.IsInf(detail.MiBps, 0) {
		return 0, false
	}
	seconds := float64(detail.TotalBytes-detail.Bytes) / (detail.MiBps * mib)
	const farthest = 365 * 24 * 3600
	if seconds > farthest {
		return 0, false
	}
	return time.Duration(math.Ceil(seconds)) * time.Second, true
}

// bar draws the done part of a total; empty when there is no total.
func bar(done, total int64, width int) string {
	if total <= 0 {
		return ""
	}
	filled := int(float64(width) * part(done, total))
	return "[" + strings.Repeat("#", filled) + strings.Repeat("-", width-filled) + "]"
}

func percent(done, total int64) int { return int(100 * part(done, total)) }

// part is done/total, held between 0 and 1 whatever was measured.
func part(done, total int64) float64 { return max(0, min(1, float64(done)/float64(total))) }

// span writes a duration as people say it: 42s, 3m05s, 2h10m, 3d4h.
func span(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}
