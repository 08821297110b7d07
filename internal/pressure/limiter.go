package pressure

import "math"

// Limiter finds how much a copy may take beside the load: it gives way quickly, feels its way back, and gives everything back when
// nothing is in the way. It is a value; its JSON is all of it.
type Limiter struct {
	// Limit in MiB/s; 0 before the first step.
	Limit float64 `json:"limit"`
	// Calm counts steps without strain in a row, Settle those until a cut shows, Low those at the floor.
	Calm   int `json:"calm,omitempty"`
	Settle int `json:"settle,omitempty"`
	Low    int `json:"low,omitempty"`
	// Mark is the limit of the last cut: near it the way up is felt slowly. 0 before any.
	Mark float64 `json:"mark,omitempty"`
	// Gauges are the watched servers, in the order of the readings.
	Gauges []Gauge `json:"gauges,omitempty"`
}

const (
	// Floor is what a copy always gets, in MiB/s, unless its ceiling is lower: a resync that never ends is no kindness to anybody.
	Floor = 4
	// start is what a copy begins with, in MiB/s.
	start = 16
	// top stands for no ceiling, in MiB/s; the largest limit a clone takes (MySQL manual: clone_max_data_bandwidth).
	top = 1 << 20
)

// Strain from which the limit is not raised, is cut, and is cut hard.
const (
	wary     = 1.25
	strained = 1.6
	severe   = 3.0
)

const (
	cut, hardCut = 0.7, 0.4
	// settleSteps is how many steps a cut takes to show: the server's second or two, and the readings' own memory.
	settleSteps = 2
	// acceptAfter is how many steps at the floor it takes for what is seen there not to be the copy's doing.
	acceptAfter = 5
	// A calm step raises the limit by so much, times the calm steps in a row, up to the largest.
	raise, maxRaise = 0.04, 0.5
)

// Learn takes readings of the servers while nothing is copied, one for each, always in the same order.
func (l Limiter) Learn(readings []Reading) Limiter {
	return l.each(readings, Gauge.Learn)
}

// Next is one step, a second or so after the last one. ceiling is the highest limit allowed, in MiB/s, 0 for none; rate is what the
// copy now moves, 0 when that is not known. The new Limit lies between Floor and the ceiling, or is the ceiling if that is lower.
func (l Limiter) Next(ceiling int, rate float64, readings []Reading) Limiter {
	l = l.each(readings, Gauge.Take)
	high := float64(top)
	if ceiling > 0 {
		high = float64(ceiling)
	}
	low := min(Floor, high)
	if l.Limit == 0 {
		l.Limit = start
	}
	l.Settle = max(l.Settle-1, 0)
	switch strain := l.Strain(); {
	case strain >= severe:
		l = l.reduce(hardCut, rate)
	case strain >= strained:
		l = l.reduce(cut, rate)
	case strain >= wary:
		l.Calm = 0
	default:
		l.Calm++
		if l.nearMark() {
			l.Calm = 1
		}
		l.Limit *= 1 + min(raise*float64(l.Calm), maxRaise)
	}
	l.Limit = min(max(l.Limit, low), high)
	if l.Limit > low {
		l.Low = 0
		return l
	}
	if l.Low++; l.Low > acceptAfter {
		l = l.each(make([]Reading, len(l.Gauges)), func(g Gauge, _ Reading) Gauge { return g.Accept() })
	}
	return l
}

// Strain is that of the server that is worst off; 1 when none is watched.
func (l Limiter) Strain() float64 {
	worst := 0.0
	for _, g := range l.Gauges {
		worst = max(worst, g.Strain())
	}
	if worst == 0 {
		return 1
	}
	return worst
}

// MiBps is the limit in whole MiB/s, at least 1; 0, no limit, where it has grown beyond any.
func (l Limiter) MiBps() int {
	if l.Limit >= top {
		return 0
	}
	return max(int(math.Round(l.Limit)), 1)
}

// nearMark is where the last strain was met.
func (l Limiter) nearMark() bool { return l.Limit > l.Mark*0.8 && l.Limit < l.Mark*1.2 }

// reduce cuts the limit, or what the copy really takes where that is less.
func (l Limiter) reduce(by, rate float64) Limiter {
	l.Calm = 0
	if l.Settle > 0 {
		return l
	}
	if rate > 0 && rate < l.Limit {
		l.Limit = rate
	}
	l.Mark = l.Limit
	l.Limit *= by
	l.Settle = settleSteps
	return l
}

func (l Limiter) each(readings []Reading, take func(Gauge, Reading) Gauge) Limiter {
	gauges := make([]Gauge, max(len(l.Gauges), len(readings)))
	copy(gauges, l.Gauges)
	for i, r := range readings {
		gauges[i] = take(gauges[i], r)
	}
	l.Gauges = gauges
	return l
}
