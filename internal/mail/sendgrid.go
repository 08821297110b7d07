package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/sendgrid/rest"
	"github.com/sendgrid/sendgrid-go"
	sgmail "github.com/sendgrid/sendgrid-go/helpers/mail"
)

const (
	sendGridEndpoint = "/v3/mail/send"
	// attemptTimeout ends one attempt; the caller's context may end it sooner.
	attemptTimeout = 30 * time.Second
	// maxRetryAfter bounds what a server can ask for; a mail is worth trying at least this often.
	maxRetryAfter = time.Hour
	// maxErrorText bounds how much of a foreign answer an error repeats.
	maxErrorText = 400
)

// SendGrid sends through SendGrid's v3 API. It is safe for concurrent use.
type SendGrid struct {
	APIKey Secret
	// From must be a sender that SendGrid has verified.
	From string
	// Host is the base URL; empty is SendGrid's global one.
	Host string
	// Sandbox asks SendGrid to check the mail without delivering it; it then answers 200 instead of 202.
	Sandbox bool
}

// Send hands the mail to SendGrid, in one attempt of at most 30 s.
func (s *SendGrid) Send(ctx context.Context, message Message) (string, error) {
	sealed, err := seal(s.From, message)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	// A client per send: SendWithContext keeps the body in a field of the client, so that a shared one would mix up mails.
	client := sendgrid.NewSendClient(s.APIKey.Reveal())
	if s.Host != "" {
		client.BaseURL = strings.TrimSuffix(s.Host, "/") + sendGridEndpoint
	}
	answer, err := client.SendWithContext(ctx, s.build(sealed))
	if err != nil {
		return "", s.unanswered(err)
	}
	// The library returns no error for a refusal: the status is the only sign.
	if err := s.refusal(answer); err != nil {
		return "", err
	}
	where := "SendGrid accepted it for "
	if s.Sandbox {
		where = "SendGrid's sandbox checked it, without delivery, for "
	}
	where += sealed.names()
	if id := header(answer, "X-Message-Id"); id != "" {
		where += " as " + oneLine(id, maxID)
	}
	return where + sealed.omissions(), nil
}

func (s *SendGrid) build(sealed envelope) *sgmail.SGMailV3 {
	readers := sgmail.NewPersonalization()
	for _, address := range sealed.to {
		readers.AddTos(sendGridAddress(address))
	}
	built := sgmail.NewV3Mail()
	built.SetFrom(sendGridAddress(sealed.from))
	built.Subject = sealed.subject
	built.AddPersonalizations(readers)
	// SendGrid demands plain text before HTML.
	built.AddContent(sgmail.NewContent("text/plain", sealed.text), sgmail.NewContent("text/html", sealed.html))
	built.SetCustomArg("run_id", sealed.runID)
	built.SetCustomArg("mail_id", sealed.id)
	built.SetHeader("Message-ID", "<"+sealed.messageID+">")
	built.SetHeader("Auto-Submitted", "auto-generated")
	// Links stay as written and no picture is added that tells who read the mail.
	off := false
	built.SetTrackingSettings(&sgmail.TrackingSettings{
		ClickTracking: &sgmail.ClickTrackingSetting{Enable: &off, EnableText: &off},
		OpenTracking:  &sgmail.OpenTrackingSetting{Enable: &off},
	})
	if s.Sandbox {
		on := true
		built.SetMailSettings(&sgmail.MailSettings{SandboxMode: &sgmail.Setting{Enable: &on}})
	}
	return built
}

func sendGridAddress(address *mail.Address) *sgmail.Email {
	return sgmail.NewEmail(address.Name, address.Address)
}

// unanswered judges an attempt without an answer. Whether SendGrid took the mail is unknown then; sending again is right, because a
// second copy is recognisable and a missing mail is not.
func (s *SendGrid) unanswered(err error) error {
	if timedOut(err) {
		return &TemporaryError{Err: fmt.Errorf("SendGrid did not answer in time, so whether it took the mail is unknown: %w", err)}
	}
	if text := s.APIKey.Scrub(err.Error()); text != err.Error() {
		err = errors.New(text)
	}
	return &TemporaryError{Err: fmt.Errorf("SendGrid could not be reached: %w", err)}
}

// refusal judges the answer's status: nil when the mail was taken.
func (s *SendGrid) refusal(answer *rest.Response) error {
	status, wanted := answer.StatusCode, http.StatusAccepted
	if s.Sandbox {
		wanted = http.StatusOK
	}
	said := s.APIKey.Scrub(errorText(answer.Body))
	switch {
	case status == wanted:
		return nil
	case status == http.StatusTooManyRequests:
		return &TemporaryError{Status: status, RetryAfter: retryAfter(answer),
			Err: fmt.Errorf("SendGrid answered 429, too many requests%s", said)}
	case status == http.StatusRequestTimeout || status >= 500:
		return &TemporaryError{Status: status, RetryAfter: retryAfter(answer),
			Err: fmt.Errorf("SendGrid answered %d%s", status, said)}
	case status < 400:
		return &PermanentError{Status: status,
			Err: fmt.Errorf("SendGrid's host answered %d where %d was wanted: check that it is SendGrid itself, not a proxy%s",
				status, wanted, said)}
	default:
		return &PermanentError{Status: status, Err: fmt.Errorf("SendGrid refused the mail with %d%s%s", status, said, advice(status))}
	}
}

// advice says what to do about SendGrid's usual refusals.
func advice(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return " (give the worker a valid API key, and mind the region: an EU key needs the EU host)"
	case http.StatusForbidden:
		return " (the key needs the permission Mail Send, and the sender's address must be verified)"
	case http.StatusRequestEntityTooLarge:
		return " (the mail is larger than SendGrid takes; the whole report is the workflow's result)"
	default:
		return ""
	}
}

// errorText takes SendGrid's own messages out of its answer, or, of an answer that is not SendGrid's, the beginning.
func errorText(body string) string {
	var known struct {
		Errors []struct {
			Message string `json:"message"`
			Field   string `json:"field"`
		} `json:"errors"`
	}
	var messages []string
	if json.Unmarshal([]byte(body), &known) == nil {
		for _, one := range known.Errors {
			text := one.Message
			if one.Field != "" {
				text = one.Field + ": " + text
			}
			messages = append(messages, text)
		}
	}
	if len(messages) == 0 {
		messages = []string{body}
	}
	if text := oneLine(strings.Join(messages, "; "), maxErrorText); text != "" {
		return ": " + text
	}
	return ""
}

// retryAfter is how long the answer asks to wait. Retry-After is in seconds or a date, X-RateLimit-Reset is a Unix time. Times are
// taken against the answer's own Date, so that a wrong clock here does not matter.
func retryAfter(answer *rest.Response) time.Duration {
	now := time.Now()
	if date, err := http.ParseTime(header(answer, "Date")); err == nil {
		now = date
	}
	var wait time.Duration
	if text := header(answer, "Retry-After"); text != "" {
		if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
			wait = time.Duration(seconds) * time.Second
		} else if date, err := http.ParseTime(text); err == nil {
			wait = date.Sub(now)
		}
	}
	if wait <= 0 {
		if reset, err := strconv.ParseInt(header(answer, "X-RateLimit-Reset"), 10, 64); err == nil {
			wait = time.Unix(reset, 0).Sub(now)
		}
	}
	return min(max(wait, 0), maxRetryAfter)
}

func header(answer *rest.Response, name string) string { return http.Header(answer.Headers).Get(name) }
