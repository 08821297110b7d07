package rescue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/clusterresync/clusterresync/internal/archive"
	"github.com/clusterresync/clusterresync/internal/binlog"
)

// DamagedError: an entry is not what it was, or not what it should be. Nothing may be erased for it.
type DamagedError struct {
	Where, Host string
	Why         string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("archive entry %s on %s: %s; wanted is a whole copy of the errant transactions: the node is not erased; "+
		"look at the archive's disk, and start the run again", e.Where, e.Host, e.Why)
}

// Verify reads an entry once more: that its manifest is the one that was kept, every file is there with its checksum, and every
// transaction is in the events whole and exactly once. It changes nothing and asks no server. progress may be nil.
//
// Errors: *DamagedError, *archive.AccessError, and archive.ErrNotFound when the entry is gone (or this is another machine than Kept.Host).
func Verify(ctx context.Context, store archive.Store, kept Kept, progress func(Progress)) error {
	if progress == nil {
		progress = func(Progress) {}
	}
	entry, err := store.Open(ctx, kept.Entry)
	if err != nil {
		return fmt.Errorf("archive entry %s, kept on %s, looked for on %s: %w", kept.Where, kept.Host, store.Host(), err)
	}
	now, _, err := readBack(ctx, store, kept.Entry, entry, progress)
	if err != nil {
		return err
	}
	if now.ManifestSHA256 != kept.ManifestSHA256 || now.Bytes != kept.Bytes || now.Transactions != kept.Transactions || !sameTransactions(now.GTIDs, kept.GTIDs) {
		return &DamagedError{Where: kept.Where, Host: store.Host(), Why: "its manifest is another than the one that was written"}
	}
	return nil
}

// maxManifest bounds what is read into memory: the tables are what grows.
const maxManifest = 256 << 20

// readBack verifies an entry by itself.
func readBack(ctx context.Context, store archive.Store, name string, entry archive.Entry, progress func(Progress)) (Kept, Manifest, error) {
	r := &reading{ctx: ctx, host: store.Host(), entry: entry, progress: progress}
	encoded, err := r.manifest()
	if err != nil {
		return Kept{}, Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(encoded, &m); err != nil || m.Version != manifestVersion {
		return Kept{}, Manifest{}, r.damaged("its manifest is none of version %d", manifestVersion)
	}
	if err := r.files(m); err != nil {
		return Kept{}, Manifest{}, err
	}
	sum := sha256.Sum256(encoded)
	kept := Kept{
		Where: entry.Where(), Host: store.Host(), Entry: name, GTIDs: m.GTIDs, Transactions: m.Transactions,
		Bytes: int64(len(encoded)), ManifestSHA256: hex.EncodeToString(sum[:]),
	}
	for _, f := range m.Files {
		kept.Bytes += f.Bytes
	}
	return kept, m, nil
}

type reading struct {
	ctx      context.Context
	host     string
	entry    archive.Entry
	progress func(Progress)
	done     Progress
}

func (r *reading) damaged(why string, arguments ...any) error {
	return &DamagedError{Where: r.entry.Where(), Host: r.host, Why: fmt.Sprintf(why, arguments...)}
}

func (r *reading) manifest() ([]byte, error) {
	file, err := r.entry.Open(manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r.damaged("it has no %s", manifestFile)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	encoded, err := io.ReadAll(io.LimitReader(file, maxManifest))
	if err != nil {
		return nil, r.damaged("its manifest cannot be read: %v", err)
	}
	return encoded, nil
}

func (r *reading) files(m Manifest) error {
	there, err := r.entry.Files()
	if err != nil {
		return err
	}
	var names []string
	for _, f := range there {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, m.names()) {
		return r.damaged("it has the files %v, its manifest names %v", names, m.names())
	}
	verifier, err := binlog.NewVerifier(m.GTIDs)
	if err != nil {
		return r.damaged("its manifest has no GTID set: %v", err)
	}
	r.done = Progress{Phase: Verifying, Wanted: m.Transactions}
	for _, f := range m.Files {
		if err := r.file(f, verifier); err != nil {
			return err
		}
	}
	if err := verifier.Done(r.entry.Where()); err != nil {
		return r.damaged("%v", err)
	}
	if verifier.Transactions() != m.Transactions {
		return r.damaged("it has %d transactions, its manifest says %d", verifier.Transactions(), m.Transactions)
	}
	return nil
}

func (r *reading) file(f File, verifier *binlog.Verifier) error {
	file, err := r.entry.Open(f.Name)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	counted := &counter{reading: r, from: file}
	from := io.TeeReader(counted, hash)
	if f.Name == textFile {
		_, err = io.Copy(io.Discard, from)
	} else {
		err = verifier.File(f.Name, from)
	}
	switch {
	case r.ctx.Err() != nil:
		return fmt.Errorf("verify the archive: %w", context.Cause(r.ctx))
	case err != nil:
		return r.damaged("%s: %v", f.Name, err)
	case counted.size != f.Bytes:
		return r.damaged("%s has %d bytes, its manifest says %d", f.Name, counted.size, f.Bytes)
	case hex.EncodeToString(hash.Sum(nil)) != f.SHA256:
		return r.damaged("%s does not fit its SHA-256", f.Name)
	}
	r.done.Transactions = verifier.Transactions()
	r.progress(r.done)
	return nil
}

// counter tells the progress of a long file, and ends it with the context.
type counter struct {
	reading *reading
	from    io.Reader
	size    int64
}

func (c *counter) Read(data []byte) (int, error) {
	if err := c.reading.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.from.Read(data)
	c.size += int64(n)
	c.reading.done.Bytes += int64(n)
	c.reading.progress(c.reading.done)
	return n, err
}
