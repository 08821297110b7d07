package shop

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
)

// deed is one kind of transaction.
type deed struct {
	name string // at most 20 characters: shop.ledger keeps it
	do   func(context.Context, *trade) error
}

// deeds together change every table of the shop except those that nothing may change, because a Harm is done there
// (shop.`gift cards`, the last row of shop.stores, shop_archive.documents, shop_archive.`tax rates 2024`): a row event
// carries the whole row, so a write by the primary would mend a silent difference.
var deeds = []deed{
	{"order", placeOrder},
	{"order", placeOrder},
	{"order", placeOrder},
	{"ship", shipOrder},
	{"cart", fillCart},
	{"cart", fillCart},
	{"sweep", sweepCarts},
	{"browse", browse},
	{"browse", browse},
	{"browse", browse},
	{"forget", forgetClicks},
	{"reprice", reprice},
	{"profile", editProfile},
	{"photo", swapPhoto},
	{"delete", deleteOrder},
	{"return", returnOrder},
	{"count", count},
	{"assort", assort},
}

// limits are the sizes of the shop when the writer began: what it draws its numbers from.
type limits struct {
	customers, products, stores, orders, counters int64
}

func readLimits(ctx context.Context, db *sql.DB) (limits, error) {
	var l limits
	err := db.QueryRowContext(ctx, `SELECT (SELECT MAX(id) FROM shop.customers), (SELECT MAX(id) FROM shop.products),
		(SELECT MAX(id) FROM shop.stores), (SELECT MAX(id) FROM shop.orders), (SELECT COUNT(*) FROM shop.counters)`).
		Scan(&l.customers, &l.products, &l.stores, &l.orders, &l.counters)
	if err != nil {
		return l, fmt.Errorf("shop: cannot read how large the shop is: call Create first: %w", err)
	}
	return l, nil
}

// trade is one attempt at a deed.
type trade struct {
	tx     *sql.Tx
	limits limits
	random *rand.Rand
}

// upTo draws a number from 1 to n.
func (t *trade) upTo(n int64) int64 { return 1 + t.random.Int64N(n) }

func (t *trade) exec(ctx context.Context, statement string, args ...any) error {
	_, err := t.tx.ExecContext(ctx, statement, args...)
	return err
}

// bytes draws n bytes.
func (t *trade) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(t.random.Uint32())
	}
	return b
}

func placeOrder(ctx context.Context, t *trade) error {
	store := t.upTo(t.limits.stores)
	result, err := t.tx.ExecContext(ctx, "INSERT INTO shop.orders (customer_id, store_id, state, placed_at, remark) VALUES (?, ?, 'paid', NOW(6), ?)",
		t.upTo(t.limits.customers), store, "klingeln 🔔")
	if err != nil {
		return err
	}
	order, err := result.LastInsertId()
	if err != nil {
		return err
	}
	product := t.upTo(t.limits.products)
	for line := range t.upTo(4) {
		// Ascending products: two orders of one store take their locks in one order.
		product = min(product+line*t.upTo(5), t.limits.products)
		if err := t.exec(ctx, `INSERT INTO shop.order_lines (order_id, line, product_id, quantity, unit_price)
			SELECT ?, ?, id, ?, price FROM shop.products WHERE id = ?`, order, line+1, t.upTo(5), product); err != nil {
			return err
		}
		if err := t.exec(ctx, `UPDATE shop.stock SET quantity = IF(quantity > 5, quantity - 1, quantity + 1000), counted_at = NOW(6)
			WHERE store_id = ? AND product_id = ?`, store, product); err != nil {
			return err
		}
	}
	return t.exec(ctx, `UPDATE shop.orders SET total = (SELECT SUM(amount) FROM shop.order_lines WHERE order_id = ?) WHERE id = ?`, order, order)
}

func shipOrder(ctx context.Context, t *trade) error {
	return t.exec(ctx, "CALL shop.ship_order(?)", t.upTo(t.limits.orders))
}

func fillCart(ctx context.Context, t *trade) error {
	return t.exec(ctx, `INSERT INTO shop.carts (id, customer_id, items, touched_at)
		VALUES (UUID_TO_BIN(UUID(), 1), ?, JSON_ARRAY(JSON_OBJECT('product', ?, 'n', 1, 'note', '🛒')), NOW(6))`,
		t.upTo(t.limits.customers), t.upTo(t.limits.products))
}

func sweepCarts(ctx context.Context, t *trade) error {
	if err := t.exec(ctx, "UPDATE shop.carts SET items = JSON_ARRAY_APPEND(items, '$', 'kept ✔'), touched_at = NOW(6) ORDER BY id DESC LIMIT 1"); err != nil {
		return err
	}
	return t.exec(ctx, "DELETE FROM shop.carts ORDER BY touched_at, id LIMIT 3")
}

