// Package archive keeps what must outlive a node's data: entries, which are complete or not there at all and are never changed, and files
// of lines that only grow. Store is what an archive can do; Folder is one on a local or mounted file system.
//
// It knows names, bytes, room and how to make them last over a loss of power. It does not know what is kept, nor when it may be thrown
// away: it never throws an entry away.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Store is an archive. Names are paths of segments with / between them; see Segment. It is safe for concurrent use.
type Store interface {
	// Where is the archive's place in words that a person on Host can use: a path. Another machine may not see it.
	Where() string
	Host() string
	// Check makes sure, by writing, flushing and removing something small, that the archive can be written now.
	Check(ctx context.Context) error
	// Free is how many bytes may still be written, by whoever comes first.
	Free(ctx context.Context) (int64, error)
	// Begin makes a draft of an entry, which nobody sees. What earlier drafts of that name left is thrown away. It returns ErrExists when
	// there is such an entry.
	Begin(ctx context.Context, name string) (Draft, error)
	// Open finds a complete entry, or returns ErrNotFound.
	Open(ctx context.Context, name string) (Entry, error)
	// Append adds a line to the file of that name, and flushes it. A line that is in the file already is not added again, so that it
	// may be called twice.
	Append(ctx context.Context, name string, line []byte) error
}

// Draft is an entry in the making.
type Draft interface {
	// Create makes a file, which must not be there. Its Close flushes it to the disk, and its error must be heeded.
	Create(name string) (io.WriteCloser, error)
	// Commit makes the draft an entry, once every file is closed, and returns when its name is on the disk too.
	Commit() (Entry, error)
	// Discard throws away a draft that was not committed; it may be called after Commit and then does nothing.
	Discard() error
}

// Entry is complete and is not changed any more.
type Entry interface {
	// Where is its place in words that a person on Host can use: a path.
	Where() string
	// Files are the names and sizes of its files, by name.
	Files() ([]File, error)
	Open(name string) (io.ReadCloser, error)
}

// File is one file of an entry.
type File struct {
	Name string `json:"name"`
	Size int64  `json:"bytes"`
}

// Errors of every Store.
var (
	ErrExists   = errors.New("the archive has such an entry already")
	ErrNotFound = errors.New("the archive has no such entry")
)

// RoomError: the archive is full, or will be.
type RoomError struct {
	Host, Place string
	// Free and Wanted are bytes; Wanted is 0 when writing itself met the end of the room.
	Free, Wanted int64
}

func (e *RoomError) Error() string {
	if e.Wanted == 0 {
		return fmt.Sprintf("archive %s on %s: it is full; make room there and try again", e.Place, e.Host)
	}
	return fmt.Sprintf("archive %s on %s: %d MiB are free, about %d MiB are wanted; make room there and try again", e.Place, e.Host, e.Free>>20, (e.Wanted+1<<20-1)>>20)
}

// AccessError: the archive cannot be reached, read or written, for another reason than its room.
type AccessError struct {
	Host, Place string
	Doing       string // in words
	Err         error
}

func (e *AccessError) Error() string {
	return fmt.Sprintf("archive %s on %s: %s: %v; see that the folder is there (mounted, if it is a mount) and that the worker's user may write it",
		e.Place, e.Host, e.Doing, e.Err)
}

func (e *AccessError) Unwrap() error { return e.Err }

// Segment makes one segment of a name from any text, different ones from different texts: whatever is not a letter of ASCII, a digit, or
// one of - _ . becomes %XX, and so does a leading dot.
func Segment(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if plain(c) && (c != '.' || i > 0) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// maxSegment leaves room for a draft's ending: most file systems allow 255 bytes.
const maxSegment = 200

// split judges a name.
func split(name string) ([]string, error) {
	segments := strings.Split(name, "/")
	for _, s := range segments {
		if s == "" || s[0] == '.' || len(s) > maxSegment {
			return nil, fmt.Errorf("archive: %q is no name: a segment has 1 to %d characters and does not begin with a dot", name, maxSegment)
		}
		for i := range len(s) {
			if !plain(s[i]) && s[i] != '%' {
				return nil, fmt.Errorf("archive: %q is no name: a segment has letters, digits and - _ . %% alone", name)
			}
		}
	}
	return segments, nil
}
