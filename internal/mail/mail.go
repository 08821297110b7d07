// Package mail takes a finished mail to its readers: through SendGrid, or into an outbox folder as files that mail programs open.
//
// It knows addresses, headers, transports and which refusals are worth another try. It does not know what a mail says (that is
// package report), and it never tries again by itself: it says whether trying again can help, and its caller decides.
//
// A mail is sent at least once. SendGrid has no idempotency key, so a repeated send may arrive twice; both copies carry the same
// Message-ID and the same run ID. An outbox keeps one file per mail, however often it is sent.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// The kinds of mail a run sends; each has its own ID.
const (
	// KindReport tells how a run ended.
	KindReport = "report"
	// KindApproval asks for the approval of a plan.
	KindApproval = "approval"
)

// Message is one mail, rendered.
type Message struct {
	// To are addresses such as "ops@example.org" or "Ops <ops@example.org>". All of them see each other. One that is named twice
	// gets one mail; one that is no address is left out and named in the result, as long as one remains.
	To      []string
	Subject string
	// Text and HTML are the two forms of the same content. Both are needed.
	Text string
	HTML string
	// RunID is the run that the mail belongs to.
	RunID string
	// ID tells this mail from every other and is the same when it is sent again; see NewID. It becomes the Message-ID's left part
	// and the outbox's file name.
	ID string
}

// Sender takes a mail to its readers.
type Sender interface {
	// Send returns where the mail went, in words for the report. It fails with a *PermanentError when sending the same mail again
	// cannot help, and with a *TemporaryError when it can. No error names a secret.
	Send(ctx context.Context, message Message) (where string, err error)
}

// NewID is the ID of a run's mail of one kind.
func NewID(runID, kind string) string { return runID + "." + kind }

// PermanentError says that sending the same mail again cannot help.
type PermanentError struct {
	// Status is the HTTP status that was answered; 0 when nothing was sent.
	Status int
	Err    error
}

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// TemporaryError says that sending the same mail later can help.
type TemporaryError struct {
	// Status is the HTTP status that was answered; 0 when there was no answer.
	Status int
	// RetryAfter is how long the other side asks to wait; 0 when it did not say.
	RetryAfter time.Duration
	Err        error
}

func (e *TemporaryError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *TemporaryError) Unwrap() error { return e.Err }

// envelope is a message after its addresses and headers were checked; both transports send only what is in it.
type envelope struct {
	from      *mail.Address
	to        []*mail.Address
	leftOut   []string
	subject   string
	text      string
	html      string
	runID     string
	id        string
	messageID string // without its angle brackets
}

const (
	// maxSubject keeps a subject readable in a list of mails; SendGrid and RFC 5322 would allow more.
	maxSubject = 200
	// maxRecipients is SendGrid's limit for one mail.
	maxRecipients = 1000
	// maxID keeps file names below what file systems take.
	maxID = 120
)

var unsafeInID = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func seal(from string, message Message) (envelope, error) {
	sender, err := parseAddress(from)
	if err != nil {
		return envelope{}, permanent("the sender's address is unusable: %w", err)
	}
	sealed := envelope{
		from: sender, subject: oneLine(message.Subject, maxSubject), text: message.Text, html: message.HTML,
		runID: oneLine(message.RunID, maxID), id: safeID(message.ID),
	}
	sealed.messageID = sealed.id + sender.Address[strings.LastIndexByte(sender.Address, '@'):]
	seen := map[string]bool{}
	for _, text := range message.To {
		address, err := parseAddress(text)
		if err != nil {
			sealed.leftOut = append(sealed.leftOut, err.Error())
			continue
		}
		// SendGrid refuses a mail that names one address twice.
		if key := strings.ToLower(address.Address); !seen[key] {
			seen[key] = true
			sealed.to = append(sealed.to, address)
		}
	}
	switch {
	case len(sealed.to) == 0 && len(sealed.leftOut) == 0:
		return envelope{}, permanent("the mail names no recipient: give the cluster's recipients in the inventory, or a default one")
	case len(sealed.to) == 0:
		return envelope{}, permanent("the mail has no usable recipient: %s", strings.Join(sealed.leftOut, "; "))
	case len(sealed.to) > maxRecipients:
		return envelope{}, permanent("the mail has %d recipients, and at most %d are possible: use a distribution list",
			len(sealed.to), maxRecipients)
	case sealed.id == "":
		return envelope{}, permanent("the mail has no ID")
	case sealed.subject == "" || message.Text == "" || message.HTML == "":
		return envelope{}, permanent("the mail %s lacks its subject, its text or its HTML", sealed.id)
	}
	return sealed, nil
}

// names are the recipients, for the report.
func (e envelope) names() string {
	names := make([]string, len(e.to))
	for i, address := range e.to {
		names[i] = address.Address
	}
	return strings.Join(names, ", ")
}

// omissions says which recipients were left out, as the end of a sentence; empty if none was.
func (e envelope) omissions() string {
	if len(e.leftOut) == 0 {
		return ""
	}
	return "; left out: " + strings.Join(e.leftOut, "; ")
}

// parseAddress takes one address. Control characters are refused before anything else looks at it, so that none can begin another
// header; what is outside ASCII in the address itself is refused because SendGrid would refuse the whole mail for it.
func parseAddress(text string) (*mail.Address, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return nil, fmt.Errorf("%q is not a mail address: it holds control characters", text)
	}
	address, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a mail address", text)
	}
	for _, r := range address.Address {
		if r > unicode.MaxASCII {
			return nil, fmt.Errorf("%q has letters outside ASCII in its address: write its domain in the xn-- form", text)
		}
	}
	return address, nil
}

// oneLine makes any text fit for a header: one line, no control or direction-changing characters, at most limit runes.
func oneLine(text string, limit int) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes)
}

// safeID makes an ID fit for a file name and for the left part of a Message-ID (RFC 5322 dot-atom: no dot at the ends or twice).
func safeID(id string) string {
	id = unsafeInID.ReplaceAllString(id, "-")
	for strings.Contains(id, "..") {
		id = strings.ReplaceAll(id, "..", ".")
	}
	if len(id) > maxID {
		id = id[len(id)-maxID:]
	}
	return strings.Trim(id, ".-")
}

func permanent(format string, args ...any) error {
	return &PermanentError{Err: fmt.Errorf(format, args...)}
}

// timedOut reports whether the caller's context, not the other side, ended the attempt.
func timedOut(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
