package rescue

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/clusterresync/clusterresync/internal/archive"
	"github.com/clusterresync/clusterresync/internal/binlog"
	"github.com/clusterresync/clusterresync/internal/node"
)

// Job is what to keep of which node.
type Job struct {
	Cluster, Run string
	// Node and Primary are names; each has its server_uuid beside it.
	Node, NodeUUID       string
	Primary, PrimaryUUID string
	// Errant are the GTIDs to keep.
	Errant string
}

// Kept says where the transactions are. It holds no values and may go through a history.
type Kept struct {
	// Where is a path on Host.
	Where string `json:"where"`
	Host  string `json:"host"`
	// Entry is the entry's name in the archive, for Verify.
	Entry        string `json:"entry"`
	GTIDs        string `json:"gtids"`
	Transactions int64  `json:"transactions"`
	// Bytes is the size of all files.
	Bytes          int64  `json:"bytes"`
	ManifestSHA256 string `json:"manifestSha256"`
}

// Phase is what a rescue is doing.
type Phase string

// The phases, in their order. Counting is left out when there is plenty of room.
const (
	Counting  Phase = "counting"
	Writing   Phase = "writing"
	Verifying Phase = "verifying"
)

// Progress is how far a phase is.
type Progress struct {
	Phase Phase
	// Transactions are done of Wanted.
	Transactions, Wanted int64
	Bytes                int64
}

// textEvent is the largest event, in bytes, that becomes text; of a larger one the events alone are kept.
const textEvent = 64 << 20

// attempts bounds how many damaged entries of one run are passed over.
const attempts = 9

// Write keeps the node's errant transactions, and returns when they are on the disk and were read back. An entry of the same run and node that is
// complete already is verified and taken. progress, which may be nil, is called often.
//
// Errors: those of binlog.Read; *archive.RoomError and *archive.AccessError; *DamagedError when what was written does not read back;
// *node.WrongServerError. When there is an error nothing may be erased; the next attempt begins anew.
func Write(ctx context.Context, store archive.Store, n *node.Node, job Job, progress func(Progress)) (Kept, error) {
	w := &writing{store: store, node: n, job: job, progress: progress}
	if progress == nil {
		w.progress = func(Progress) {}
	}
	var err error
	if w.wanted, err = node.CountGTIDs(job.Errant); err != nil || w.wanted == 0 {
		return Kept{}, errors.Join(fmt.Errorf("node %s: there are no errant transactions to keep", job.Node), err)
	}
	identity, err := n.Identity(ctx)
	if err != nil {
		return Kept{}, err
	}
	if identity.UUID != job.NodeUUID {
		return Kept{}, &node.WrongServerError{Node: job.Node, Saw: identity.UUID, Want: job.NodeUUID}
	}
	w.version = identity.Version.String()
	for i := range attempts {
		name := entryName(job, i)
		entry, err := store.Open(ctx, name)
		if errors.Is(err, archive.ErrNotFound) {
			return w.keep(ctx, name)
		}
		if err != nil {
			return Kept{}, err
		}
		kept, manifest, err := readBack(ctx, store, name, entry, w.progress)
		var damaged *DamagedError
		switch {
		case err == nil && manifest.of(job):
			return kept, nil
		case err != nil && !errors.As(err, &damaged):
			return Kept{}, err
		}
	}
	return Kept{}, &DamagedError{Where: entryName(job, 0), Host: store.Host(), Why: fmt.Sprintf("there are %d entries of this run and none is whole and its own", attempts)}
}

func entryName(job Job, attempt int) string {
	name := "rescue/" + archive.Segment(job.Cluster) + "/" + archive.Segment(job.Node) + "/" + archive.Segment(job.Run)
	if attempt > 0 {
		name += "." + strconv.Itoa(attempt+1)
	}
	return name
}

type writing struct {
	store    archive.Store
	node     *node.Node
	job      Job
	wanted   int64
	version  string
	progress func(Progress)
}

func (w *writing) keep(ctx context.Context, name string) (kept Kept, err error) {
	if err := w.room(ctx); err != nil {
		return Kept{}, err
	}
	draft, err := w.store.Begin(ctx, name)
	if err != nil {
		return Kept{}, err
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	manifest, err := w.copy(ctx, draft)
	if err != nil {
		return Kept{}, err
	}
	encoded, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return Kept{}, fmt.Errorf("write the manifest: %w", err)
	}
	file, err := draft.Create(manifestFile)
	if err != nil {
		return Kept{}, err
	}
	_, err = file.Write(append(encoded, '\n'))
	if err = errors.Join(err, file.Close()); err != nil {
		return Kept{}, err
	}
	if ctx.Err() != nil {
		return Kept{}, fmt.Errorf("keep the errant transactions of node %s: %w", w.job.Node, context.Cause(ctx))
	}
	entry, err := draft.Commit()
	if err != nil {
		return Kept{}, err
	}
	kept, back, err := readBack(ctx, w.store, name, entry, w.progress)
	if err == nil && !back.of(w.job) {
		err = &DamagedError{Where: entry.Where(), Host: w.store.Host(), Why: "its manifest is not what was written"}
	}
	return kept, err
}

