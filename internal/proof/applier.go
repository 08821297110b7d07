package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// channel is what SHOW REPLICA STATUS says of one replication channel (MySQL 8.0.22 and later).
type channel struct {
	name         string
	sourceUUID   string
	receiver     string // Replica_IO_Running: Yes, No, Connecting
	applier      bool   // Replica_SQL_Running
	receiverErr  string
	applierErr   string
	until        string // Until_Condition: None, SQL_AFTER_GTIDS, ...
	delaySeconds string
}

func readChannels(ctx context.Context, node string, conn *sql.Conn) ([]channel, error) {
	rows, err := conn.QueryContext(ctx, "SHOW REPLICA STATUS")
	if err != nil {
		return nil, nodeError(ctx, node, "SHOW REPLICA STATUS", err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, nodeError(ctx, node, "SHOW REPLICA STATUS", err)
	}
	var out []channel
	values := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, nodeError(ctx, node, "SHOW REPLICA STATUS", err)
		}
		var c channel
		for i, name := range names {
			switch v := values[i].String; name {
			case "Channel_Name":
				c.name = v
			case "Source_UUID":
				c.sourceUUID = v
			case "Replica_IO_Running":
				c.receiver = v
			case "Replica_SQL_Running":
				c.applier = v == "Yes"
			case "Last_IO_Error":
				c.receiverErr = v
			case "Last_SQL_Error":
				c.applierErr = v
			case "Until_Condition":
				c.until = v
			case "SQL_Delay":
				c.delaySeconds = v
			}
		}
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		return nil, nodeError(ctx, node, "SHOW REPLICA STATUS", err)
	}
	for i, c := range out {
		if c.applierErr == "" {
			continue
		}
		// With several workers the status only points to this table.
		var detail sql.NullString
		err := conn.QueryRowContext(ctx, `SELECT CONCAT('error ', LAST_ERROR_NUMBER, ': ', LAST_ERROR_MESSAGE)
			FROM performance_schema.replication_applier_status_by_worker WHERE CHANNEL_NAME=? AND LAST_ERROR_NUMBER<>0
			ORDER BY LAST_ERROR_TIMESTAMP LIMIT 1`, c.name).Scan(&detail)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, nodeError(ctx, node, "read the applier's error", err)
		}
		if detail.Valid {
			out[i].applierErr = detail.String
		}
	}
	return out, nil
}

// heldByProof says that the applier carries, or stopped at, a limit that only a proof sets.
func (c channel) heldByProof() bool { return c.until == "SQL_AFTER_GTIDS" }

// trouble says in one sentence what keeps the channel from going on, or nothing.
func (c channel) trouble() string {
	switch {
	case c.applierErr != "":
		return "its applier stopped: " + c.applierErr
	case !c.applier:
		return "its applier is stopped; START REPLICA SQL_THREAD"
	case c.receiver != "Yes" && c.receiverErr != "":
		return "its receiver does not run: " + c.receiverErr
	case c.receiver == "No":
		return "its receiver is stopped; START REPLICA IO_THREAD"
	}
	return ""
}

func forChannel(name string) string {
	return " FOR CHANNEL '" + strings.ReplaceAll(name, "'", "''") + "'"
}

// resumeBound bounds how long the applier's restart may take after the caller was cancelled.
const resumeBound = 30 * time.Second

// EnsureApplier starts every applier of a secondary that an attempt which died left stopped, and takes away the limit that it set.
// An applier that stopped with an error is left alone and is an error here. Call it wherever an earlier attempt may have died in
// the middle of a proof. A plain stop looks the same whether an operator made it or a proof that died right after its STOP: it is
// undone only if the caller says that a proof may have died.
func EnsureApplier(ctx context.Context, secondary Side, mayHaveDied bool) error {
	conn, err := secondary.DB.Conn(ctx)
	if err != nil {
		return nodeError(ctx, secondary.Name, "connect", err)
	}
	defer conn.Close()
	channels, err := readChannels(ctx, secondary.Name, conn)
	if err != nil {
		return err
	}
	for _, c := range channels {
		if c.applierErr != "" {
			return fmt.Errorf("%s: channel %q: %s: %w", secondary.Name, c.name, c.trouble(), ErrNotReplicating)
		}
		if !c.heldByProof() && (c.applier || !mayHaveDied) {
			continue
		}
		if err := restartApplier(ctx, secondary.Name, conn, c.name); err != nil {
			return err
		}
	}
	return nil
}

