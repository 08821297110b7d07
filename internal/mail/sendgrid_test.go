package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testKey = "SG.a-key-that-nobody-may-see.0123456789"

func exampleMessage() Message {
	return Message{
		To: []string{"Ops Team <ops@example.org>", "dba@example.org"}, Subject: "[succeeded] cluster shop (run r-1)",
		Text: "All is well.\n", HTML: "<!doctype html><p>All is <b>well</b>.</p>", RunID: "r-1", ID: NewID("r-1", KindReport),
	}
}

// request is what the server got.
type request struct {
	path, auth, contentType string
	raw                     string
	body                    sendGridBody
}

// sendGridBody is the part of SendGrid's v3 request that the tests judge, written down from SendGrid's API reference.
type sendGridBody struct {
	Personalizations []struct {
		To []struct{ Email, Name string } `json:"to"`
	} `json:"personalizations"`
	From    struct{ Email, Name string } `json:"from"`
	Subject string                       `json:"subject"`
	Content []struct{ Type, Value string }
	Headers map[string]string `json:"headers"`
	Args    map[string]string `json:"custom_args"`

	TrackingSettings struct {
		Click struct {
			Enable *bool `json:"enable"`
		} `json:"click_tracking"`
		Open struct {
			Enable *bool `json:"enable"`
		} `json:"open_tracking"`
	} `json:"tracking_settings"`
	MailSettings struct {
		Sandbox struct {
			Enable bool `json:"enable"`
		} `json:"sandbox_mode"`
	} `json:"mail_settings"`
}

// fakeSendGrid answers each request with the next answer and keeps what it got.
type fakeSendGrid struct {
	*httptest.Server
	mu  sync.Mutex
	got []request
}

type answer struct {
	status  int
	body    string
	headers map[string]string
}

func newFakeSendGrid(t *testing.T, answers ...answer) *fakeSendGrid {
	t.Helper()
	fake := &fakeSendGrid{}
	fake.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		got := request{path: r.Method + " " + r.URL.Path, auth: r.Header.Get("Authorization"),
			contentType: r.Header.Get("Content-Type"), raw: string(raw)}
		if err := json.Unmarshal(raw, &got.body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fake.mu.Lock()
		next := answers[min(len(fake.got), len(answers)-1)]
		fake.got = append(fake.got, got)
		fake.mu.Unlock()
		for name, value := range next.headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, next.body)
	}))
	t.Cleanup(fake.Close)
	return fake
}

func (f *fakeSendGrid) sender(t *testing.T) Sender {
	t.Helper()
	sender, err := New(Config{Transport: TransportSendGrid, From: "Resync <resync@example.org>", APIKey: NewSecret(testKey), Host: f.URL})
	require.NoError(t, err)
	return sender
}

func TestSendGridAccepts(t *testing.T) {
	fake := newFakeSendGrid(t, answer{status: 202, headers: map[string]string{"X-Message-Id": "sg-77"}})
	where, err := fake.sender(t).Send(t.Context(), exampleMessage())
	require.NoError(t, err)
	assert.Equal(t, "SendGrid accepted it for ops@example.org, dba@example.org as sg-77", where)

	require.Len(t, fake.got, 1)
	got := fake.got[0]
	assert.Equal(t, "POST /v3/mail/send", got.path)
	assert.Equal(t, "Bearer "+testKey, got.auth)
	assert.Equal(t, "application/json", got.contentType)
	assert.NotContains(t, got.raw, testKey, "the key belongs into the Authorization header only")

	body := got.body
	require.Len(t, body.Personalizations, 1, "one mail, whose readers see each other")
	require.Len(t, body.Personalizations[0].To, 2)
	assert.Equal(t, "ops@example.org", body.Personalizations[0].To[0].Email)
	assert.Equal(t, "Ops Team", body.Personalizations[0].To[0].Name)
	assert.Equal(t, "dba@example.org", body.Personalizations[0].To[1].Email)
	assert.Equal(t, "resync@example.org", body.From.Email)
	assert.Equal(t, "[succeeded] cluster shop (run r-1)", body.Subject)
	require.Len(t, body.Content, 2)
	assert.Equal(t, "text/plain", body.Content[0].Type, "SendGrid demands plain text first")
	assert.Equal(t, "All is well.\n", body.Content[0].Value)
	assert.Equal(t, "text/html", body.Content[1].Type)
	assert.Equal(t, "<!doctype html><p>All is <b>well</b>.</p>", body.Content[1].Value)
	assert.Equal(t, map[string]string{"run_id": "r-1", "mail_id": "r-1.report"}, body.Args)
	assert.Equal(t, "<r-1.report@example.org>", body.Headers["Message-ID"])
	assert.Equal(t, "auto-generated", body.Headers["Auto-Submitted"])
	if assert.NotNil(t, body.TrackingSettings.Click.Enable) && assert.NotNil(t, body.TrackingSettings.Open.Enable) {
		assert.False(t, *body.TrackingSettings.Click.Enable)
		assert.False(t, *body.TrackingSettings.Open.Enable)
	}
	assert.False(t, body.MailSettings.Sandbox.Enable)
}

