package clone

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Path is what a probe saw of the network path from a recipient to a donor. Neither Proven nor Broken: the probe could not tell.
type Path struct {
	// Proven: a MySQL server answered at the donor's address, over the very path that a clone takes.
	Proven bool
	// Broken: nobody answered there, or whoever did lets nobody in from the recipient's host.
	Broken bool
	// Stranger: the server that answered let in an account that was made up, so it has an anonymous one.
	Stranger bool
	// Number is the error that told it: the donor's own inside a 3862, else the recipient's; 0 when there was no answer in time.
	Number uint16
	// What says it in words.
	What string
}

const (
	// nowhere is a folder that no server can make, whoever runs it: a device has no entries.
	nowhere = "/dev/null/clusterresync-probe"
	// probeLimit is how long an answer is waited for. The plugin gives up after 10 s by itself (measured on 9.7); only the lookup of a name
	// may take longer.
	probeLimit = 45 * time.Second
	// undoLimit is how long the donor list may take to be put back.
	undoLimit = 10 * time.Second

	errnoNoFolder = 1006
)

// Probe finds out whether the recipient reaches the donor (host:port as the recipient reaches it), by a clone that cannot succeed. An account
// name that was made up is refused by the donor with 1045, and that refusal is the proof: it came back over the whole path. What keeps the
// recipient whole is not that refusal, which an anonymous account on the donor would not give, nor super_read_only, which others may
// take away at any moment. It is the statement itself: with DATA DIRECTORY a clone leaves the server's own data alone, and the directory
// it names cannot be made. Were the account let in, with BACKUP_ADMIN, on a recipient open to writes, the statement would end in 1006
// (measured on 9.7). The data stay, replication runs on, and no GTID is written.
//
// With DATA DIRECTORY the recipient's account needs BACKUP_ADMIN instead of CLONE_ADMIN (measured on 9.7).
//
// What it leaves behind: one refused login on the donor, and on the recipient a clone_status that says Failed and names the folder that
// cannot be, in place of the record of an earlier clone. A donor list that lacks the donor names it for the time of the probe and is
// then put back, over a second connection (n is the same node) if the claim's own is lost; a persisted list is not touched. The claim is
// used up if ctx ends or nobody answers in time.
//
// The error is about the recipient or the context; whatever is wrong with the path is no error.
func Probe(ctx context.Context, c *node.Claim, n *node.Node, donor string, o Options) (Path, error) {
	// 32 characters are the most that an account's name may have.
	return probe(ctx, c, n, donor, Account{User: "probe_" + rand.Text()[:26], Password: rand.Text()}, o)
}

func probe(ctx context.Context, c *node.Claim, n *node.Node, donor string, account Account, o Options) (path Path, err error) {
	const doing = "probe the path to the donor"
	host, port, err := donorOf(donor)
	if err != nil {
		return Path{}, node.Wrap(c.Name(), doing, err)
	}
	former, err := readDonors(ctx, c)
	if node.Number(err) == node.ErrnoUnknownSystemVar {
		return Path{Number: node.ErrnoPluginNotLoaded, What: ErrNoPlugin.Error()}, nil
	}
	if err != nil {
		return Path{}, err
	}
	if !lists(former.String, donor) {
		defer func() {
			if back := putBackDonors(ctx, c, n, former, donor); err == nil {
				err = back
			}
		}()
		if err := c.Exec(ctx, "name the donor", "SET GLOBAL clone_valid_donor_list = ?", donor); err != nil {
			return Path{}, err
		}
	}
	statement := "CLONE INSTANCE FROM ?@?:" + strconv.Itoa(int(port)) + " IDENTIFIED BY ? DATA DIRECTORY = '" + nowhere + "'"
	if o.RequireSSL {
		statement += " REQUIRE SSL"
	}
	limited, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	err = c.ExecSecret(limited, doing, []string{account.Password}, statement, account.User, host, account.Password)
	var my *mysql.MySQLError
	switch {
	case err == nil:
		return Path{}, node.Wrap(c.Name(), doing, fmt.Errorf("the server says that it cloned %s into %s, where nothing can be", donor, nowhere))
	case c.Lost() == nil && errors.As(err, &my):
		return judgePath(my.Number, my.Message), nil
	case ctx.Err() == nil && limited.Err() != nil:
		return Path{Broken: true, What: fmt.Sprintf("no answer within %s", probeLimit)}, nil
	}
	return Path{}, err
}

// judgePath reads the end of a probe.
func judgePath(number uint16, text string) Path {
	if number == errnoNoFolder {
		return Path{Proven: true, Stranger: true, Number: number, What: "the donor let in an account that does not exist"}
	}
	if number != errnoDonor {
		return Path{Number: number, What: text}
	}
	inner := innerNumber(text)
	text, connecting := strings.CutPrefix(strings.TrimPrefix(text, "Clone Donor Error: "), "Connect failed: ")
	path := Path{Number: inner, What: text}
	switch {
	case inner == 0:
	case inner == node.ErrnoAccessDenied:
		path.Proven, path.What = true, "it answers, and refuses an account that does not exist"
	case !connecting:
		path.Proven, path.Stranger = true, true
		path.What = "the donor let in an account that does not exist: " + text
	case inner == node.ErrnoTooManyConnections, inner == node.ErrnoServerShutdown:
		// It answers, and says nothing of what it will do when it has room, or is back.
	default:
		path.Broken = true
	}
	return path
}

func readDonors(ctx context.Context, r node.Reader) (sql.NullString, error) {
	var donors sql.NullString
	err := node.One(ctx, r, "read the donor list", "SELECT @@global.clone_valid_donor_list", nil, &donors)
	return donors, err
}

// lists reports whether the list names the donor. The server compares without regard to case (measured on 9.7).
func lists(list, donor string) bool {
	for entry := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(entry, donor) {
			return true
		}
	}
	return false
}

// putBackDonors also works when the context has ended and when the claim's connection is gone. A list that somebody else has set
// meanwhile is left to them.
func putBackDonors(ctx context.Context, c *node.Claim, n *node.Node, former sql.NullString, donor string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	var reader node.Reader = c
	set := func(list any) error {
		return c.Exec(ctx, "put back the donor list", "SET GLOBAL clone_valid_donor_list = ?", list)
	}
	if c.Lost() != nil {
		// The probe may still wait for the network at the server. Nothing depends on this: it cannot do any harm, and ends by itself.
		_, _ = n.DB().ExecContext(ctx, fmt.Sprintf("KILL %d", c.ConnectionID()))
		reader = n
		set = func(list any) error {
			_, err := n.DB().ExecContext(ctx, "SET GLOBAL clone_valid_donor_list = ?", list)
			return node.Wrap(n.Name(), "put back the donor list", err)
		}
	}
	now, err := readDonors(ctx, reader)
	if err != nil || !strings.EqualFold(now.String, donor) {
		return err
	}
	if former.String == "" {
		return set(nil) // '' is refused with 3869: no list is NULL
	}
	return set(former.String)
}
