package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// holder has a Text where printers cannot call its methods.
type holder struct{ hidden Text }

// TestTextIsNeverShown; internal/inventory and internal/mail show the same of the values that hold one.
func TestTextIsNeverShown(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.StringMatching(`[A-Za-z0-9]{24,32}`).Draw(rt, "value")
		text := New(value)
		require.Equal(rt, value, text.Reveal(), "a test that cannot see the secret proves nothing")
		var shown bytes.Buffer
		for _, v := range []any{text, &text, []Text{text}, holder{text}, &holder{text}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p"} {
				fmt.Fprintf(&shown, verb+"\n", v)
			}
			for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
				encoded, err := marshal(v)
				require.NoError(rt, err)
				shown.Write(encoded)
			}
			slog.New(slog.NewTextHandler(&shown, nil)).Info("text", "v", v)
			slog.New(slog.NewJSONHandler(&shown, nil)).Info("json", "v", v)
		}
		asXML, err := xml.Marshal(text)
		require.NoError(rt, err)
		shown.Write(asXML)
		assert.NotContains(rt, shown.String(), value)
		assert.NotContains(rt, shown.String(), fmt.Sprintf("%x", value))
		assert.NotContains(rt, shown.String(), fmt.Sprint([]byte(value)))
	})
}

func TestScrub(t *testing.T) {
	assert.Equal(t, "token [redacted] is bad, [redacted]", New("k3y").Scrub("token k3y is bad, k3y"))
	assert.Equal(t, "as it is", New("").Scrub("as it is"))
	assert.Equal(t, "as it is", Text{}.Scrub("as it is"))
}

func TestZeroTextIsEmpty(t *testing.T) {
	assert.True(t, Text{}.Empty())
	assert.Empty(t, Text{}.Reveal())
	assert.Equal(t, Redacted, fmt.Sprint(Text{}))
	assert.False(t, New("x").Empty())
}
