package rescue_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/archive"
	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/internal/fence"
	"github.com/clusterresync/clusterresync/internal/node"
	"github.com/clusterresync/clusterresync/internal/node/nodetest"
	"github.com/clusterresync/clusterresync/internal/rescue"
	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/netfault"
)

// stray makes three errant transactions on the second secondary, which no other test takes out of replication, and opens an archive.
func stray(t *testing.T) (s *sandbox.Node, job rescue.Job, store *archive.Folder) {
	t.Helper()
	s = servers.Nodes[1]
	before := nodetest.String(t, s, "SELECT @@global.gtid_executed")
	schema := "stray_" + strings.ToLower(t.Name())
	nodetest.Exec(t, s, "SET GLOBAL super_read_only = OFF", "CREATE DATABASE "+schema, "CREATE TABLE "+schema+".t (id INT PRIMARY KEY, v VARCHAR(2000))",
		"INSERT INTO "+schema+".t VALUES (1, REPEAT('row-secret ', 100)), (2, NULL)")
	errant := nodetest.String(t, s, "SELECT GTID_SUBTRACT(GTID_SUBTRACT(@@global.gtid_executed, ?), ?)", before, nodetest.String(t, servers.Primary(), "SELECT @@global.gtid_executed"))
	store, err := archive.OpenFolder(t.TempDir())
	require.NoError(t, err)
	return s, jobFor(t, s, errant), store
}

// entries are the files of the archive, and what is unfinished.
func entries(t *testing.T, store *archive.Folder) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(store.Where(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && (!d.IsDir() || strings.HasPrefix(d.Name(), ".")) {
			files = append(files, strings.TrimPrefix(path, store.Where()+"/"))
		}
		return err
	}))
	return files
}

func requireNothingLeft(t *testing.T, store *archive.Folder, err error) {
	t.Helper()
	require.Error(t, err)
	assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "row-secret")
	assert.Empty(t, entries(t, store))
}

func TestBehindTheFence(t *testing.T) {
	s, job, store := stray(t)
	claim := nodetest.Claim(t, servers, s)
	_, err := fence.Raise(t.Context(), claim)
	require.NoError(t, err)
	t.Cleanup(func() {
		nodetest.Exec(t, s, "RESET PERSIST", "SET GLOBAL offline_mode = OFF", "SET GLOBAL super_read_only = OFF", "START REPLICA")
	})
	kept, err := rescue.Write(t.Context(), store, nodetest.Open(t, servers, s), job, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 3, kept.Transactions)
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Equal(t, host, kept.Host)
	assert.Equal(t, filepath.Join(store.Where(), "rescue", "shop", "db2", "run%2FTestBehindTheFence"), kept.Where)
	encoded, err := os.ReadFile(filepath.Join(kept.Where, "manifest.json"))
	require.NoError(t, err)
	sum := sha256.Sum256(encoded)
	assert.Equal(t, hex.EncodeToString(sum[:]), kept.ManifestSHA256)
	require.NoError(t, rescue.Verify(t.Context(), store, kept, nil))
	// The fence stands as it did.
	require.NoError(t, fence.Require(t.Context(), claim))
}

// A replay leaves a prepared transaction as it was: prepared, with its locks. Whoever replays has to know.
func TestAPreparedTransactionIsTold(t *testing.T) {
	s, job, store := stray(t)
	notes := func() string {
		kept, err := rescue.Write(t.Context(), store, nodetest.Open(t, servers, s), job, nil)
		require.NoError(t, err)
		encoded, err := os.ReadFile(filepath.Join(kept.Where, "manifest.json"))
		require.NoError(t, err)
		var manifest rescue.Manifest
		require.NoError(t, json.Unmarshal(encoded, &manifest))
		return strings.Join(manifest.Replay.Notes, "\n")
	}
	require.NotContains(t, notes(), "XA RECOVER")

	nodetest.Exec(t, s, "XA START 'left'", "INSERT INTO stray_testapreparedtransactionistold.t VALUES (3, NULL)", "XA END 'left'", "XA PREPARE 'left'")
	t.Cleanup(func() { nodetest.Exec(t, s, "XA ROLLBACK 'left'") })
	job.Errant = nodetest.String(t, s, "SELECT GTID_SUBTRACT(@@global.gtid_executed, ?)", nodetest.String(t, servers.Primary(), "SELECT @@global.gtid_executed"))
	job.Run += "-again"
	require.Contains(t, notes(), "never decided: 1 of")
}

