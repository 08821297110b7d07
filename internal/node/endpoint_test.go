package node_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
)

func TestAnEndpointNeverShowsItsPassword(t *testing.T) {
	e := node.Endpoint{Name: "db1", Address: "h:1", User: "u", Password: "hunter2"}
	type holder struct {
		E node.Endpoint
		P *node.Endpoint
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{e, &e, holder{e, &e}, []node.Endpoint{e}} {
			require.NotContains(t, fmt.Sprintf(verb, v), "hunter2", "%s of %T", verb, v)
			require.NotContains(t, fmt.Sprintf(verb, v), fmt.Sprintf("%x", "hunter2"))
		}
	}
	j, err := json.Marshal(holder{e, &e})
	require.NoError(t, err)
	require.NotContains(t, string(j), "hunter2")
}

func TestOpenRefusesABadEndpoint(t *testing.T) {
	for name, e := range map[string]node.Endpoint{
		"no name":          {Address: "h:1"},
		"no port":          {Name: "a", Address: "h"},
		"bad peer":         {Name: "a", Address: "h:1", PeerAddress: "h"},
		"comma in value":   {Name: "a", Address: "h:1", Attributes: map[string]string{"k": "a,b"}},
		"colon in a key":   {Name: "a", Address: "h:1", Attributes: map[string]string{"k:x": "a"}},
		"comma in the key": {Name: "a", Address: "h:1", Attributes: map[string]string{"k,x": "a"}},
	} {
		_, err := node.Open(e)
		require.Error(t, err, name)
	}
}
