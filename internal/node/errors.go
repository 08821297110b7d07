package node

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// Server error numbers that the project judges by (MySQL manual: Server Error Message Reference).
const (
	ErrnoAccessDenied       = 1045
	ErrnoServerShutdown     = 1053
	ErrnoUnknownThread      = 1094
	ErrnoKillDenied         = 1095
	ErrnoNoSuchTable        = 1146
	ErrnoLockWaitTimeout    = 1205
	ErrnoPrivilegeNeeded    = 1227
	ErrnoReadOnly           = 1290
	ErrnoQueryInterrupted   = 1317
	ErrnoPluginNotLoaded    = 1524
	ErrnoOfflineMode        = 3032
	ErrnoUnknownSystemVar   = 1193
	ErrnoChannelRunning     = 3081
	ErrnoTooManyConnections = 1040
	ErrnoCannotConvert      = 3854
)

// Class says what an error means for the one who has to decide what to do next.
type Class int

const (
	// ClassOther is an error that the number alone describes, or none of the below.
	ClassOther Class = iota
	// ClassUnreachable: no connection could be made; nothing was sent.
	ClassUnreachable
	// ClassConnectionLost: a connection that stood is gone; whether the statement took effect is unknown.
	ClassConnectionLost
	// ClassAccessDenied: wrong credentials, a locked or expired account, or a missing privilege.
	ClassAccessDenied
	// ClassOffline: the server is in offline mode and the account lacks CONNECTION_ADMIN (3032).
	ClassOffline
	// ClassReadOnly: refused by read_only or super_read_only (1290); nothing was changed.
	ClassReadOnly
	// ClassCancelled: the caller's context ended.
	ClassCancelled
)

func (c Class) String() string {
	switch c {
	case ClassUnreachable:
		return "unreachable"
	case ClassConnectionLost:
		return "connection lost"
	case ClassAccessDenied:
		return "access denied"
	case ClassOffline:
		return "offline mode"
	case ClassReadOnly:
		return "read-only"
	case ClassCancelled:
		return "cancelled"
	default:
		return "other"
	}
}

// Error is any failure at one node. errors.As finds the *mysql.MySQLError within.
type Error struct {
	Node   string
	Doing  string // what was being done, in words: "reset the GTIDs"
	Number uint16 // the server's error number, 0 when it did not come from the server
	Class  Class
	Err    error
}

func (e *Error) Error() string {
	if e.Class == ClassOther || e.Class == ClassCancelled {
		return fmt.Sprintf("node %s: %s: %v", e.Node, e.Doing, e.Err)
	}
	return fmt.Sprintf("node %s: %s: %s: %v", e.Node, e.Doing, e.Class, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Wrap makes err an *Error of the named node, unless it is one already. nil stays nil.
func Wrap(nodeName, doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Node: nodeName, Doing: doing, Number: Number(err), Class: Classify(err), Err: err}
}

// Number is the server's error number within err, or 0.
func Number(err error) uint16 {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return my.Number
	}
	return 0
}

// Classify says what kind of failure err is. The more specific *Error within decides when there is one.
func Classify(err error) Class {
	if err == nil {
		return ClassOther
	}
	var known *Error
	if errors.As(err, &known) {
		return known.Class
	}
	if c, ok := classOfNumber(Number(err)); ok {
		return c
	}
	// A dial that ran into its own limit is a net.Error too; only the caller's context counts as cancelled, and the driver
	// hands that one through as it is.
	var dial *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial", errors.As(err, &dns):
		return ClassUnreachable
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ClassCancelled
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.As(err, &dial):
		return ClassConnectionLost
	}
	return ClassOther
}

func classOfNumber(number uint16) (Class, bool) {
	switch number {
	case 0:
		return ClassOther, false
	case ErrnoTooManyConnections, 1129 /* host blocked */, 1130 /* host not allowed */, 1203 /* too many of this user */ :
		return ClassUnreachable, true
	case ErrnoServerShutdown, 1927 /* connection was killed */, 4031 /* disconnected for inactivity */, 3168 /* server is not available */ :
		return ClassConnectionLost, true
	case ErrnoAccessDenied, 1044, 1142, 1143, ErrnoPrivilegeNeeded, 1370, 1698, 1820, 1862, 3118, ErrnoKillDenied:
		return ClassAccessDenied, true
	case ErrnoOfflineMode:
		return ClassOffline, true
	case ErrnoReadOnly, 1836 /* innodb read-only */ :
		return ClassReadOnly, true
	}
	return ClassOther, true
}

// scrub takes secrets out of what the server said.
func scrub(err error, secrets ...string) error {
	var my *mysql.MySQLError
	if err == nil || !errors.As(err, &my) {
		return err
	}
	text := my.Message
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(strings.ReplaceAll(text, s, "***"), escaped.Replace(s), "***")
		}
	}
	if my.Number == errnoSyntax && len(secrets) > 0 {
		// It quotes the statement, cut anywhere, perhaps in the middle of a secret.
		text = "syntax error (the server's text is withheld, as the statement holds a secret)"
	}
	if text == my.Message {
		return err
	}
	return &mysql.MySQLError{Number: my.Number, SQLState: my.SQLState, Message: text}
}

const errnoSyntax = 1064

// escaped is how the driver writes a string into a statement.
var escaped = strings.NewReplacer("\x00", `\0`, "\n", `\n`, "\r", `\r`, "\x1a", `\Z`, "'", `\'`, `"`, `\"`, `\`, `\\`)