func TestSendGridSandboxAnswers200(t *testing.T) {
	fake := newFakeSendGrid(t, answer{status: 200}, answer{status: 202})
	sender := &SendGrid{APIKey: NewSecret(testKey), From: "resync@example.org", Host: fake.URL + "/", Sandbox: true}
	where, err := sender.Send(t.Context(), exampleMessage())
	require.NoError(t, err)
	assert.Contains(t, where, "without delivery")
	assert.True(t, fake.got[0].body.MailSettings.Sandbox.Enable)
	assert.Equal(t, "POST /v3/mail/send", fake.got[0].path, "a slash at the host's end is not doubled")

	_, err = sender.Send(t.Context(), exampleMessage())
	var permanentError *PermanentError
	require.ErrorAs(t, err, &permanentError, "202 would mean that the sandbox was not one")
}

func TestSendGridRefusals(t *testing.T) {
	date := "Tue, 02 Jan 2029 10:00:00 GMT"
	reset := fmt.Sprint(time.Date(2029, 1, 2, 10, 0, 40, 0, time.UTC).Unix())
	for name, test := range map[string]struct {
		answer    answer
		permanent bool
		after     time.Duration
		says      []string
	}{
		"400 with its errors": {
			answer: answer{status: 400, body: `{"errors":[{"message":"Does not contain a valid address.","field":"personalizations.0.to.0.email"},` +
				`{"message":"The from address does not match a verified Sender Identity."}]}`},
			permanent: true,
			says:      []string{"400", "personalizations.0.to.0.email: Does not contain a valid address.", "verified Sender Identity"},
		},
		"401": {answer: answer{status: 401, body: `{"errors":[{"message":"The provided authorization grant is invalid, expired, or revoked"}]}`},
			permanent: true, says: []string{"401", "expired, or revoked", "valid API key"}},
		"401 that echoes the key": {answer: answer{status: 401, body: `{"errors":[{"message":"bad token ` + testKey + `"}]}`},
			permanent: true, says: []string{"bad token [redacted]"}},
		"403":                   {answer: answer{status: 403, body: `{"errors":[{"message":"access forbidden"}]}`}, permanent: true, says: []string{"Mail Send"}},
		"413":                   {answer: answer{status: 413, body: "<html>Request\r\nEntity Too Large</html>"}, permanent: true, says: []string{"413", "<html>Request Entity Too Large</html>", "larger"}},
		"200 outside a sandbox": {answer: answer{status: 200, body: "welcome to the hotel"}, permanent: true, says: []string{"200", "202", "proxy", "hotel"}},
		"429 with its reset": {answer: answer{status: 429, headers: map[string]string{"Date": date, "X-RateLimit-Reset": reset}},
			after: 40 * time.Second, says: []string{"429"}},
		"429 with seconds": {answer: answer{status: 429, headers: map[string]string{"Retry-After": "7", "X-RateLimit-Reset": reset}},
			after: 7 * time.Second},
		"503 with a date": {answer: answer{status: 503, headers: map[string]string{"Date": date, "Retry-After": "Tue, 02 Jan 2029 10:02:00 GMT"}},
			after: 2 * time.Minute, says: []string{"503"}},
		"429 that asks for a day":      {answer: answer{status: 429, headers: map[string]string{"Retry-After": "86400"}}, after: time.Hour},
		"429 with a reset in the past": {answer: answer{status: 429, headers: map[string]string{"Date": date, "X-RateLimit-Reset": "1"}}},
		"429 with nonsense":            {answer: answer{status: 429, headers: map[string]string{"Retry-After": "soon", "X-RateLimit-Reset": "later"}}},
		"500":                          {answer: answer{status: 500}, says: []string{"500"}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeSendGrid(t, test.answer)
			where, err := fake.sender(t).Send(t.Context(), exampleMessage())
			require.Error(t, err)
			assert.Empty(t, where)
			assert.Len(t, fake.got, 1, "trying again is the caller's decision")
			var permanentError *PermanentError
			var temporaryError *TemporaryError
			if test.permanent {
				require.ErrorAs(t, err, &permanentError)
				assert.Equal(t, test.answer.status, permanentError.Status)
			} else {
				require.ErrorAs(t, err, &temporaryError)
				assert.Equal(t, test.answer.status, temporaryError.Status)
				assert.Equal(t, test.after, temporaryError.RetryAfter)
			}
			for _, part := range test.says {
				assert.Contains(t, err.Error(), part)
			}
			assertSilent(t, err)
		})
	}
}

