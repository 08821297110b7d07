package proof

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
)

// Bounds of a block, beside sizes.blockRows: bytes keep memory flat and a statement short when rows are large.
const (
	blockBytes   = 8 << 20
	blockRowsMin = 64
	// blockRowsUnknown is the first block of a table whose size the server does not know.
	blockRowsUnknown = 1000
	// locateRows is how many rows of a differing block are kept in memory at a time, by key and hash, about 150 bytes each.
	locateRows    = 50_000
	noKeyBuckets  = 1024
	progressEvery = 4096
)

// block is what one side showed of one span, up to a number of rows.
type block struct {
	digest [sha256.Size]byte
	rows   int64
	bytes  int64
	last   position // of the last row; nil when the block is empty or the table has no key
}

func (b block) same(o block) bool { return b.rows == o.rows && b.digest == o.digest }

// ended says that the block has come to the end of what has a key.
func (b block) ended() bool { return b.last == nil }

// readBlock reads at most limit rows of the span in key order. A block with fewer rows has come to the span's end.
func readBlock(ctx context.Context, s *session, d *digester, at span, limit int) (block, error) {
	var b block
	err := s.sent(ctx, at.statement(limit), func(row []byte) (last bool, err error) {
		d.add(row)
		b.rows++
		b.bytes += int64(len(row))
		return b.rows == int64(limit), nil
	}, func(row []driver.Value) (err error) {
		b.last, err = at.table.positionOf(row)
		return err
	})
	b.digest = d.sum()
	return b, err
}

// limitFor is the number of rows that make a block of about so many bytes, and at least so many. Rows of unknown size are met with a
// careful number.
func (z sizes) limitFor(rowBytes, bytes, least int64) int {
	if rowBytes <= 0 {
		return min(z.blockRows, blockRowsUnknown)
	}
	return int(min(int64(z.blockRows), max(least, bytes/rowBytes)))
}

// blockLimit is limitFor the present manners.
func (w *rowWork) blockLimit(rowBytes int64) int {
	if w.courtesy.on.Load() {
		return w.engine.options.sizes.limitFor(rowBytes, courteousBytes, 1)
	}
	return w.engine.options.sizes.limitFor(rowBytes, blockBytes, blockRowsMin)
}

// readHashes reads a table or partition without a key, whole and in any order.
func readHashes(ctx context.Context, s *session, at span, each func(hash [sha256.Size]byte, bytes int) error) error {
	return s.sent(ctx, at.statement(0), func(row []byte) (bool, error) {
		return false, each(sha256.Sum256(row), len(row))
	}, nil)
}

// readMultiset is readHashes with the rows' values, whose hashes are those of the values.
func readMultiset(ctx context.Context, s *session, at span, each func(hash [sha256.Size]byte, row []driver.Value) error) error {
	var buf []byte
	width := len(at.table.columns)
	return s.rows(ctx, at.statement(0), func(row []driver.Value) error {
		var err error
		if buf, err = appendRow(buf[:0], row[:width]); err != nil {
			return err
		}
		return each(sha256.Sum256(buf), row[:width])
	})
}
