package shop

import (
	"context"
	"database/sql"
	"fmt"
)

// errantStatements write with the binary log on. They touch nothing that the primary writes, so that replication goes
// on as if nothing had happened.
var errantStatements = []string{
	"INSERT INTO shop.`gift cards` (`card no.`, `a ``balance```, `Größe`) VALUES ('4999000000000001', 100.00, 'L'), ('4999000000000002', 50.00, 'S')",
	"UPDATE shop.`gift cards` SET `a ``balance``` = `a ``balance``` + 10 WHERE `card no.` = '4000000000000003'",
	"DELETE FROM shop_archive.documents WHERE id = 5",
	"CREATE TABLE shop_archive.written_by_mistake (id INT NOT NULL PRIMARY KEY, why VARCHAR(80) NOT NULL)",
	"INSERT INTO shop_archive.written_by_mistake (id, why) VALUES (1, 'an application held the wrong address 🙈')",
	"ALTER TABLE shop_archive.documents ADD COLUMN checked_by VARCHAR(40) NULL",
}

// HarmErrantWrites writes on the secondary as an application does that was given the wrong address: rows inserted,
// changed and deleted, a table made, a column added. Harm.Errant is what these statements left in the GTID set.
func HarmErrantWrites(ctx context.Context, secondary *sql.DB) (Harm, error) {
	harm := Harm{Name: "errant"}
	err := unlocked(ctx, secondary, plain+", sql_log_bin = 1", func(s *session) error {
		before, err := s.text(ctx, "SELECT @@GLOBAL.gtid_executed")
		if err != nil {
			return err
		}
		if err := s.exec(ctx, errantStatements...); err != nil {
			return err
		}
		if harm.Errant, err = s.ownSince(ctx, before); err != nil {
			return err
		}
		if harm.Errant == "" {
			return fmt.Errorf("shop: the secondary wrote %d statements and no GTID: is its binary log on?", len(errantStatements))
		}
		harm.Sentence = fmt.Sprintf("An application wrote to it by mistake: %d transactions that the primary never saw (%s).",
			len(errantStatements), harm.Errant)
		return nil
	})
	if err != nil {
		return Harm{}, err
	}
	return harm, nil
}
