package mail

import (
	"strings"

	"github.com/clusterresync/clusterresync/internal/secret"
)

// Secret is a key that shows itself to nobody but the caller of Reveal.
type Secret = secret.Text

// NewSecret takes a key and drops the space around it, which files and environments tend to add.
func NewSecret(key string) Secret { return secret.New(strings.TrimSpace(key)) }
