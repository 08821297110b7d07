package contract

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a time.Duration written as Go writes it: "90s", "5m", "24h".
type Duration time.Duration

// Std is the duration as the standard library knows it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the JSON form without its quotes.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the duration as a string such as "5m0s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a string such as "5m".
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf(`want a duration such as "5m", got %s`, data)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf(`want a duration such as "5m", got %q`, text)
	}
	*d = Duration(parsed)
	return nil
}
