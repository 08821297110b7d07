package endtoend

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// TestMailThroughSendGrid: a local server that speaks the v3 API answers 202, 400, and 429 then 202. A mail that fails never changes
// the outcome (I7).
func TestMailThroughSendGrid(t *testing.T) {
	var mu sync.Mutex
	var answers []int
	var bodies []string
	sendGrid := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(body))
		status := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		if r.URL.Path != "/v3/mail/send" || r.Header.Get("Authorization") != "Bearer "+sendGridKey {
			status = http.StatusUnauthorized
		}
		w.WriteHeader(status)
		if status == http.StatusBadRequest {
			_, _ = w.Write([]byte(`{"errors":[{"message":"the from address does not match a verified Sender Identity","field":"from"}]}`))
		}
	}))
	defer sendGrid.Close()
	startWorker(t, "CLUSTERRESYNC_MAIL=sendgrid", "SENDGRID_API_KEY="+sendGridKey, "CLUSTERRESYNC_SENDGRID_HOST="+sendGrid.URL,
		"CLUSTERRESYNC_MAIL_FROM=resync@example.com", "CLUSTERRESYNC_MAIL_DEFAULT_TO=default@example.com")

	for name, test := range map[string]struct {
		answers []int
		sends   int
		says    string
	}{
		"202":          {[]int{202}, 1, ""},
		"400":          {[]int{400}, 1, "verified Sender Identity"},
		"429 then 202": {[]int{429, 202}, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			mu.Lock()
			answers, bodies = test.answers, nil
			mu.Unlock()
			report := finish(t, start(t, "mail-"+name[:3], contract.Request{Cluster: "unknown-here", Notify: []string{"ann@example.com"}}))
			requireOutcome(t, contract.OutcomeRefused, report)
			mu.Lock()
			defer mu.Unlock()
			require.Len(t, bodies, test.sends)
			var sent struct {
				Subject          string
				Personalizations []struct{ To []struct{ Email string } }
				CustomArgs       map[string]string `json:"custom_args"`
			}
			require.NoError(t, json.Unmarshal([]byte(bodies[len(bodies)-1]), &sent))
			require.Contains(t, sent.Subject, report.RunID)
			require.Contains(t, bodies[0], `"run_id":"`+report.RunID)
			require.Contains(t, bodies[0], "ann@example.com")
			require.Contains(t, bodies[0], "@example.com")
		})
	}
}
