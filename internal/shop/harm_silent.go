package shop

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
)

// HarmSilentChange changes one row with the binary log off: GTID sets agree, data do not.
func HarmSilentChange(ctx context.Context, secondary *sql.DB) (Harm, error) {
	return silent(ctx, secondary, Harm{
		Name: "silent", Table: "shop.gift cards",
		Sentence: "One gift card became worth 1000 more, behind the binary log's back: the GTID sets agree, the data do not.",
	}, "UPDATE shop.`gift cards` SET `a ``balance``` = `a ``balance``` + 1000 WHERE `card no.` = '4000000000000007'")
}

// HarmSilentTwins changes two equal rows of a table without a primary key in the same way, which a sum made with XOR
// does not see: two equal hashes cancel each other out, before and after. The load makes every click twice.
func HarmSilentTwins(ctx context.Context, secondary *sql.DB) (Harm, error) {
	return silent(ctx, secondary, Harm{
		Name: "twins", Table: "shop.clicks",
		Sentence: "Two equal rows of a table without a primary key were changed in the same way, so that an XOR of row hashes stays the same.",
	}, "UPDATE shop.clicks SET target = CONCAT(target, '!') WHERE visit = 1 ORDER BY target, x, y LIMIT 2")
}

// HarmSilentView makes a view say something else; no row changes.
func HarmSilentView(ctx context.Context, secondary *sql.DB) (Harm, error) {
	harm := Harm{Name: "view", Sentence: "A view was changed behind the binary log's back: every row agrees, its answers do not."}
	err := silently(ctx, secondary, func(s *session) error {
		return s.exec(ctx, `ALTER DEFINER = shop_owner@localhost SQL SECURITY INVOKER VIEW shop_archive.best_prices AS
			SELECT b.id, b.sold, (SELECT MAX(h.price) FROM shop_archive.price_history h WHERE h.product_id = b.id) AS lowest FROM shop.best_sellers b`)
	})
	if err != nil {
		return Harm{}, err
	}
	return harm, nil
}

// HarmSilentGrant gives an account a right that it has not on the primary.
func HarmSilentGrant(ctx context.Context, secondary *sql.DB) (Harm, error) {
	harm := Harm{Name: "grant", Sentence: "The reporting account may delete customers here, and only here."}
	err := silently(ctx, secondary, func(s *session) error {
		return s.exec(ctx, "GRANT DELETE ON shop.customers TO "+ReportUser)
	})
	if err != nil {
		return Harm{}, err
	}
	return harm, nil
}

// HarmSilentDrop drops a table with the binary log off.
func HarmSilentDrop(ctx context.Context, secondary *sql.DB) (Harm, error) {
	harm := Harm{
		Name: "drop", Table: "shop_archive.tax rates 2024",
		Sentence: "A table of the archive was dropped behind the binary log's back.",
	}
	err := silently(ctx, secondary, func(s *session) error {
		return s.exec(ctx, "DROP TABLE shop_archive.`tax rates 2024`")
	})
	if err != nil {
		return Harm{}, err
	}
	return harm, nil
}

// HarmFloatBit moves one FLOAT to its neighbour with the binary log off. The server prints both alike, with six digits
// (measured on 9.7), so whoever compares text finds nothing.
func HarmFloatBit(ctx context.Context, secondary *sql.DB) (Harm, error) {
	harm := Harm{Name: "float", Table: "shop.stores"}
	err := silently(ctx, secondary, func(s *session) error {
		// Adding a DOUBLE makes the server print every digit; a FLOAT by itself is printed with six.
		exact, err := s.text(ctx, "SELECT area + 0e0 FROM shop.stores ORDER BY id DESC LIMIT 1")
		if err != nil {
			return err
		}
		area, err := strconv.ParseFloat(exact, 64)
		if err != nil {
			return fmt.Errorf("shop: the area of the last store is %q: %w", exact, err)
		}
		neighbour := math.Nextafter32(float32(area), math.MaxFloat32)
		printed, err := s.text(ctx, "SELECT CONCAT(area) FROM shop.stores ORDER BY id DESC LIMIT 1")
		if err != nil {
			return err
		}
		literal := strconv.FormatFloat(float64(neighbour), 'e', -1, 64)
		if err := s.one(ctx, "UPDATE shop.stores SET area = "+literal+" ORDER BY id DESC LIMIT 1"); err != nil {
			return err
		}
		now, err := s.text(ctx, "SELECT CONCAT(area) FROM shop.stores ORDER BY id DESC LIMIT 1")
		if err != nil {
			return err
		}
		if now != printed {
			return fmt.Errorf("shop: the last store's area was printed as %s and is now printed as %s: it was to look the same", printed, now)
		}
		harm.Sentence = fmt.Sprintf("The lowest bit of one FLOAT was changed: the server prints %s before and after.", printed)
		return nil
	})
	if err != nil {
		return Harm{}, err
	}
	return harm, nil
}

// silent runs one statement that must change rows.
func silent(ctx context.Context, secondary *sql.DB, harm Harm, statement string) (Harm, error) {
	if err := silently(ctx, secondary, func(s *session) error { return s.one(ctx, statement) }); err != nil {
		return Harm{}, err
	}
	return harm, nil
}
