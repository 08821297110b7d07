package pressure

import "math"

// Level is how hard a server works, one figure for each kind of strain: sessions at work, then the seconds that statements, the disk
// and semi-synchronous secondaries take. Of the latter three 0 is not known.
type Level [4]float64

const sessions = 0

// idle is what each figure may vary by without meaning anything; it is added to both sides of a comparison.
var idle = Level{4, 0.002, 0.001, 0.001}

// Gauge compares a server's level with its baseline. Its zero value knows nothing yet. It is a value; its JSON is all of it.
type Gauge struct {
	Baseline Level `json:"baseline"`
	// Spread is how far single readings lie from the baseline without any copy's doing.
	Spread Level `json:"spread"`
	// Recent is the level over the last few readings.
	Recent Level `json:"recent"`
	// Refused is how many commits a reading has that no secondary acknowledged, lately and at the baseline.
	Refused       float64 `json:"refused,omitempty"`
	RefusedBefore float64 `json:"refusedBefore,omitempty"`
	// Readings is how many were taken.
	Readings int `json:"readings"`
	// Unseen says that the last look failed.
	Unseen bool `json:"unseen,omitempty"`
}

const (
	// recentWeight of a reading in the recent level: well over half of it is of the last two readings.
	recentWeight = 0.4
	// learnWeight is how fast the baseline follows where it may.
	learnWeight = 0.1
)

// Learn takes a reading as one of the baseline: nothing is copied yet.
func (g Gauge) Learn(r Reading) Gauge {
	g = g.Take(r)
	if r.Unseen {
		return g
	}
	weight := 1 / float64(g.Readings)
	g.Spread = g.Spread.follow(level(r).apart(g.Baseline), weight)
	g.Baseline = g.Baseline.follow(level(r), weight)
	g.RefusedBefore += weight * (float64(r.Unacknowledged) - g.RefusedBefore)
	return g
}

// Take takes a reading while something is copied. What has become calmer than the baseline slowly becomes the baseline; a figure that
// the reading lacks, because nobody asks anything of the server, is on its way back to it.
func (g Gauge) Take(r Reading) Gauge {
	g.Unseen = r.Unseen
	if r.Unseen {
		return g
	}
	g.Readings++
	now := level(r)
	weight := recentWeight
	if g.Readings == 1 {
		weight = 1
	}
	for i := range now {
		if i != sessions && now[i] == 0 {
			now[i] = g.Baseline[i]
		}
	}
	g.Recent = g.Recent.follow(now, weight)
	g.Refused += weight * (float64(r.Unacknowledged) - g.Refused)
	lower := g.Baseline.follow(g.Recent, learnWeight)
	for i := range lower {
		g.Baseline[i] = min(g.Baseline[i], lower[i])
	}
	g.RefusedBefore = min(g.RefusedBefore, g.RefusedBefore+learnWeight*(g.Refused-g.RefusedBefore))
	return g
}

// Accept moves the baseline towards the recent level: the copy is as slow as it gets, so what is seen now is not its doing.
func (g Gauge) Accept() Gauge {
	if g.Unseen {
		return g
	}
	g.Spread = g.Spread.follow(g.Recent.apart(g.Baseline), learnWeight)
	g.Baseline = g.Baseline.follow(g.Recent, learnWeight)
	g.RefusedBefore += learnWeight * (g.Refused - g.RefusedBefore)
	return g
}

// Strain is how much worse the server is off than at its baseline: 1 is as before, up to what single readings differed by then. A figure
// that the baseline lacks says nothing.
func (g Gauge) Strain() float64 {
	if g.Unseen {
		return strained
	}
	// A primary that gives up waiting for its secondaries is at its limit, unless it did so before.
	if g.Refused > 0.1 && g.RefusedBefore < g.Refused/10 {
		return severe
	}
	worst := 0.0
	for i, base := range g.Baseline {
		if i != sessions && (base == 0 || g.Recent[i] == 0) {
			continue
		}
		worst = max(worst, (g.Recent[i]+idle[i])/(base+min(g.Spread[i], base)+idle[i]))
	}
	return worst
}

func level(r Reading) Level {
	return Level{r.Running, r.Statement.Seconds(), r.Sync.Seconds(), r.Ack.Seconds()}
}

// follow moves a level towards another by a weight. What the other does not know stays, what only the other knows is taken.
func (l Level) follow(to Level, weight float64) Level {
	for i := range l {
		switch {
		case i != sessions && to[i] == 0:
		case i != sessions && l[i] == 0:
			l[i] = to[i]
		default:
			l[i] += weight * (to[i] - l[i])
		}
	}
	return l
}

// apart is how far two levels lie from each other, where both are known.
func (l Level) apart(from Level) Level {
	for i := range l {
		if i != sessions && (l[i] == 0 || from[i] == 0) {
			l[i] = 0
			continue
		}
		l[i] = math.Abs(l[i] - from[i])
	}
	return l
}
