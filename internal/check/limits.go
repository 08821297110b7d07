package check

import "time"

// Limits are what the checks of load and age judge by. Beyond any of them is a warning: whether the hour suits is a person's to say.
type Limits struct {
	// Young is how long the primary has to have been up: one that keeps restarting shows itself by being young.
	Young time.Duration
	// ErrorsWithin is how far back its error log is read.
	ErrorsWithin time.Duration
	// LongTransaction is how long a transaction may have been open.
	LongTransaction time.Duration
	// AtWork is how many sessions may be at work on it. gh-ost and pt-online-schema-change, which add less load than a clone, hold back at
	// 25 running threads.
	AtWork int
}

// DefaultLimits are those that ObserveAll sets.
func DefaultLimits() Limits {
	return Limits{Young: 5 * time.Minute, ErrorsWithin: time.Hour, LongTransaction: time.Minute, AtWork: 25}
}
