package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/clusterresync/clusterresync/internal/clone"
	"github.com/clusterresync/clusterresync/internal/erasure"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// stage is a primary full of data, and a fenced secondary to copy it to as often as wanted.
type stage struct {
	folder    string
	cluster   *sandbox.Cluster
	primary   *node.Node
	recipient *node.Node
	claim     node.ClaimOptions
	donor     string
	account   clone.Account
}

func open(ctx context.Context, mib int) (s *stage, err error) {
	folder, err := os.MkdirTemp("", "clusterresync-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s = &stage{folder: folder}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.cluster, err = sandbox.Up(ctx, sandbox.Options{Folder: folder, Tied: true, Say: say, Nodes: []sandbox.NodeOptions{{BufferPoolMiB: 256}, {}}})
	if err != nil {
		return nil, err
	}
	primary, secondary := s.cluster.Primary(), s.cluster.Nodes[1]
	if s.primary, err = s.node(primary); err != nil {
		return nil, err
	}
	if s.recipient, err = s.node(secondary); err != nil {
		return nil, err
	}
	identities := map[*node.Node]string{}
	for _, n := range []*node.Node{s.primary, s.recipient} {
		identity, err := n.Identity(ctx)
		if err != nil {
			return nil, err
		}
		identities[n] = identity.UUID
	}
	s.claim = node.ClaimOptions{
		ExpectUUID: identities[s.recipient], ExpectPrimaryUUID: identities[s.primary],
		Primary: func(ctx context.Context) (string, error) {
			identity, err := s.primary.Identity(ctx)
			return identity.UUID, err
		},
		StillCurrent: func(context.Context) error { return nil },
		Cluster:      s.cluster.Name, Run: "bench-throttle",
	}
	s.donor = primary.PeerAddress()
	s.account = clone.Account{User: s.cluster.Accounts.Donor.User, Password: s.cluster.Accounts.Donor.Password.Reveal()}
	say("filling the primary with %d MiB", mib)
	if err := fill(ctx, primary, mib); err != nil {
		return nil, err
	}
	claim, err := s.recipient.Claim(ctx, s.claim)
	if err != nil {
		return nil, err
	}
	defer claim.Close()
	_, err = fence.Raise(ctx, claim)
	return s, err
}

func (s *stage) node(n *sandbox.Node) (*node.Node, error) {
	return node.Open(node.Endpoint{
		Name: n.Name, Address: n.WorkerAddress(), PeerAddress: n.PeerAddress(),
		User: s.cluster.Accounts.Admin.User, Password: s.cluster.Accounts.Admin.Password.Reveal(),
	})
}

func (s *stage) close() {
	for _, n := range []*node.Node{s.primary, s.recipient} {
		if n != nil {
			_ = n.Close()
		}
	}
	if s.cluster != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.cluster.Down(ctx, sandbox.DownOptions{Now: true}); err != nil {
			fmt.Fprintln(os.Stderr, "bench-throttle:", err)
		}
	}
	_ = os.Remove(s.folder) // only if it is empty
}

// fill makes tables of blobs. They are written past the binary log: the secondary gets them as copies, which is what is measured.
func fill(ctx context.Context, primary *sandbox.Node, mib int) error {
	const tables, row = 8, 60_000
	statements := []string{"SET SESSION sql_log_bin = 0", "CREATE DATABASE bulk"}
	// InnoDB stores 60,000 bytes in four pages of 16 KiB.
	rows := mib * (1 << 20) / (4 << 14) / tables
	for i := range tables {
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE bulk.t%d (id INT PRIMARY KEY AUTO_INCREMENT, b MEDIUMBLOB)", i),
			fmt.Sprintf("INSERT INTO bulk.t%d (b) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < %d) "+
				"SELECT REPEAT(RANDOM_BYTES(1000), %d) FROM n", i, rows, row/1000))
	}
	statements = append([]string{"SET SESSION cte_max_recursion_depth = 1000000"}, statements...)
	return primary.Exec(ctx, statements...)
}

// copied is one whole copy.
type copied struct {
	began, ended time.Time
	bytes        int64
	// copying is how long the stages that move bytes took, by the recipient's own record.
	copying time.Duration
}

func (c copied) mibps() float64 { return float64(c.bytes) / (1 << 20) / c.copying.Seconds() }

// copy erases the secondary and refills it.
func (s *stage) copy(ctx context.Context, o clone.Options, onProgress func(clone.Progress)) (copied, error) {
	claim, err := s.recipient.Claim(ctx, s.claim)
	if err != nil {
		return copied{}, err
	}
	defer claim.Close()
	if _, err := erasure.Erase(ctx, claim, erasure.Options{}); err != nil {
		return copied{}, err
	}
	before, err := clone.UTCNow(ctx, s.recipient)
	if err != nil {
		return copied{}, err
	}
	c := copied{began: time.Now()}
	if _, err := clone.Run(ctx, claim, s.recipient, s.donor, s.account, o, onProgress); err != nil {
		return c, err
	}
	c.ended = time.Now()
	status, err := clone.WaitOutRestart(ctx, s.recipient, s.donor, before, nil)
	if err != nil {
		return c, err
	}
	for _, stage := range status.Stages {
		c.bytes += stage.Data
	}
	var seconds float64
	err = node.One(ctx, s.recipient, "read how long it copied", `SELECT TIMESTAMPDIFF(MICROSECOND, MIN(BEGIN_TIME), MAX(END_TIME)) / 1e6
FROM performance_schema.clone_progress WHERE STAGE IN ('FILE COPY', 'PAGE COPY', 'REDO COPY')`, nil, &seconds)
	c.copying = time.Duration(seconds * float64(time.Second))
	return c, err
}