func TestPurgedLogsAreRefused(t *testing.T) {
	s, job, store := stray(t)
	nodetest.Exec(t, s, "FLUSH BINARY LOGS")
	last := nodetest.String(t, s, "SELECT SUBSTRING_INDEX(FILE_NAME, '/', -1) FROM performance_schema.file_instances WHERE EVENT_NAME = 'wait/io/file/sql/binlog' ORDER BY FILE_NAME DESC LIMIT 1")
	nodetest.Exec(t, s, "PURGE BINARY LOGS TO '"+last+"'")
	_, err := rescue.Write(t.Context(), store, nodetest.Open(t, servers, s), job, nil)
	requireNothingLeft(t, store, err)
	var purged *binlog.PurgedError
	require.ErrorAs(t, err, &purged)
	assert.EqualValues(t, 3, purged.Gone)
}

func TestAnotherServerIsRefused(t *testing.T) {
	_, job, store := stray(t)
	_, err := rescue.Write(t.Context(), store, nodetest.Open(t, servers, servers.Primary()), job, nil)
	requireNothingLeft(t, store, err)
	var wrong *node.WrongServerError
	require.ErrorAs(t, err, &wrong)
	job.Errant = ""
	_, err = rescue.Write(t.Context(), store, nodetest.Open(t, servers, servers.Nodes[1]), job, nil)
	require.ErrorContains(t, err, "there are no errant transactions to keep")
}

// narrow is an archive with little room: it says so, or it finds out after some bytes.
type narrow struct {
	*archive.Folder
	free int64
	left *int
}

func (n narrow) Free(context.Context) (int64, error) { return n.free, nil }

func (n narrow) Begin(ctx context.Context, name string) (archive.Draft, error) {
	d, err := n.Folder.Begin(ctx, name)
	if err != nil || n.left == nil {
		return d, err
	}
	return narrowDraft{d, n}, nil
}

type narrowDraft struct {
	archive.Draft
	store narrow
}

func (d narrowDraft) Create(name string) (io.WriteCloser, error) {
	w, err := d.Draft.Create(name)
	return narrowFile{w, d.store}, err
}

type narrowFile struct {
	io.WriteCloser
	store narrow
}

func (f narrowFile) Write(data []byte) (int, error) {
	if *f.store.left -= len(data); *f.store.left < 0 {
		return 0, &archive.RoomError{Host: f.store.Host(), Place: f.store.Where()}
	}
	return f.WriteCloser.Write(data)
}

func TestNoRoom(t *testing.T) {
	s, job, store := stray(t)
	n := nodetest.Open(t, servers, s)
	var phases []rescue.Phase
	_, err := rescue.Write(t.Context(), narrow{Folder: store, free: 16 << 20}, n, job, func(p rescue.Progress) { phases = append(phases, p.Phase) })
	requireNothingLeft(t, store, err)
	var room *archive.RoomError
	require.ErrorAs(t, err, &room)
	assert.Equal(t, room.Free, int64(16<<20))
	assert.Greater(t, room.Wanted, room.Free)
	assert.Contains(t, phases, rescue.Counting)
	assert.NotContains(t, phases, rescue.Writing)

	// The binary logs would not fit, but these transactions do.
	kept, err := rescue.Write(t.Context(), narrow{Folder: store, free: 16<<20 + 100<<10}, n, job, nil)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(kept.Where))

	for left := 0; left < int(kept.Bytes); left += 700 {
		at := left
		_, err := rescue.Write(t.Context(), narrow{Folder: store, free: 1 << 40, left: &at}, n, job, nil)
		require.ErrorAs(t, err, &room, "after %d bytes", left)
		requireNothingLeft(t, store, err)
	}
	again, err := rescue.Write(t.Context(), store, n, job, nil)
	require.NoError(t, err)
	assert.Equal(t, kept.Where, again.Where)
}

