package clone

import "time"

// Progress is one look at a running clone.
type Progress struct {
	// Stage that is in progress, or the last one begun.
	Stage string
	// Bytes copied and Total expected, over file, page and redo copy. Total may grow a little.
	Bytes, Total int64
	// MiBps is the rate over the last seconds; 0 while nothing moves or before two looks.
	MiBps float64
	// CeilingMiBps is the limit that was asked for, LimitMiBps the one that holds now: lower while Options.Adapt says so. 0 is none.
	CeilingMiBps, LimitMiBps int
	// Elapsed since the clone began, by the watcher's clock.
	Elapsed time.Duration
}

// rateWindow is long enough to even out the chunks in which DATA advances (it stands still for about 1 s at 30 MB/s,
// measured on 9.7).
const rateWindow = 10 * time.Second

// meter turns looks at the status into progress.
type meter struct {
	begin   time.Time
	samples []sample
	// changed is when the bytes or the stage last moved.
	changed time.Time
	last    Progress
}

type sample struct {
	at    time.Time
	bytes int64
}

func newMeter(now time.Time) *meter { return &meter{begin: now, changed: now} }

func (m *meter) look(s Status, now time.Time) Progress {
	p := Progress{Elapsed: now.Sub(m.begin)}
	for _, stage := range s.Stages {
		if stage.State != NotStarted && stage.State != "" {
			p.Stage = stage.Name
		}
		if copies(stage.Name) {
			p.Bytes += stage.Data
			p.Total += max(stage.Estimate, stage.Data)
		}
	}
	if p.Bytes != m.last.Bytes || p.Stage != m.last.Stage {
		m.changed = now
	}
	m.samples = append(m.samples, sample{now, p.Bytes})
	for len(m.samples) > 2 && now.Sub(m.samples[0].at) > rateWindow {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	if seconds := now.Sub(first.at).Seconds(); seconds > 0 && p.Bytes > first.bytes {
		p.MiBps = float64(p.Bytes-first.bytes) / (1 << 20) / seconds
	}
	m.last = p
	return p
}

// stalledFor is how long no byte has moved in a stage that copies. Dropping, syncing and restarting move none by nature.
func (m *meter) stalledFor(now time.Time) time.Duration {
	if !copies(m.last.Stage) {
		return 0
	}
	return now.Sub(m.changed)
}

func copies(stage string) bool {
	return stage == StageFileCopy || stage == StagePageCopy || stage == StageRedoCopy
}
