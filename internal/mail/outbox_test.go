package mail

import (
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// opened is an .eml file as a mail program sees it.
type opened struct {
	raw     []byte
	header  mail.Header
	subject string
	types   []string
	bodies  []string
}

func open(t *testing.T, path string) opened {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	result := opened{raw: raw, header: parsed.Header}
	result.subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	require.NoError(t, err)
	kind, parameters, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	parts := multipart.NewReader(parsed.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return result
		}
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		result.types = append(result.types, part.Header.Get("Content-Type"))
		result.bodies = append(result.bodies, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
}

func newOutbox(t *testing.T) (Sender, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made", "outbox")
	sender, err := New(Config{Transport: TransportOutbox, From: "Resync <resync@example.org>", Dir: dir})
	require.NoError(t, err)
	return sender, dir
}

func TestOutboxWritesWhatMailProgramsRead(t *testing.T) {
	sender, dir := newOutbox(t)
	message := exampleMessage()
	message.Subject = "[partlySucceeded] cluster büro: 2 of 3 secondaries proven – näheres im Bericht, der recht lang ist (run r-1)"
	message.To = []string{"Jürgen Größe <juergen@example.org>", "dba@example.org"}
	message.Text = "Grüße\n" + strings.Repeat("0123456789abcdef:1-99,", 400) + "\n.\nFrom here\nlast = line\n"
	message.HTML = "<p>Grüße " + strings.Repeat("x", 3000) + " 数据</p>"
	path, err := sender.Send(t.Context(), message)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "r-1.report.eml"), path)

	got := open(t, path)
	assert.Equal(t, message.Subject, got.subject)
	assert.Equal(t, "<r-1.report@example.org>", got.header.Get("Message-ID"))
	assert.Equal(t, "r-1", got.header.Get("X-Cluster-Resync-Run"))
	assert.Equal(t, "1.0", got.header.Get("MIME-Version"))
	_, err = got.header.Date()
	require.NoError(t, err)
	to, err := got.header.AddressList("To")
	require.NoError(t, err)
	require.Len(t, to, 2)
	assert.Equal(t, "Jürgen Größe", to[0].Name)
	assert.Equal(t, "juergen@example.org", to[0].Address)
	from, err := got.header.AddressList("From")
	require.NoError(t, err)
	assert.Equal(t, "resync@example.org", from[0].Address)
	assert.Equal(t, []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"}, got.types, "programs show the last form they can")
	require.Len(t, got.bodies, 2)
	assert.Equal(t, message.Text, got.bodies[0])
	assert.Equal(t, message.HTML, got.bodies[1])
	for _, line := range strings.Split(string(got.raw), "\r\n") {
		assert.LessOrEqual(t, len(line), 998, "RFC 5322 allows no longer line")
		assert.NotContains(t, line, "\n", "every line ends in CRLF")
	}
}

func TestOutboxReplacesARepeatedMail(t *testing.T) {
	sender, dir := newOutbox(t)
	first, err := sender.Send(t.Context(), exampleMessage())
	require.NoError(t, err)
	again := exampleMessage()
	again.Text = "A later attempt.\n"
	second, err := sender.Send(t.Context(), again)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Equal(t, "A later attempt.\n", open(t, second).bodies[0])

	approval := exampleMessage()
	approval.ID = NewID("r-1", KindApproval)
	third, err := sender.Send(t.Context(), approval)
	require.NoError(t, err)
	assert.NotEqual(t, first, third)
	assert.ElementsMatch(t, []string{"r-1.report.eml", "r-1.approval.eml"}, files(t, dir), "no draft is left behind")
}

func TestOutboxKeepsOneWholeFileUnderConcurrentSends(t *testing.T) {
	sender, dir := newOutbox(t)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			message := exampleMessage()
			message.Text = strings.Repeat(string(rune('a'+i)), 5000)
			_, err := sender.Send(t.Context(), message)
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.Equal(t, []string{"r-1.report.eml"}, files(t, dir))
	text := open(t, filepath.Join(dir, "r-1.report.eml")).bodies[0]
	assert.Equal(t, strings.Repeat(text[:1], 5000), text, "one mail, not a mixture")
}

func TestOutboxThatVanished(t *testing.T) {
	sender, dir := newOutbox(t)
	require.NoError(t, os.Remove(dir))
	_, err := sender.Send(t.Context(), exampleMessage())
	var temporaryError *TemporaryError
	require.ErrorAs(t, err, &temporaryError)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Contains(t, err.Error(), dir)
}

func TestOutboxLeavesNoDraftWhenItCannotFinish(t *testing.T) {
	sender, dir := newOutbox(t)
	// A folder where the file belongs makes the last step fail.
	require.NoError(t, os.Mkdir(filepath.Join(dir, "r-1.report.eml"), 0o750))
	_, err := sender.Send(t.Context(), exampleMessage())
	require.Error(t, err)
	assert.Equal(t, []string{"r-1.report.eml"}, files(t, dir))
}

func TestOutboxGivesUpWithItsContext(t *testing.T) {
	sender, dir := newOutbox(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sender.Send(ctx, exampleMessage())
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, files(t, dir))
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
