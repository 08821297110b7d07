package node_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/node"
)

func TestTrouble(t *testing.T) {
	workers := []node.WorkerError{{Worker: 3, Errno: 1062, Text: "duplicate"}, {Worker: 1, Errno: 3030, Text: "another stopped"}}
	for name, c := range map[string]struct {
		channel node.Channel
		want    string
	}{
		"following":               {node.Channel{IO: "Yes", SQL: true}, ""},
		"connecting":              {node.Channel{IO: "Connecting", SQL: true}, ""},
		"a receiver that healed":  {node.Channel{IO: "Yes", SQL: true, IOErrno: 2003, IOError: "no route"}, ""},
		"a worker's error":        {node.Channel{IO: "Yes", SQLErrno: 1062, SQLError: "see the workers", Workers: workers}, "applier stopped by error 1062: duplicate"},
		"the coordinator's error": {node.Channel{IO: "Yes", SQLErrno: 1146, SQLError: "no table"}, "applier stopped by error 1146: no table"},
		"both threads failed":     {node.Channel{IO: "No", IOErrno: 13114, IOError: "purged", Workers: workers}, "applier stopped by error 1062: duplicate"},
		"the receiver failed":     {node.Channel{IO: "No", SQL: true, IOErrno: 13114, IOError: "purged"}, "receiver stopped by error 13114: purged"},
		"the receiver retries":    {node.Channel{IO: "Connecting", SQL: true, IOErrno: 2003, IOError: "no route"}, "receiver cannot connect, error 2003: no route"},
		"an error and a stop":     {node.Channel{IO: "No", IOErrno: 13114, IOError: "purged"}, "receiver stopped by error 13114: purged"},
		"both stopped":            {node.Channel{IO: "No"}, "replication stopped"},
		"the applier stopped":     {node.Channel{IO: "Connecting"}, "applier stopped"},
		"the receiver stopped":    {node.Channel{IO: "No", SQL: true}, "receiver stopped"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.channel.Trouble()) })
	}
}