// room asks whether the archive can take it, before a long copy finds out. The binary logs are no smaller than the transactions in them; only
// when the archive could not take all of the logs are the transactions measured.
func (w *writing) room(ctx context.Context) error {
	if err := w.store.Check(ctx); err != nil {
		return err
	}
	free, err := w.store.Free(ctx)
	if err != nil {
		return err
	}
	logs, err := node.Table(ctx, w.node, "read the size of the binary logs", "SHOW BINARY LOGS")
	if err != nil {
		return err
	}
	var all int64
	for _, log := range logs {
		size, _ := strconv.ParseInt(log["File_size"], 10, 64)
		all += size
	}
	if estimate(all) <= free {
		return nil
	}
	var count Progress
	err = binlog.Read(ctx, w.node, w.job.Errant, func(e binlog.Event) error {
		count = w.step(count, Counting, e)
		return nil
	})
	if err != nil {
		return err
	}
	if wanted := estimate(count.Bytes); wanted > free {
		return &archive.RoomError{Host: w.store.Host(), Place: w.store.Where(), Free: free, Wanted: wanted}
	}
	return nil
}

// estimate is the room that transactions of so many bytes take: as they are, as text, which is about as long or up to three times that, and the rest.
func estimate(events int64) int64 { return 4*events + 16<<20 }

func (w *writing) step(p Progress, phase Phase, e binlog.Event) Progress {
	p.Phase, p.Wanted = phase, w.wanted
	if !e.Format {
		p.Bytes += int64(e.Size)
	}
	if e.Last {
		p.Transactions++
	}
	w.progress(p)
	return p
}

// copy writes the events and the text.
func (w *writing) copy(ctx context.Context, draft archive.Draft) (manifest Manifest, err error) {
	files := &files{draft: draft}
	defer files.abandon()
	lines, err := files.create(textFile)
	if err != nil {
		return Manifest{}, err
	}
	text := &text{to: lines}
	summary := binlog.NewSummary(binlog.NewDecoder(true, textEvent), text.add)
	var events *file
	var format []byte
	var done Progress
	err = binlog.Read(ctx, w.node, w.job.Errant, func(e binlog.Event) error {
		done = w.step(done, Writing, e)
		if e.First {
			text.committed = e.Committed
		}
		switch {
		case e.Format && binlog.SameFormat(format, e.Raw):
			return summary.Add(e)
		case e.Format:
			format = append([]byte(nil), e.Raw...)
			var err error
			if events, err = files.create(fmt.Sprintf(eventsFile, files.events()+1)); err != nil {
				return err
			}
			if _, err := events.Write(binlog.Magic()); err != nil {
				return err
			}
		}
		if _, err := events.Write(e.Raw); err != nil {
			return err
		}
		return summary.Add(e)
	})
	if err != nil {
		return Manifest{}, err
	}
	manifest = Manifest{
		Version: manifestVersion, Cluster: w.job.Cluster, Run: w.job.Run,
		Node:    Server{Name: w.job.Node, ServerUUID: w.job.NodeUUID, Version: w.version},
		Primary: Server{Name: w.job.Primary, ServerUUID: w.job.PrimaryUUID},
		GTIDs:   node.CleanGTIDSet(w.job.Errant), Transactions: summary.Transactions(),
		Tables: summary.Tables(), OnlyInEvents: summary.Undecoded(), Kept: time.Now().UTC(),
	}
	manifest.First, manifest.Last = summary.Period()
	_, manifest.Statements = summary.Statements()
	if manifest.Files, err = files.close(); err != nil {
		return Manifest{}, err
	}
	manifest.instructions(summary.Undecided(), summary.Loads())
	return manifest, nil
}

// files are the files of a draft, each hashed as it is written.
type files struct {
	draft archive.Draft
	open  []*file
}

type file struct {
	name string
	to   io.WriteCloser
	buf  *bufio.Writer
	hash hash.Hash
	size int64
}

func (f *files) create(name string) (*file, error) {
	to, err := f.draft.Create(name)
	if err != nil {
		return nil, err
	}
	made := &file{name: name, to: to, buf: bufio.NewWriterSize(to, 1<<18), hash: sha256.New()}
	f.open = append(f.open, made)
	return made, nil
}

// events is how many files of events there are: all but the text.
func (f *files) events() int { return len(f.open) - 1 }

func (f *file) Write(data []byte) (int, error) {
	_, _ = f.hash.Write(data) // never fails
	f.size += int64(len(data))
	return f.buf.Write(data)
}

func (f *files) close() (list []File, err error) {
	open := f.open
	f.open = nil
	for _, one := range open {
		err = errors.Join(err, one.buf.Flush(), one.to.Close())
		list = append(list, File{Name: one.name, Bytes: one.size, SHA256: hex.EncodeToString(one.hash.Sum(nil))})
	}
	return list, err
}

// abandon closes what close did not; that it could not be flushed is no news when it is thrown away.
func (f *files) abandon() {
	for _, one := range f.open {
		_ = one.to.Close()
	}
}
