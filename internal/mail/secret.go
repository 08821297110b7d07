package mail

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// Secret is a text that no verb of fmt, no encoder and no logger shows. It holds a pointer, because fmt does not ask the methods of a
// value in an unexported field, and would print a string there.
type Secret struct{ text *string }

// NewSecret takes a text and drops the space around it, which files and environments tend to add.
func NewSecret(text string) Secret {
	text = strings.TrimSpace(text)
	return Secret{&text}
}

func (s Secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s.reveal() == "" }

// Format writes a placeholder, whatever the verb.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// String is a placeholder.
func (s Secret) String() string { return redacted }

// MarshalText writes a placeholder; JSON and YAML use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue is a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// scrub removes the secret from a text that somebody else wrote, such as an answer that echoes the request.
func (s Secret) scrub(text string) string {
	if s.Empty() {
		return text
	}
	return strings.ReplaceAll(text, s.reveal(), redacted)
}