func TestAnArchiveThatIsGone(t *testing.T) {
	s, job, store := stray(t)
	require.NoError(t, os.Remove(store.Where()))
	_, err := rescue.Write(t.Context(), store, nodetest.Open(t, servers, s), job, nil)
	var access *archive.AccessError
	require.ErrorAs(t, err, &access)
	assert.ErrorIs(t, err, syscall.ENOENT)
	assert.NoDirExists(t, store.Where())
}

func TestACutInTheMiddle(t *testing.T) {
	s, job, store := stray(t)
	n := nodetest.Open(t, servers, s)
	// Whatever the attempt was at when it was cut.
	total := 0
	_, err := rescue.Write(t.Context(), store, n, job, func(rescue.Progress) { total++ })
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(store.Where(), "rescue")))
	for k := range total {
		ctx, cancel := context.WithCancel(t.Context())
		count, verifying := 0, false
		kept, err := rescue.Write(ctx, store, n, job, func(p rescue.Progress) {
			if count == k {
				cancel()
				verifying = p.Phase == rescue.Verifying
			}
			count++
		})
		cancel()
		switch {
		case err == nil: // it was over before the cut was felt
			require.NoError(t, rescue.Verify(t.Context(), store, kept, nil))
		case verifying:
			require.ErrorIs(t, err, context.Canceled)
		default:
			require.ErrorIs(t, err, context.Canceled)
			requireNothingLeft(t, store, err)
		}
		second, err := rescue.Write(t.Context(), store, n, job, nil)
		require.NoError(t, err)
		require.NoError(t, rescue.Verify(t.Context(), store, second, nil))
		require.Len(t, entries(t, store), 3)
		require.NoError(t, os.RemoveAll(filepath.Join(store.Where(), "rescue")))
	}

	// Cut by the death of the worker: its draft is there and holds half of a file.
	dead, err := store.Begin(t.Context(), "rescue/shop/db2/"+archive.Segment(job.Run))
	require.NoError(t, err)
	w, err := dead.Create("events.000001")
	require.NoError(t, err)
	_, err = w.Write(binlog.Magic())
	require.NoError(t, err)
	require.Len(t, entries(t, store), 2)
	_, err = rescue.Write(t.Context(), store, n, job, nil)
	require.NoError(t, err)
	require.Len(t, entries(t, store), 3)
}

// TestALostConnection ends each connection after so many bytes, wherever that is in an event.
func TestALostConnection(t *testing.T) {
	s, job, store := stray(t)
	schema := "stray_" + strings.ToLower(t.Name())
	before := nodetest.String(t, s, "SELECT @@global.gtid_executed")
	statements := []string{"CREATE TABLE " + schema + ".large (id INT PRIMARY KEY, b LONGBLOB)"}
	for i := range 8 {
		statements = append(statements, fmt.Sprintf("INSERT INTO %s.large VALUES (%d, REPEAT(RANDOM_BYTES(1000), 200))", schema, i))
	}
	nodetest.Exec(t, s, statements...)
	job.Errant = nodetest.String(t, s, "SELECT GTID_SUBTRACT(GTID_SUBTRACT(@@global.gtid_executed, ?), ?)", before, nodetest.String(t, servers.Primary(), "SELECT @@global.gtid_executed"))
	t.Cleanup(func() { require.NoError(t, s.WorkerLink.Heal()) })
	n := nodetest.Open(t, servers, s)
	for _, size := range []int64{20_000, 300_001, 1_200_002} {
		require.NoError(t, s.WorkerLink.CloseAfter(netfault.FromTarget, size))
		_, err := rescue.Write(t.Context(), store, n, job, nil)
		requireNothingLeft(t, store, err)
		assert.Equal(t, node.ClassConnectionLost, node.Classify(err), "%v", err)
	}
	require.NoError(t, s.WorkerLink.Heal())
	kept, err := rescue.Write(t.Context(), store, n, job, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 9, kept.Transactions)
	assert.Greater(t, kept.Bytes, int64(1_600_000))
}

