package hook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/secret"
)

// maxAnswer bounds what is read of an answer, in bytes, before secrets are taken out and it is cut.
const maxAnswer = 64 << 10

// leastSecret is the length, in bytes, from which a path or a query may open something. Shorter ones would riddle answers with redactions.
const leastSecret = 8

// request posts the event to an address. A redirect is a failure: to follow it would send the token, or the event, to somebody else.
func request(ctx context.Context, hook inventory.Hook, event Event, message []byte) (string, error) {
	token, err := hook.Token()
	if err != nil {
		return "", &NotCalledError{Hook: hook.String(), Err: err, final: true}
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(message))
	if err != nil {
		return "", &NotCalledError{Hook: hook.String(), Err: errors.New("its address cannot be read"), final: true}
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("User-Agent", "clusterresync")
	post.Header.Set("Idempotency-Key", event.ID())
	if !token.Empty() {
		post.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(post)
	if err != nil {
		var refused *tls.CertificateVerificationError
		return "", &NotCalledError{Hook: hook.String(), Err: requestCause(err), final: errors.As(err, &refused)}
	}
	defer response.Body.Close()
	answer, readErr := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	said := head(scrubbed(string(answer), post.URL, token))
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return said, &FailedError{Hook: hook.String(), Status: scrubbed(response.Status, post.URL, token), Code: response.StatusCode, Output: said,
			final: !passing(response.StatusCode)}
	}
	if readErr != nil && ctx.Err() != nil {
		// The status says yes, but the answer did not end in time: whether the work behind it did is not known.
		return said, ctx.Err()
	}
	return said, nil
}

// passing reports whether a status may be another one later (RFC 9110).
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status != http.StatusNotImplemented
}

// requestCause leaves out the address, whose path and query may be secret.
func requestCause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// scrubbed takes out of an answer what opens the hook: servers repeat what they were asked, not least where they refuse it.
func scrubbed(answer string, address *url.URL, token secret.Text) string {
	answer = token.Scrub(answer)
	for _, part := range []string{address.RequestURI(), address.EscapedPath(), address.Path, address.RawQuery} {
		if len(part) >= leastSecret {
			answer = strings.ReplaceAll(answer, part, secret.Redacted)
		}
	}
	return answer
}
