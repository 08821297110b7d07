package inventory

import "github.com/clusterresync/clusterresync/internal/secret"

// Secret is a password that shows itself to nobody but the caller of Reveal.
type Secret = secret.Text

// NewSecret wraps a password.
func NewSecret(value string) Secret { return secret.New(value) }