func TestSendGridIsTriedAgain(t *testing.T) {
	fake := newFakeSendGrid(t, answer{status: 429, headers: map[string]string{"Retry-After": "1"}}, answer{status: 202})
	sender := fake.sender(t)
	_, err := sender.Send(t.Context(), exampleMessage())
	var temporaryError *TemporaryError
	require.ErrorAs(t, err, &temporaryError)
	_, err = sender.Send(t.Context(), exampleMessage())
	require.NoError(t, err)
	require.Len(t, fake.got, 2)
	assert.Equal(t, fake.got[0].raw, fake.got[1].raw, "the second copy is the same mail, Message-ID included")
}

func TestSendGridGivesUpWithItsContext(t *testing.T) {
	arrived := make(chan struct{})
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := (&SendGrid{APIKey: NewSecret(testKey), From: "resync@example.org", Host: server.URL}).Send(ctx, exampleMessage())
	var temporaryError *TemporaryError
	require.ErrorAs(t, err, &temporaryError)
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, err.Error(), "unknown", "the server may have taken the mail")
	assertSilent(t, err)
}

func TestSendGridPastItsDeadline(t *testing.T) {
	fake := newFakeSendGrid(t, answer{status: 202})
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := fake.sender(t).Send(ctx, exampleMessage())
	var temporaryError *TemporaryError
	require.ErrorAs(t, err, &temporaryError)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, fake.got)
}

func TestSendGridUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = (&SendGrid{APIKey: NewSecret(testKey), From: "resync@example.org", Host: "http://" + address}).Send(t.Context(), exampleMessage())
	var temporaryError *TemporaryError
	require.ErrorAs(t, err, &temporaryError)
	assert.Zero(t, temporaryError.Status)
	assert.Contains(t, err.Error(), "could not be reached")
	assert.Contains(t, err.Error(), "refused")
	assertSilent(t, err)
}

// Many sends through one sender must not mix up their bodies, which a shared client of the library would do.
func TestSendGridIsSafeForConcurrentUse(t *testing.T) {
	fake := newFakeSendGrid(t, answer{status: 202})
	sender := fake.sender(t)
	const sends = 40
	var group sync.WaitGroup
	errs := make(chan error, sends)
	for i := range sends {
		group.Go(func() {
			message := exampleMessage()
			message.RunID = fmt.Sprintf("run-%d", i)
			message.ID = NewID(message.RunID, KindReport)
			message.Text = "text of " + message.RunID
			_, err := sender.Send(t.Context(), message)
			errs <- err
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	seen := map[string]bool{}
	for _, got := range fake.got {
		run := got.body.Args["run_id"]
		assert.Equal(t, "text of "+run, got.body.Content[0].Value)
		seen[run] = true
	}
	assert.Len(t, seen, sends)
}

// assertSilent looks for the key in every way an error can be shown.
func assertSilent(t *testing.T, err error) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s"} {
		assert.NotContains(t, fmt.Sprintf(verb, err), testKey)
	}
}
