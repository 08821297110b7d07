package channel

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
)

// Event is a scheduled event of the server.
type Event struct {
	Schema, Name string
	// DefinerUser and DefinerHost are the account it runs as, which may no longer exist.
	DefinerUser, DefinerHost string

	charset, collation string
	statement          string // in that character set
}

// DisableEvents marks every ENABLED event as belonging to the source (DISABLE ON REPLICA), as replication itself would have done:
// a clone of a primary brings them enabled, and they would write on the secondary. Definer, schedule, body, SQL mode, time
// zone and character set stay as they are. It must run behind our fence, whose event_scheduler=OFF keeps them from running
// before. It may be run again. It returns what it disabled.
func DisableEvents(ctx context.Context, c *node.Claim) (disabled []Event, err error) {
	if err := fence.Hold(ctx, c); err != nil {
		return nil, err
	}
	events, err := enabledEvents(ctx, c)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	for i := range events { // while the session still is in its own character set
		if events[i].statement, err = events[i].encode(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := c.Exec(ctx, "keep the events' change out of the binary log", "SET SESSION sql_log_bin = 0"); err != nil {
		return nil, err
	}
	var client, collation string
	if err := node.One(ctx, c, "read the session's character set", "SELECT @@character_set_client, @@collation_connection", nil, &client, &collation); err != nil {
		return nil, err
	}
	// ALTER EVENT under super_read_only is refused with 1290 (measured on 9.7); the fence keeps everybody else out meanwhile.
	if err := c.Exec(ctx, "allow the events' change", "SET GLOBAL super_read_only = OFF"); err != nil {
		return nil, err
	}
	defer func() {
		ctx := context.WithoutCancel(ctx)
		for _, back := range []error{
			c.Exec(ctx, "refuse writes again", "SET GLOBAL super_read_only = ON"),
			setCharset(ctx, c, client, collation),
			c.Exec(ctx, "write the binary log again", "SET SESSION sql_log_bin = 1"),
		} {
			if err == nil {
				err = back
			}
		}
	}()
	for _, e := range events {
		if err := disable(ctx, c, e); err != nil {
			return disabled, err
		}
		disabled = append(disabled, e)
	}
	left, err := enabledEvents(ctx, c)
	if err == nil && len(left) > 0 {
		err = node.Wrap(c.Name(), "verify the events", fmt.Errorf("event %s.%s is still enabled", left[0].Schema, left[0].Name))
	}
	return disabled, err
}

func enabledEvents(ctx context.Context, r node.Reader) ([]Event, error) {
	var events []Event
	err := node.Each(ctx, r, "list the enabled events",
		"SELECT EVENT_SCHEMA, EVENT_NAME, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION FROM information_schema.EVENTS WHERE STATUS = 'ENABLED' ORDER BY 1, 2", nil,
		func(scan func(...any) error) error {
			var e Event
			var definer string
			if err := scan(&e.Schema, &e.Name, &definer, &e.charset, &e.collation); err != nil {
				return err
			}
			at := strings.LastIndexByte(definer, '@') // a user may hold one, a host may not
			if at < 0 {
				return fmt.Errorf("event %s.%s: definer %q is no account", e.Schema, e.Name, definer)
			}
			e.DefinerUser, e.DefinerHost = definer[:at], definer[at+1:]
			events = append(events, e)
			return nil
		})
	return events, err
}

// disable alters one event. ALTER EVENT writes the session's character set and collation into the event (measured on 9.7),
// so the session takes on the event's for the while.
func disable(ctx context.Context, c *node.Claim, e Event) error {
	if err := setCharset(ctx, c, e.charset, e.collation); err != nil {
		return err
	}
	return c.Exec(ctx, fmt.Sprintf("disable event %s.%s", e.Schema, e.Name), e.statement)
}

var charsetName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func setCharset(ctx context.Context, c *node.Claim, client, collation string) error {
	if !charsetName.MatchString(client) || !charsetName.MatchString(collation) {
		return node.Wrap(c.Name(), "set the session's character set", fmt.Errorf("%q, %q are no names of a character set and a collation", client, collation))
	}
	return c.Exec(ctx, "set the session's character set", "SET character_set_client = "+client+", collation_connection = "+collation)
}

// encode writes the statement that disables the event in the event's character set, in which the session will be read. Without
// DEFINER the caller would become the definer (measured on 9.7).
func (e Event) encode(ctx context.Context, c *node.Claim) (string, error) {
	const doing = "encode a statement"
	statement := fmt.Sprintf("ALTER DEFINER=%s@%s EVENT %s.%s %s",
		node.Quote(e.DefinerUser), node.Quote(e.DefinerHost), node.Quote(e.Schema), node.Quote(e.Name), c.Version().DisableOnReplica())
	if isASCII(statement) {
		return statement, nil
	}
	if !charsetName.MatchString(e.charset) {
		return "", node.Wrap(c.Name(), doing, fmt.Errorf("%q is no name of a character set", e.charset))
	}
	var digits string
	var faithful bool
	err := node.One(ctx, c, doing, "SELECT HEX(CONVERT(? USING "+e.charset+")), CONVERT(CONVERT(? USING "+e.charset+") USING utf8mb4) = BINARY ?",
		[]any{statement, statement, statement}, &digits, &faithful)
	if err != nil {
		return "", err
	}
	if !faithful {
		return "", node.Wrap(c.Name(), doing, fmt.Errorf("%s cannot be written in %s, the character set of the event", statement, e.charset))
	}
	raw, err := hex.DecodeString(digits)
	return string(raw), node.Wrap(c.Name(), doing, err)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
