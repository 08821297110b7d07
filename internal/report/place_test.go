package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQuotedWordsAreOneShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"resync/shop": "resync/shop", "resync/shop-2026-11-22T19:19:47Z": "resync/shop-2026-11-22T19:19:47Z",
		"two words": "'two words'", "it's": `'it'\''s'`, "$(id)": "'$(id)'", "": "''", "-rf": "'-rf'",
	} {
		assert.Equal(t, want, Quoted(word))
	}
}
