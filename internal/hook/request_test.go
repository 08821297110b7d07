package hook

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/inventory"
)

// address is a hook that posts to a server made for the test.
func address(t *testing.T, handler http.HandlerFunc) inventory.Hook {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return inventory.Hook{URL: server.URL + "/hooks/T0-hunter2?key=hunter2", Timeout: plenty, Attempts: 1, OnFailure: inventory.HookStop}
}

func withToken(t *testing.T, hook inventory.Hook, token string) inventory.Hook {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(token+"\n"), 0o600))
	hook.Secret = inventory.Source("file:" + path)
	return hook
}

func TestAddressIsToldTheEvent(t *testing.T) {
	var told map[string]string
	var header http.Header
	var method, uri string
	hook := withToken(t, address(t, func(w http.ResponseWriter, r *http.Request) {
		method, uri, header = r.Method, r.RequestURI, r.Header
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte("drained\n"))
	}), "t0k3n-hunter2")
	answer, err := Run(t.Context(), hook, event)
	require.NoError(t, err)
	assert.Equal(t, "drained", answer.Output)
	assert.Equal(t, http.MethodPost, method)
	assert.Equal(t, "/hooks/T0-hunter2?key=hunter2", uri)
	assert.Equal(t, "Bearer t0k3n-hunter2", header.Get("Authorization"))
	assert.Equal(t, "application/json", header.Get("Content-Type"))
	assert.Equal(t, event.ID(), header.Get("Idempotency-Key"))
	assert.Equal(t, "db2", told["node"])
	assert.Equal(t, event.ID(), told["id"])

	hook.Secret = ""
	_, err = Run(t.Context(), hook, event)
	require.NoError(t, err)
	assert.Empty(t, header.Get("Authorization"))
}

func TestStatusSaysWhetherToTryAgain(t *testing.T) {
	status := 0
	hook := address(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	for code, again := range map[int]bool{
		301: false, 304: false, 400: false, 401: false, 403: false, 404: false, 408: true, 422: false, 425: true, 429: true, 500: true, 501: false,
		502: true, 503: true,
	} {
		status = code
		_, err := Run(t.Context(), hook, event)
		var failed *FailedError
		require.ErrorAs(t, err, &failed, "%d", code)
		assert.Equal(t, code, failed.Code)
		assert.Equal(t, again, Again(err), "%d", code)
		assert.ErrorContains(t, err, "wanted an answer of 2xx")
	}
	for _, code := range []int{200, 201, 204} {
		status = code
		_, err := Run(t.Context(), hook, event)
		assert.NoError(t, err, "%d", code)
	}
}

// The token is for the declared address alone.
func TestRedirectIsNotFollowed(t *testing.T) {
	followed := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer elsewhere.Close()
	hook := withToken(t, address(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}), "token")
	_, err := Run(t.Context(), hook, event)
	require.Error(t, err)
	assert.False(t, Again(err))
	assert.False(t, followed)
}

// Servers repeat what they were asked, most of all where they refuse it.
func TestNothingThatOpensTheHookIsRepeated(t *testing.T) {
	hook := withToken(t, address(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(strings.Repeat("x", MaxOutput-30) + " no " + r.RequestURI + ", " + r.URL.Path + ", " + r.URL.RawQuery + ", " + r.Header.Get("Authorization")))
	}), "t0k3n-hunter2")
	_, err := Run(t.Context(), hook, event)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
	assert.NotContains(t, err.Error(), "t0k3n")
	assert.ErrorContains(t, err, "no [redacted]")

	listener, listenErr := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, listenErr)
	hook.URL = "http://" + listener.Addr().String() + "/hunter2"
	require.NoError(t, listener.Close())
	_, err = Run(t.Context(), hook, event)
	var notCalled *NotCalledError
	require.ErrorAs(t, err, &notCalled)
	assert.True(t, Again(err), "somebody may be about to start it")
	assert.ErrorContains(t, err, "connection refused")
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestTokenThatIsMissing(t *testing.T) {
	called := false
	hook := address(t, func(http.ResponseWriter, *http.Request) { called = true })
	hook.Secret = "env:NO_SUCH_TOKEN"
	_, err := Run(t.Context(), hook, event)
	var missing *inventory.HookSecretError
	require.ErrorAs(t, err, &missing)
	assert.False(t, Again(err))
	assert.False(t, called, "not called without")
}

func TestCertificateThatNobodyTrusts(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, err := Run(t.Context(), inventory.Hook{URL: server.URL, Timeout: plenty, Attempts: 1}, event)
	require.ErrorContains(t, err, "certificate")
	assert.False(t, Again(err))
}

func TestAddressThatDoesNotAnswer(t *testing.T) {
	release := make(chan struct{})
	for name, handler := range map[string]http.HandlerFunc{
		"at all": func(http.ResponseWriter, *http.Request) { <-release },
		"to its end": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-release
		},
	} {
		t.Run(name, func(t *testing.T) {
			hook := address(t, handler)
			// Before the server's own end, which waits for its handlers.
			t.Cleanup(func() { release <- struct{}{} })
			hook.Timeout = time.Second
			_, err := Run(t.Context(), hook, event)
			var late *TimedOutError
			require.ErrorAs(t, err, &late)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.True(t, Again(err))
		})
	}
}

func TestAnswerIsBoundedToItsBeginning(t *testing.T) {
	answer, err := Run(t.Context(), address(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("first " + strings.Repeat("é", 1<<20)))
	}), event)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(answer.Output), MaxOutput)
	assert.True(t, strings.HasPrefix(answer.Output, "first é"))
	assert.True(t, strings.HasSuffix(answer.Output, "é[...]"))
	assert.True(t, utf8.ValidString(answer.Output))
}
