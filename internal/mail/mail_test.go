package mail

import (
	"net/textproto"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever a mail's fields hold, its headers are those that the outbox writes and no others, and its file stays in the folder.
func TestNothingBreaksOutOfItsHeader(t *testing.T) {
	sender, dir := newOutbox(t)
	message := exampleMessage()
	message.Subject = "[refused] cluster x\r\nBcc: thief@example.net\r\n\r\n<script>\u202egnp.exe\u2028end"
	message.RunID = "r-1\r\nX-Evil: 1"
	message.ID = "../../etc/r-1\r\nX-Evil: 1"
	message.To = []string{"ops@example.org", "a@example.org\r\nBcc: thief@example.net", "b@example.org\nX-Evil: 1",
		"\"x\r\nX-Evil: 1\" <c@example.org>"}
	where, err := sender.Send(t.Context(), message)
	require.NoError(t, err)
	names := files(t, dir)
	require.Len(t, names, 1)
	assert.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*\.eml$`), names[0])
	assert.Contains(t, where, "left out", "an address that is none is named, not dropped in silence")

	got := open(t, filepath.Join(dir, names[0]))
	var headers []string
	for name := range got.header {
		headers = append(headers, name)
	}
	assert.ElementsMatch(t, []string{"Auto-Submitted", "Content-Type", "Date", "From", textproto.CanonicalMIMEHeaderKey("Message-ID"),
		textproto.CanonicalMIMEHeaderKey("MIME-Version"), "Subject", "To", "X-Cluster-Resync-Run"}, headers)
	to, err := got.header.AddressList("To")
	require.NoError(t, err)
	require.Len(t, to, 1)
	assert.Equal(t, "ops@example.org", to[0].Address)
	assert.Equal(t, "[refused] cluster x Bcc: thief@example.net <script> gnp.exe end", got.subject)

	fake := newFakeSendGrid(t, answer{status: 202})
	_, err = fake.sender(t).Send(t.Context(), message)
	require.NoError(t, err)
	body := fake.got[0].body
	require.Len(t, body.Personalizations[0].To, 1)
	for name, value := range body.Headers {
		assert.NotContains(t, value, "\n", name)
		assert.NotContains(t, value, "\r", name)
	}
	assert.NotContains(t, body.Subject, "\n")
}

func TestHeadersHoldForAnyText(t *testing.T) {
	sender, _ := newOutbox(t)
	rapid.Check(t, func(r *rapid.T) {
		message := exampleMessage()
		message.Subject = "s" + rapid.String().Draw(r, "subject")
		message.RunID = rapid.String().Draw(r, "run")
		message.ID = "i" + rapid.String().Draw(r, "id")
		message.Text = "t" + strings.ReplaceAll(rapid.String().Draw(r, "text"), "\r", "")
		path, err := sender.Send(t.Context(), message)
		if err != nil {
			r.Fatal(err)
		}
		got := open(t, path)
		if len(got.header) != 9 || got.subject != oneLine(message.Subject, maxSubject) || len(got.bodies) != 2 {
			r.Fatalf("headers %v, subject %q, %d parts", got.header, got.subject, len(got.bodies))
		}
		if got.bodies[0] != message.Text {
			r.Fatalf("text %q came back as %q", message.Text, got.bodies[0])
		}
	})
}

func TestRecipients(t *testing.T) {
	for name, test := range map[string]struct {
		to        []string
		delivered []string
		leftOut   string
		fails     string
	}{
		"none":              {fails: "names no recipient"},
		"none usable":       {to: []string{"nobody"}, fails: `"nobody" is not a mail address`},
		"twice":             {to: []string{"a@example.org", "A <A@Example.org>", "b@example.org"}, delivered: []string{"a@example.org", "b@example.org"}},
		"one is no address": {to: []string{"a@example.org", "nobody"}, delivered: []string{"a@example.org"}, leftOut: `"nobody"`},
		"a list in one":     {to: []string{"a@example.org", "b@example.org, c@example.org"}, delivered: []string{"a@example.org"}, leftOut: "c@example.org"},
		"outside ASCII":     {to: []string{"a@bücher.example", "b@example.org"}, delivered: []string{"b@example.org"}, leftOut: "xn--"},
		"too many":          {to: many(1001), fails: "at most 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeSendGrid(t, answer{status: 202})
			message := exampleMessage()
			message.To = test.to
			where, err := fake.sender(t).Send(t.Context(), message)
			if test.fails != "" {
				var permanentError *PermanentError
				require.ErrorAs(t, err, &permanentError)
				assert.Contains(t, err.Error(), test.fails)
				assert.Empty(t, fake.got)
				return
			}
			require.NoError(t, err)
			var delivered []string
			for _, to := range fake.got[0].body.Personalizations[0].To {
				delivered = append(delivered, to.Email)
			}
			assert.Equal(t, test.delivered, delivered)
			assert.Contains(t, where, test.leftOut)
		})
	}
}

func TestAnIncompleteMailIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Message){
		"no subject": func(m *Message) { m.Subject = " \n" },
		"no text":    func(m *Message) { m.Text = "" },
		"no HTML":    func(m *Message) { m.HTML = "" },
		"no ID":      func(m *Message) { m.ID = "../" },
	} {
		t.Run(name, func(t *testing.T) {
			sender, dir := newOutbox(t)
			message := exampleMessage()
			spoil(&message)
			_, err := sender.Send(t.Context(), message)
			var permanentError *PermanentError
			require.ErrorAs(t, err, &permanentError)
			assert.Empty(t, files(t, dir))
		})
	}
}

func many(n int) []string {
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = "a" + strings.Repeat("x", i/26) + string(rune('a'+i%26)) + "@example.org"
	}
	return addresses
}
