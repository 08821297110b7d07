package inventory

// Service is the declared state in which a node serves as a secondary. A run sets exactly this when it returns a node, never a copy of
// what it found, which may have been fenced or accidental.
type Service struct {
	ReadOnly       bool      `json:"readOnly"`
	SuperReadOnly  bool      `json:"superReadOnly"`
	EventScheduler Scheduler `json:"eventScheduler"`
}

// Scheduler is the declared value of event_scheduler.
type Scheduler string

// The values of event_scheduler.
const (
	SchedulerOff Scheduler = "off"
	SchedulerOn  Scheduler = "on"
	// SchedulerDisabled means that the server is started with it. It cannot be set while a server runs (MySQL manual: event_scheduler).
	SchedulerDisabled Scheduler = "disabled"
)

// defaultService keeps every write but the channel's away from a secondary.
var defaultService = Service{ReadOnly: true, SuperReadOnly: true, EventScheduler: SchedulerOff}

// Supervision says whether something starts mysqld again after it exits, as a clone needs at its end: without, the clone ends in error
// 3707 with the data complete and the server down.
type Supervision string

// What the operator may declare.
const (
	SupervisionUnknown Supervision = "unknown"
	Supervised         Supervision = "yes"
	Unsupervised       Supervision = "no"
)