// restartApplier stops the applier first: a START of one that runs towards a limit would leave it the limit.
func restartApplier(ctx context.Context, node string, conn *sql.Conn, name string) error {
	for _, verb := range []string{"STOP", "START"} {
		if _, err := conn.ExecContext(ctx, verb+" REPLICA SQL_THREAD"+forChannel(name)); err != nil {
			return nodeError(ctx, node, verb+" REPLICA SQL_THREAD", err)
		}
	}
	return nil
}

// hold is one pause of a secondary's applier.
type hold struct {
	replica *replica
	began   time.Time
	beyond  string // transactions that the snapshots show beyond the pair's set
}

// stopApplier begins a hold. The caller must call release on every path, also when this fails: the STOP may have been done.
func (r *replica) stopApplier(ctx context.Context) (*hold, error) {
	h := &hold{replica: r, began: time.Now()}
	_, err := r.control.conn.ExecContext(ctx, "STOP REPLICA SQL_THREAD"+forChannel(r.channel))
	return h, nodeError(ctx, r.name, "STOP REPLICA SQL_THREAD", err)
}

// applyUpTo lets the stopped applier go on to exactly the set, and waits until it stopped there. Measured on 9.7 with four workers:
// it stops exactly, lagging or not.
func (h *hold) applyUpTo(ctx context.Context, gtids string, bound time.Duration) error {
	r := h.replica
	reached, err := r.has(ctx, gtids)
	if err != nil || reached {
		return err
	}
	if _, err := r.control.conn.ExecContext(ctx, "START REPLICA SQL_THREAD UNTIL SQL_AFTER_GTIDS = '"+gtids+"'"+forChannel(r.channel)); err != nil {
		return nodeError(ctx, r.name, "START REPLICA SQL_THREAD UNTIL", err)
	}
	deadline := time.Now().Add(bound)
	for {
		if _, err := r.waitFor(ctx, gtids, time.Second); err != nil {
			return err
		}
		c, err := r.status(ctx)
		if err != nil {
			return err
		}
		if !c.applier {
			if c.applierErr != "" {
				return fmt.Errorf("%s: channel %q: %s: %w", r.name, r.channel, c.trouble(), ErrNotReplicating)
			}
			reached, err := r.has(ctx, gtids)
			if err != nil || reached {
				return err
			}
			return fmt.Errorf("%s: the applier stopped before it reached its limit, without an error: somebody else stopped it: %w", r.name, ErrNotReplicating)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the applier did not reach the primary's transactions within %v: %w", r.name, bound, ErrBehind)
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// release starts the applier again, whatever became of ctx, and gives the length of the pause.
func (h *hold) release(ctx context.Context) (time.Duration, error) {
	r := h.replica
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resumeBound)
	defer cancel()
	err := restartApplier(ctx, r.name, r.control.conn, r.channel)
	for try := 0; err != nil && try < 3; try++ {
		// The control connection may have died with the caller's context; any other does as well.
		conn, connErr := r.db.Conn(ctx)
		if connErr != nil {
			err = errors.Join(err, connErr)
			if pause(ctx, 200*time.Millisecond) != nil {
				break
			}
			continue
		}
		err = restartApplier(ctx, r.name, conn, r.channel)
		_ = conn.Close()
	}
	if err != nil {
		err = fmt.Errorf("%s: the applier of channel %q may still be stopped; START REPLICA SQL_THREAD%s: %w", r.name, r.channel, forChannel(r.channel), err)
	}
	return time.Since(h.began), err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
