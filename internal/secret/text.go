// Package secret holds texts that must not be shown: passwords and keys. It knows how printers, loggers and encoders look at a value,
// and nothing of where secrets come from or what they open.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Redacted stands wherever a secret would.
const Redacted = "[redacted]"

// Text is a secret. However it is printed, logged or encoded, it shows as Redacted; Reveal alone gives it. The zero value is empty.
//
// The value is held in a function: fmt and other printers that look into unexported fields of other structs by reflection, where they
// do not call a type's methods, then show an address.
type Text struct {
	reveal func() string
}

// New wraps a secret as it is.
func New(value string) Text {
	return Text{reveal: func() string { return value }}
}

// Reveal gives the secret. Hand it to the server that it is for and to nothing else.
func (t Text) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// Empty reports whether there is no secret.
func (t Text) Empty() bool { return t.Reveal() == "" }

// Scrub takes the secret out of what somebody else wrote, such as an answer that echoes the request.
func (t Text) Scrub(written string) string {
	if t.Empty() {
		return written
	}
	return strings.ReplaceAll(written, t.Reveal(), Redacted)
}

// Format hides the secret from every verb of fmt.
func (t Text) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, Redacted) }

// String hides the secret.
func (t Text) String() string { return Redacted }

// GoString hides the secret.
func (t Text) GoString() string { return Redacted }

// LogValue hides the secret from slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText hides the secret from every encoder of text, JSON and XML among them.
func (t Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON hides the secret.
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalYAML hides the secret.
func (t Text) MarshalYAML() (any, error) { return Redacted, nil }
