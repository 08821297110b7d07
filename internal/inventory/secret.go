package inventory

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a password. However it is printed, logged or encoded, it shows as "[redacted]"; Reveal alone gives it.
//
// The value is held in a function: fmt and other printers that look into unexported fields of other structs by reflection, where they
// do not call a type's methods, then show an address.
type Secret struct {
	reveal func() string
}

// NewSecret wraps a password.
func NewSecret(value string) Secret {
	return Secret{reveal: func() string { return value }}
}

// Reveal gives the password. Hand it to the server and to nothing else.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Format hides the password from every verb of fmt.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// String hides the password.
func (s Secret) String() string { return redacted }

// GoString hides the password.
func (s Secret) GoString() string { return redacted }

// LogValue hides the password from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the password from every encoder of text, JSON and XML among them.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the password.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML hides the password.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }
