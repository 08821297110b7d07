package demo

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"time"

	"mime"

	"go.temporal.io/sdk/client"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/shop"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// look compares every node with the primary by the server's own CHECKSUM TABLE, once nothing writes any more.
func (s *story) look(ctx context.Context) error {
	stats := s.writer.Stop()
	s.say("the writer: %s", stats)
	primary, err := s.cluster.Primary().DB()
	if err != nil {
		return err
	}
	resume, err := shop.PauseEvents(ctx, primary)
	if err != nil {
		return err
	}
	defer func() { _ = resume(context.WithoutCancel(ctx)) }()
	want, err := shop.Checksums(ctx, primary)
	if err != nil {
		return err
	}
	if len(want) == 0 {
		return errors.New("the primary has no tables")
	}
	for _, node := range s.cluster.Secondaries() {
		if err := s.caughtUp(ctx, node); err != nil {
			return err
		}
		db, err := node.DB()
		if err != nil {
			return err
		}
		got, err := shop.Checksums(ctx, db)
		if err != nil {
			return err
		}
		if differences := shop.Diff(want, got); len(differences) > 0 {
			return fmt.Errorf("%s differs from the primary in %d tables, first %s", node.Name, len(differences), differences[0])
		}
		if err := shop.CheckLedger(ctx, db, stats); err != nil {
			return fmt.Errorf("%s: %w", node.Name, err)
		}
		s.say("%s: all %d tables equal to the primary's, every acknowledged transaction there", node.Name, len(got))
	}
	return nil
}

// caughtUp waits until a secondary has executed what the primary has executed now.
func (s *story) caughtUp(ctx context.Context, node *sandbox.Node) error {
	gtids, err := s.cluster.Primary().QueryString(ctx, "SELECT @@gtid_executed")
	if err != nil {
		return err
	}
	timedOut, err := node.QueryString(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 120)", gtids)
	if err != nil {
		return err
	}
	if timedOut != "0" {
		return fmt.Errorf("%s did not catch up with the primary", node.Name)
	}
	return nil
}

// planID asks for the plan once more, as a program would: its ID binds the consent to it.
func (s *story) planID(ctx context.Context) (string, error) {
	temporal, err := client.Dial(client.Options{HostPort: s.cluster.Temporal.Address()})
	if err != nil {
		return "", err
	}
	defer temporal.Close()
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fmt.Sprintf("demo-plan-%d", time.Now().UnixNano()), TaskQueue: contract.DefaultTaskQueue,
	}, contract.WorkflowResyncCluster, contract.Request{
		Cluster: cluster, Mode: contract.ModePlan, UnreplicatedWrites: contract.UnreplicatedDiscard,
	})
	if err != nil {
		return "", err
	}
	var report contract.Report
	if err := run.Get(ctx, &report); err != nil {
		return "", err
	}
	return report.Plan.ID, nil
}

// subject reads a mail's subject.
func subject(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	message, err := mail.ReadMessage(file)
	if err != nil {
		return err.Error()
	}
	decoded, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return err.Error()
	}
	return decoded
}