// TestDamage changes an entry in every way a disk or a hand may: Verify says so, and the next attempt makes another entry.
func TestDamage(t *testing.T) {
	s, job, store := stray(t)
	n := nodetest.Open(t, servers, s)
	kept, err := rescue.Write(t.Context(), store, n, job, nil)
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, name := range []string{"manifest.json", "changes.jsonl", "events.000001"} {
		files[name], err = os.ReadFile(filepath.Join(kept.Where, name))
		require.NoError(t, err)
	}
	restore := func() {
		require.NoError(t, os.RemoveAll(kept.Where))
		require.NoError(t, os.Mkdir(kept.Where, 0o700))
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(kept.Where, name), content, 0o600))
		}
		require.NoError(t, rescue.Verify(t.Context(), store, kept, nil))
	}
	put := func(name string, content []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(kept.Where, name), content, 0o600))
	}
	requireDamaged := func(why string) {
		t.Helper()
		err := rescue.Verify(t.Context(), store, kept, nil)
		var damaged *rescue.DamagedError
		require.ErrorAs(t, err, &damaged, why)
		assert.NotContains(t, err.Error(), "row-secret")
	}
	for name, content := range files {
		for at := 0; at < len(content); at += 1 + len(content)/40 {
			flipped := bytes.Clone(content)
			flipped[at] ^= 0x20
			put(name, flipped)
			requireDamaged(fmt.Sprintf("%s, byte %d", name, at))
		}
		put(name, content[:len(content)-1])
		requireDamaged(name + " cut")
		put(name, append(bytes.Clone(content), 0))
		requireDamaged(name + " longer")
		require.NoError(t, os.Remove(filepath.Join(kept.Where, name)))
		requireDamaged(name + " gone")
		restore()
	}
	put("another", nil)
	requireDamaged("one more file")
	restore()

	// A manifest that fits its files, which are not whole: the events, and not the manifest, are counted.
	var manifest rescue.Manifest
	require.NoError(t, json.Unmarshal(files["manifest.json"], &manifest))
	for i := range manifest.Files {
		if f := &manifest.Files[i]; f.Name == "events.000001" {
			short := files[f.Name][:lastTransaction(t, files[f.Name])]
			sum := sha256.Sum256(short)
			f.Bytes, f.SHA256 = int64(len(short)), hex.EncodeToString(sum[:])
			put(f.Name, short)
		}
	}
	encoded, err := json.Marshal(manifest)
	require.NoError(t, err)
	put("manifest.json", encoded)
	requireDamaged("one transaction fewer")
	assert.ErrorContains(t, rescue.Verify(t.Context(), store, kept, nil), "2 of 3 errant transactions were read whole")

	// Another attempt leaves the damaged entry alone.
	second, err := rescue.Write(t.Context(), store, n, job, nil)
	require.NoError(t, err)
	assert.Equal(t, kept.Where+".2", second.Where)
	assert.Equal(t, encoded, must(os.ReadFile(filepath.Join(kept.Where, "manifest.json"))))
	restore()
	other := job
	other.PrimaryUUID = "11111111-1111-1111-1111-111111111111"
	third, err := rescue.Write(t.Context(), store, n, other, nil)
	require.NoError(t, err)
	assert.Equal(t, kept.Where+".3", third.Where, "whole, but not this job's")

	require.NoError(t, os.RemoveAll(kept.Where))
	err = rescue.Verify(t.Context(), store, kept, nil)
	require.True(t, errors.Is(err, archive.ErrNotFound))
	assert.ErrorContains(t, err, kept.Where)
}

func must(content []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return content
}

// lastTransaction is where the last transaction of a file begins: at its GTID event, which has type 33.
func lastTransaction(t *testing.T, file []byte) int {
	t.Helper()
	last := 0
	for at := 4; at < len(file); {
		if file[at+4] == 33 {
			last = at
		}
		at += int(file[at+9]) | int(file[at+10])<<8 | int(file[at+11])<<16
	}
	require.Positive(t, last)
	return last
}
