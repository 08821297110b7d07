package mail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	gomail "github.com/wneessen/go-mail"
)

// Outbox writes each mail as one .eml file (RFC 5322, multipart/alternative), which mail programs open. It is safe for concurrent use.
type Outbox struct {
	// Dir is an existing folder.
	Dir string
	// From is the sender's address.
	From string
}

// Send writes the mail and returns the file's path. The file is named by the mail's ID, so that sending again replaces it, and it
// appears whole and flushed to disk, or not at all.
func (o *Outbox) Send(ctx context.Context, message Message) (string, error) {
	sealed, err := seal(o.From, message)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", &TemporaryError{Err: fmt.Errorf("the mail was not written: %w", err)}
	}
	path := filepath.Join(o.Dir, sealed.id+".eml")
	if err := write(path, o.build(sealed)); err != nil {
		// A full disk, a missing volume, a wrong owner: all can be put right while the caller keeps trying.
		return "", &TemporaryError{Err: fmt.Errorf("the mail could not be written to the outbox: %w", err)}
	}
	return path + sealed.omissions(), nil
}

func (o *Outbox) build(sealed envelope) *gomail.Msg {
	built := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	built.FromMailAddress(sealed.from)
	built.ToMailAddress(sealed.to...)
	built.Subject(sealed.subject)
	built.SetDate()
	built.SetMessageIDWithValue(sealed.messageID)
	built.SetGenHeader("Auto-Submitted", "auto-generated")
	built.SetGenHeader("X-Cluster-Resync-Run", sealed.runID)
	built.SetBodyString(gomail.TypeTextPlain, sealed.text)
	built.AddAlternativeString(gomail.TypeTextHTML, sealed.html)
	return built
}

// write puts the mail beside its final name, flushes it, and moves it there; the folder is flushed too, so that the name survives a
// loss of power.
func write(path string, built *gomail.Msg) (err error) {
	dir := filepath.Dir(path)
	draft, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, discard(draft))
		}
	}()
	if _, err := built.WriteTo(draft); err != nil {
		return err
	}
	if err := draft.Chmod(0o640); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	if err := draft.Close(); err != nil {
		return err
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// discard removes a draft that will not be sent; one that is closed or gone already is fine.
func discard(draft *os.File) error {
	if err := draft.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	if err := os.Remove(draft.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
