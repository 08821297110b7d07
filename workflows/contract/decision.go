package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Approve agrees to a plan. It is refused when the plan is another, when the cluster's name is wrong or when a decision has been made.
type Approve struct {
	// Plan is the ID of the plan that was seen.
	Plan string `json:"plan"`
	// Cluster is the cluster's name, typed once more.
	Cluster string `json:"cluster"`
	// By names who approves.
	By      string `json:"by,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// UnmarshalJSON wants nothing unknown: whoever writes "nodes" means to approve less than the whole plan, and would be taken to approve all.
func (a *Approve) UnmarshalJSON(data []byte) error {
	type plain Approve
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode((*plain)(a)); err != nil {
		return fmt.Errorf(`approve: %w; want for example {"plan":"PLAN_ID","cluster":"shop","by":"ann"}, which approves the whole plan`, err)
	}
	return nil
}

// Reject refuses a plan; the run ends with nothing changed.
type Reject struct {
	// Plan is the ID of the plan that was seen; empty rejects whatever plan awaits approval.
	Plan   string `json:"plan,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Pause keeps the run from beginning another node; nodes already begun are finished.
type Pause struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Resume ends a pause.
type Resume struct {
	By string `json:"by,omitempty"`
}

// Throttle changes the limit of every copy from now on, those under way included.
type Throttle struct {
	// MiBps is the limit in MiB/s, 0 to 1048576; 0 means no limit.
	MiBps int    `json:"mibps"`
	By    string `json:"by,omitempty"`
}

// UnmarshalJSON wants mibps and nothing unknown: a misspelled limit must not read as "no limit".
func (t *Throttle) UnmarshalJSON(data []byte) error {
	type plain Throttle
	var read struct {
		plain
		MiBps *int `json:"mibps"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return fmt.Errorf(`throttle: %w; want for example {"mibps":50}`, err)
	}
	if read.MiBps == nil {
		return errors.New(`throttle: mibps is missing; want for example {"mibps":50}, 0 for no limit`)
	}
	*t = Throttle(read.plain)
	t.MiBps = *read.MiBps
	return nil
}

// Abort gives one node up. Past its erase, its clone is killed, it stays fenced and is reported; before, it is released as it was.
type Abort struct {
	Node   string `json:"node"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Approval says how a plan was decided.
type Approval struct {
	Plan     string `json:"plan"`
	Approved bool   `json:"approved"`
	By       string `json:"by,omitempty"`
	Comment  string `json:"comment,omitempty"`
	// InAdvance is true when the consent came with the start.
	InAdvance bool      `json:"inAdvance"`
	At        time.Time `json:"at"`
}
