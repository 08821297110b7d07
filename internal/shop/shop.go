// Package shop is the data of the demo and of the tests on real servers: two schemas with every kind of object that a
// copy can get wrong (Create), a load that never stops writing (Writer), ways to make a secondary differ from its
// primary (Harm...), and a look at all rows that shares no code with the product's own proof (Checksums).
//
// It speaks to servers through the *sql.DB that it is given and knows nothing of clusters, inventories or how a server
// was started. Nothing in it is needed, or may be used, to resync a cluster. Its statements work on MySQL 8.0.27 and
// later; they have been run on 9.7.
package shop

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strings"
)

// The accounts that Create makes. Owner and Events define programs and are locked; App and Report log in with the
// password of Options from any host.
const (
	AppUser    = "shop_app"    // holds the role shop_write: what a Writer needs
	ReportUser = "shop_report" // may read some columns of shop.customers and the views
	OwnerUser  = "shop_owner"  // definer of views, routines and triggers
	EventsUser = "shop_events" // definer of the event
)

// DefaultBytes is the size of the demo's data: large enough that a clone can be watched, small enough to load in
// seconds.
const DefaultBytes = 150_000_000

// Options says what Create makes.
type Options struct {
	// Bytes is about how large rows and indexes become on disk. 0 means DefaultBytes. Below about 2,000,000 it is the
	// fixed cost of the tables that counts.
	Bytes int64
	// Password is that of AppUser and ReportUser. Empty locks both accounts.
	Password string
}

//go:embed sql/*.sql
var files embed.FS

// Create makes both schemas, the accounts and the programs, and loads the rows. It may be called once per server: it
// drops nothing, and refuses a server that has one of the schemas already. The event is made last, so that two loads of
// equal size hold equal rows, apart from what the event writes.
//
// db must belong to an account that may create schemas, accounts and programs with another definer (root can), on a
// primary; everything goes to its binary log in transactions below about 20 MB.
func Create(ctx context.Context, db *sql.DB, o Options) error {
	if o.Bytes < 0 {
		return fmt.Errorf("shop: %d bytes wanted: give a size of 0 or more", o.Bytes)
	}
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	var there string
	err := db.QueryRowContext(ctx, `SELECT COALESCE(GROUP_CONCAT(schema_name), '') FROM information_schema.schemata
		WHERE schema_name IN ('shop', 'shop_archive')`).Scan(&there)
	if err != nil {
		return fmt.Errorf("shop: cannot list the schemas: %w", err)
	}
	if there != "" {
		return fmt.Errorf("shop: the server has %s already: drop it first, Create never drops", there)
	}

	err = inSession(ctx, db, plain, func(s *session) error {
		if err := s.script(ctx, "tables.sql"); err != nil {
			return err
		}
		if err := s.script(ctx, "accounts.sql"); err != nil {
			return err
		}
		return s.logins(ctx, o.Password)
	})
	if err != nil {
		return err
	}
	if err := load(ctx, db, o.Bytes); err != nil {
		return err
	}
	return inSession(ctx, db, plain, func(s *session) error {
		if err := s.script(ctx, "programs.sql"); err != nil {
			return err
		}
		return s.grantViews(ctx)
	})
}

// logins creates the accounts that log in. Their statements never reach an error message.
func (s *session) logins(ctx context.Context, password string) error {
	identified, lock := "", " ACCOUNT LOCK"
	if password != "" {
		identified, lock = " IDENTIFIED BY "+quoted(password), ""
	}
	for _, statement := range []string{
		"CREATE USER " + AppUser + identified + " DEFAULT ROLE shop_write" + lock,
		"CREATE USER " + ReportUser + identified + " WITH MAX_USER_CONNECTIONS 20" + lock,
	} {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("shop: cannot create %s or %s: %w", AppUser, ReportUser, err)
		}
	}
	return nil
}

// grantViews gives the reporting account what can be granted only once the views are there.
func (s *session) grantViews(ctx context.Context) error {
	return s.exec(ctx,
		"GRANT SELECT (id, name, tier) ON shop.customers TO "+ReportUser,
		"GRANT SELECT ON shop.best_sellers TO "+ReportUser,
		"GRANT SELECT ON shop_archive.best_prices TO "+ReportUser,
		"GRANT EXECUTE ON FUNCTION shop.with_tax TO "+ReportUser)
}

// statements splits an embedded script as the mysql client does after DELIMITER //, so that the same file can be fed
// to that client.
func statements(name string) ([]string, error) {
	text, err := files.ReadFile("sql/" + name)
	if err != nil {
		return nil, fmt.Errorf("shop: script %s: %w", name, err)
	}
	_, body, found := strings.Cut(string(text), "DELIMITER //\n")
	if !found {
		return nil, fmt.Errorf("shop: script %s does not set its delimiter to //", name)
	}
	var all []string
	for _, statement := range strings.Split(body, "\n//\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			all = append(all, statement)
		}
	}
	return all, nil
}

// quoted is text as a literal under the session's own sql_mode, in which a backslash escapes.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}
