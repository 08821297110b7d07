package shop

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
)

// series is the rows of one table. The script load.sql holds its statement under the same name.
type series struct {
	name  string
	rows  int64 // at DefaultBytes
	least int64 // whatever the size
	bytes int64 // of one row in the binary log, about: sets the batch
}

const (
	stores     = 24
	categories = 25
	taxRates   = 6
	giftCards  = 500

	// batchBytes keeps a transaction of the load well below 20 MB, so that a secondary's lag stays small.
	batchBytes = 12_000_000
)

// fixed are the series whose size does not scale: a demo of any size has as many shops.
func fixed(name string, rows, bytes int64) series {
	return series{name: name, rows: rows, least: rows, bytes: bytes}
}

// lanes are loaded side by side; inside a lane the order holds, because orders sum up the lines before them. Foreign
// keys cross the lanes freely: the load does not check them, its numbers agree by construction (a test looks).
var lanes = [][]series{
	{
		{name: "order_lines", rows: 99_000, least: 1500, bytes: 40},
		{name: "orders", rows: 33_000, least: 500, bytes: 60},
		{name: "clicks", rows: 64_000, least: 1200, bytes: 30},
		{name: "customers", rows: 14_000, least: 300, bytes: 330},
		{name: "carts", rows: 4800, least: 120, bytes: 180},
	},
	{
		fixed("categories", categories, 60),
		fixed("stores", stores, 80),
		fixed("gift cards", giftCards, 30),
		fixed("tax rates", taxRates, 30),
		{name: "products", rows: 1400, least: 90, bytes: 900},
		{name: "product_photos", rows: 560, least: 30, bytes: 17_000},
		{name: "page_views", rows: 50_000, least: 1200, bytes: 75},
		{name: "stock", rows: stores * 1400, least: stores * 90, bytes: 30},
		{name: "price_history", rows: 14_000, least: 300, bytes: 30},
		{name: "documents", rows: 380, least: 24, bytes: 22_000},
		{name: "manuals", rows: 150, least: 12, bytes: 4000},
		{name: "counters", rows: 500, least: 50, bytes: 60},
		{name: "returns", rows: 1200, least: 40, bytes: 100},
	},
}

// size is how many rows the series has in a load of that many bytes.
func (s series) size(bytes int64) int64 {
	if s.rows == s.least {
		return s.rows
	}
	return max(s.least, s.rows*bytes/DefaultBytes)
}

// sizes is the rows of every series. Three of them follow from others, so that no row points to nothing.
func sizes(bytes int64) map[string]int64 {
	all := map[string]int64{}
	for _, lane := range lanes {
		for _, s := range lane {
			all[s.name] = s.size(bytes)
		}
	}
	all["order_lines"] = 3 * all["orders"]
	all["stock"] = stores * all["products"]
	return all
}

// load fills the tables, one connection for each lane.
func load(ctx context.Context, db *sql.DB, bytes int64) error {
	scripts, err := loadScripts()
	if err != nil {
		return err
	}
	rows := sizes(bytes)
	// Checks are off for speed, here and, because row events carry these flags, on the secondaries.
	settings := plain + fmt.Sprintf(", foreign_key_checks = 0, unique_checks = 0, cte_max_recursion_depth = 4294967295, "+
		"@customers = %d, @products = %d, @stores = %d, @orders = %d",
		rows["customers"], rows["products"], rows["stores"], rows["orders"])
	group, ctx := errgroup.WithContext(ctx)
	for _, lane := range lanes {
		group.Go(func() error {
			return inSession(ctx, db, settings, func(s *session) error {
				for _, one := range lane {
					if err := s.fill(ctx, scripts[one.name], one, rows[one.name]); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	return group.Wait()
}

// fill inserts rows 1 to last of a series, each batch a transaction.
func (s *session) fill(ctx context.Context, statement string, one series, last int64) error {
	step := max(1, batchBytes/one.bytes)
	for lo := int64(1); lo <= last; lo += step {
		hi := min(lo+step-1, last)
		if err := s.exec(ctx, fmt.Sprintf("SET @lo = %d, @hi = %d", lo, hi), statement); err != nil {
			return fmt.Errorf("rows %d to %d of %s: %w", lo, hi, one.name, err)
		}
	}
	return nil
}

// loadScripts are the statements of load.sql by the name of their series. Every series has one.
func loadScripts() (map[string]string, error) {
	all, err := statements("load.sql")
	if err != nil {
		return nil, err
	}
	byName := make(map[string]string, len(all))
	for _, statement := range all {
		head, _, _ := strings.Cut(statement, "\n")
		byName[strings.TrimPrefix(head, "-- series ")] = statement
	}
	for _, lane := range lanes {
		for _, s := range lane {
			if byName[s.name] == "" {
				return nil, fmt.Errorf("shop: load.sql has no statement for the series %q", s.name)
			}
		}
	}
	return byName, nil
}
