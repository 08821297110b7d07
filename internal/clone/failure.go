package clone

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Kind sorts the failures of a clone by what is to be done about them.
type Kind string

const (
	// DonorBusy: the donor feeds another clone (3862 around 3634) or is in the midst of a DDL statement (3633). Wait for it.
	DonorBusy Kind = "donor busy"
	// DonorFull: the donor has no connection left, for anybody (1040) or for the donor account (1203, 1226).
	DonorFull Kind = "donor full"
	// RecipientBusy: the recipient is an end of another clone (bare 3634).
	RecipientBusy Kind = "recipient busy"
	// DonorRefused: the donor refused account, privilege, plugin or setting; the same again will fail again.
	DonorRefused Kind = "donor refused"
	// DonorLost: the donor went away or cannot be reached from the recipient.
	DonorLost Kind = "donor lost"
	// Unfit: the two servers do not fit each other, or the recipient is not set up for a clone (38xx, 3957, 1524).
	Unfit Kind = "unfit"
	// Forbidden: the admin account lacks CLONE_ADMIN.
	Forbidden Kind = "forbidden"
	// ReadOnly: super_read_only was ON (1290). It is what a rehearsal wants to see.
	ReadOnly Kind = "read only"
	// LockWait: somebody held a metadata lock during DROP DATA (1205).
	LockWait Kind = "lock wait"
	// DiskFull: no room, found after the drop (3873) or while writing (1026, 1021).
	DiskFull Kind = "disk full"
	// ForeignFiles: a schema's directory on the recipient holds a file that is not MySQL's (1010); the operator has to move it.
	ForeignFiles Kind = "foreign files"
	// Killed: a KILL, a shutdown or our stall watchdog ended it (1317, 1158).
	Killed Kind = "killed"
	// Unknown: none of the above; look at Number.
	Unknown Kind = "unknown"
)

// Failure is a clone that did not complete.
type Failure struct {
	Node, Donor string
	Kind        Kind
	// Number is the recipient's error; Inner the donor's own when Number is 3862, else 0.
	Number, Inner uint16
	Text          string
	// Data says what became of the recipient's data.
	Data Data
	// Stalled says that it was ended because no bytes moved for so many seconds; 0 otherwise.
	Stalled int
}

func (f *Failure) Error() string {
	stalled := ""
	if f.Stalled > 0 {
		stalled = fmt.Sprintf(" (ended by us: no bytes for %d s)", f.Stalled)
	}
	return fmt.Sprintf("node %s: clone from %s failed: %s: error %d: %s%s; the node's data are %s", f.Node, f.Donor, f.Kind, f.Number, f.Text, stalled, f.Data)
}

// Transient reports whether the same clone may succeed later without anybody mending anything.
func (f *Failure) Transient() bool {
	switch f.Kind {
	case DonorBusy, DonorFull, RecipientBusy, DonorLost, LockWait, Killed:
		return true
	}
	return false
}

// LacksRoom reports that the clone may succeed once somebody has made room, on the recipient's disk or among the donor's connections.
func (f *Failure) LacksRoom() bool { return f.Kind == DiskFull || f.Kind == DonorFull }

var donorError = regexp.MustCompile(`Clone Donor Error: (?:Connect failed: )?(\d+) :`)

// innerNumber is the donor's own number in the text of a 3862.
func innerNumber(text string) uint16 {
	m := donorError.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseUint(m[1], 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

const (
	errnoDonor      = 3862
	errnoDDL        = 3633
	errnoTooMany    = 3634
	errnoNotManaged = 3707
)

func newFailure(nodeName, donor string, number uint16, text string, s Status) *Failure {
	f := &Failure{Node: nodeName, Donor: donor, Number: number, Text: text, Data: s.Data()}
	if number == errnoDonor {
		f.Inner = innerNumber(text)
	}
	f.Kind = kindOf(number, f.Inner)
	return f
}

func kindOf(number, inner uint16) Kind {
	switch number {
	case errnoDonor:
		return donorKind(inner)
	case errnoTooMany:
		return RecipientBusy
	case node.ErrnoReadOnly:
		return ReadOnly
	case node.ErrnoPrivilegeNeeded:
		return Forbidden
	case node.ErrnoLockWaitTimeout:
		return LockWait
	case 1010:
		return ForeignFiles
	case 3873, 1026, 1021, 1030:
		return DiskFull
	case node.ErrnoQueryInterrupted, 1158, 1159, 1160, 1161:
		return Killed
	case node.ErrnoPluginNotLoaded, 3957, 3863, 3864, 3865, 3866, 3867, 3868, 3869, 3870, 3871, 3872, 3875:
		return Unfit
	}
	return Unknown
}

func donorKind(inner uint16) Kind {
	switch inner {
	case errnoTooMany, errnoDDL:
		return DonorBusy
	case 1040, 1203, 1226:
		return DonorFull
	case 2002, 2003, 2005, 2006, 2013, 2055, node.ErrnoServerShutdown, node.ErrnoQueryInterrupted, 1815, 1158, 1159, 1160, 1161:
		return DonorLost
	case 3871: // the donor is itself being cloned into (misleading text, measured on 9.7), or it is the recipient
		return DonorBusy
	case 0:
		return Unknown
	}
	return DonorRefused
}
