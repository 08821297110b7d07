package pressure

import "time"

// Level is how hard a server works.
type Level struct {
	Running float64 `json:"running"`
	// Statement, Sync and Ack as in Reading; 0 while not known.
	Statement time.Duration `json:"statement,omitempty"`
	Sync      time.Duration `json:"sync,omitempty"`
	Ack       time.Duration `json:"ack,omitempty"`
	// Refused is how many commits a reading had that no secondary acknowledged.
	Refused float64 `json:"refused,omitempty"`
}

// Gauge compares a server's level with its baseline. Its zero value knows nothing yet. It is a value; its JSON is all of it.
type Gauge struct {
	Baseline Level `json:"baseline"`
	// Recent is the level over the last few readings.
	Recent Level `json:"recent"`
	// Readings is how many were taken.
	Readings int `json:"readings"`
	// Unseen says that the last look failed.
	Unseen bool `json:"unseen,omitempty"`
}

const (
	// recentWeight of a reading in the recent level: half of it is of the last two readings.
	recentWeight = 0.4
	// learnWeight is how fast the baseline follows where it may.
	learnWeight = 0.1
)

// Learn takes a reading as one of the baseline: nothing is copied yet.
func (g Gauge) Learn(r Reading) Gauge {
	g = g.Take(r)
	if !r.Unseen {
		g.Baseline = follow(g.Baseline, level(r), 1/float64(g.Readings))
	}
	return g
}

// Take takes a reading while something is copied. What has become calmer than the baseline slowly becomes the baseline.
func (g Gauge) Take(r Reading) Gauge {
	g.Unseen = r.Unseen
	if r.Unseen {
		return g
	}
	g.Readings++
	weight := recentWeight
	if g.Readings == 1 {
		weight = 1
	}
	g.Recent = follow(g.Recent, level(r), weight)
	lower := follow(g.Baseline, g.Recent, learnWeight)
	g.Baseline.Running = min(g.Baseline.Running, lower.Running)
	g.Baseline.Refused = min(g.Baseline.Refused, lower.Refused)
	g.Baseline.Statement = calmer(g.Baseline.Statement, g.Recent.Statement)
	g.Baseline.Sync = calmer(g.Baseline.Sync, g.Recent.Sync)
	g.Baseline.Ack = calmer(g.Baseline.Ack, g.Recent.Ack)
	return g
}

// Accept moves the baseline towards the recent level: the copy is as slow as it gets, so what is seen now is not its doing.
func (g Gauge) Accept() Gauge {
	if !g.Unseen {
		g.Baseline = follow(g.Baseline, g.Recent, learnWeight)
	}
	return g
}

// What a figure may vary by without meaning anything, added to both sides of a comparison.
const (
	idleRunning   = 4
	idleStatement = 2 * time.Millisecond
	idleWait      = time.Millisecond
)

// Strain is how much worse the server is off than at its baseline: 1 is as before. A figure that the baseline lacks says nothing.
func (g Gauge) Strain() float64 {
	if g.Unseen {
		return strained
	}
	// A primary that gives up waiting for its secondaries is at its limit, unless it did so before.
	if g.Recent.Refused > 0.1 && g.Baseline.Refused < g.Recent.Refused/10 {
		return severe
	}
	worst := (g.Recent.Running + idleRunning) / (g.Baseline.Running + idleRunning)
	for _, figure := range []struct{ base, now, idle time.Duration }{
		{g.Baseline.Statement, g.Recent.Statement, idleStatement},
		{g.Baseline.Sync, g.Recent.Sync, idleWait},
		{g.Baseline.Ack, g.Recent.Ack, idleWait},
	} {
		if figure.base > 0 && figure.now > 0 {
			worst = max(worst, float64(figure.now+figure.idle)/float64(figure.base+figure.idle))
		}
	}
	return worst
}

func level(r Reading) Level {
	return Level{Running: r.Running, Statement: r.Statement, Sync: r.Sync, Ack: r.Ack, Refused: float64(r.Unacknowledged)}
}

// follow moves a level towards another by a weight. What the other does not know stays, what only the other knows is taken.
func follow(from, to Level, weight float64) Level {
	return Level{
		Running:   from.Running + weight*(to.Running-from.Running),
		Statement: followTime(from.Statement, to.Statement, weight),
		Sync:      followTime(from.Sync, to.Sync, weight),
		Ack:       followTime(from.Ack, to.Ack, weight),
		Refused:   from.Refused + weight*(to.Refused-from.Refused),
	}
}

func followTime(from, to time.Duration, weight float64) time.Duration {
	switch {
	case to == 0:
		return from
	case from == 0:
		return to
	}
	return from + time.Duration(weight*float64(to-from))
}

func calmer(base, now time.Duration) time.Duration {
	if base == 0 || now == 0 || now >= base {
		return base
	}
	return followTime(base, now, learnWeight)
}