func browse(ctx context.Context, t *trade) error {
	for range t.upTo(3) {
		if err := t.exec(ctx, `INSERT INTO shop.page_views (seen_on, seen_at, path, agent, millis)
			VALUES (CURDATE() - INTERVAL ? DAY, CURTIME(6), ?, ?, ?)`,
			t.upTo(900), fmt.Sprintf("/p/%d", t.upTo(t.limits.products)), t.bytes(24), t.upTo(9000)); err != nil {
			return err
		}
	}
	visit, x := t.random.Uint32(), t.upTo(1920)
	return t.exec(ctx, "INSERT INTO shop.clicks (visit, target, x, y) VALUES (?, '#buy', ?, NULL), (?, '#buy', ?, NULL), (?, '♥ save', NULL, -7)",
		visit, x, visit, x, visit)
}

func forgetClicks(ctx context.Context, t *trade) error {
	visit := t.upTo(t.limits.orders/4 + 1)
	if err := t.exec(ctx, "DELETE FROM shop.clicks WHERE visit = ? LIMIT 2", visit+100); err != nil {
		return err
	}
	return t.exec(ctx, "UPDATE shop.clicks SET x = ?, target = CONCAT('#', ?) WHERE visit = ? LIMIT 1", t.upTo(1920), t.upTo(50), visit+200)
}

func reprice(ctx context.Context, t *trade) error {
	return t.exec(ctx, `UPDATE shop.products SET price = price + ?, weight = weight * 1.0001, rating = ?, warranty = ?,
		attributes = JSON_SET(attributes, '$.size.w', ?, '$.seen', '👀') WHERE id = ?`,
		float64(t.upTo(99))/100, t.random.Float64()*5, t.upTo(60)-12, t.upTo(300), t.upTo(t.limits.products))
}

func editProfile(ctx context.Context, t *trade) error {
	return t.exec(ctx, `UPDATE shop.customers SET name = CONCAT(ELT(?, 'Zoë 😀', '李娜 🧪', 'Ñuño'), ' ', id), tier = ?, interests = ?, flags = ?,
		credit = credit + ?, preferences = JSON_SET(COALESCE(preferences, '{}'), '$.score', ?), inner_note = ? WHERE id = ?`,
		t.upTo(3), t.upTo(4), t.upTo(31), t.upTo(4095), float64(t.upTo(1000))/100, t.random.Float64(),
		fmt.Sprint("seen ", t.upTo(1000)), t.upTo(t.limits.customers))
}

func swapPhoto(ctx context.Context, t *trade) error {
	product := t.upTo(t.limits.products)
	if err := t.exec(ctx, "DELETE FROM shop.product_photos WHERE product_id = ? LIMIT 1", product); err != nil {
		return err
	}
	return t.exec(ctx, "INSERT INTO shop.product_photos (id, product_id, taken_at, body, digest) VALUES (UUID_TO_BIN(UUID()), ?, NOW(3), ?, UNHEX(SHA2(?, 256)))",
		product, t.bytes(4000), product)
}

// deleteOrder removes an order with its lines (a cascade), leaves its return without one, and the trigger keeps a record.
func deleteOrder(ctx context.Context, t *trade) error {
	return t.exec(ctx, "DELETE FROM shop.orders WHERE id = ?", t.upTo(t.limits.orders))
}

func returnOrder(ctx context.Context, t *trade) error {
	return t.exec(ctx, `INSERT INTO shop_archive.returns (order_id, reason) SELECT id, 'passt nicht 😕' FROM shop.orders WHERE id = ?`,
		t.upTo(t.limits.orders))
}

func count(ctx context.Context, t *trade) error {
	return t.exec(ctx, "UPDATE shop.counters SET hits = hits - 1, delta = delta + 1 WHERE id = 18446744073709551615 - ?", t.upTo(t.limits.counters)-1)
}

// assort changes what seldom changes.
func assort(ctx context.Context, t *trade) error {
	if err := t.exec(ctx, `UPDATE shop.stores SET place = ST_SRID(POINT(ST_Longitude(place), ?), 4326), opens = MAKETIME(7, ?, 0.25) WHERE id = ?`,
		35+float64(t.upTo(1500))/100, t.upTo(59), t.upTo(t.limits.stores-1)); err != nil {
		return err
	}
	if err := t.exec(ctx, "UPDATE shop.categories SET name = CONCAT('📚 ', ?) WHERE id = ?", t.upTo(1000), t.upTo(categories)); err != nil {
		return err
	}
	return t.exec(ctx, "UPDATE shop_archive.manuals SET body = CONCAT('Neu. ', LEFT(body, 2000)) WHERE id = ?", t.upTo(10))
}
