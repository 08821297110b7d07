package endtoend

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// sendGridKey is the key that the tests' worker is given for mails.
const sendGridKey = "SG.end-to-end-key-of-the-tests"

// companies are the clusters of tests' own, whose passwords are searched for as well.
var companies struct {
	sync.Mutex
	clusters []*sandbox.Cluster
}

func keepSecret(cluster *sandbox.Cluster) {
	companies.Lock()
	defer companies.Unlock()
	companies.clusters = append(companies.clusters, cluster)
}

// searchForSecrets looks for every password in every history, log and mail of the whole test run (I8). It fails rather than find
// nothing to look at.
func searchForSecrets(ctx context.Context) []string {
	secrets := []string{"not-the-password", sendGridKey}
	for _, cluster := range append(companies.clusters, lab.cluster) {
		accounts := cluster.Accounts
		secrets = append(secrets, accounts.Admin.Password.Reveal(), accounts.Donor.Password.Reveal(), accounts.Replication.Password.Reveal(),
			accounts.Root.Password.Reveal())
	}
	var found []string
	searched := 0
	search := func(place string, content []byte) {
		searched++
		for i, secret := range secrets {
			if secret == "" || bytes.Contains(content, []byte(secret)) {
				found = append(found, fmt.Sprintf("%s (secret %d)", place, i))
			}
		}
	}
	if err := searchHistories(ctx, search); err != nil {
		found = append(found, "the histories could not be read: "+err.Error())
	}
	if searched == 0 {
		found = append(found, "no history was found to search")
	}
	before := searched
	err := filepath.WalkDir(lab.cluster.Folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !logOrMail(path) {
			return err
		}
		content, err := os.ReadFile(path)
		search(path, content)
		return err
	})
	if err != nil || searched == before {
		found = append(found, fmt.Sprintf("no log and no mail was found to search (%v)", err))
	}
	return found
}

func logOrMail(path string) bool {
	name := filepath.Base(path)
	return strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".eml") || strings.HasSuffix(name, ".err")
}

// searchHistories reads every history with its payloads decoded, as the UI shows them.
func searchHistories(ctx context.Context, search func(string, []byte)) error {
	var token []byte
	for {
		page, err := lab.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: token})
		if err != nil {
			return err
		}
		for _, execution := range page.GetExecutions() {
			id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
			events := lab.temporal.GetWorkflowHistory(ctx, id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for events.HasNext() {
				event, err := events.Next()
				if err != nil {
					return err
				}
				text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(event)
				if err != nil {
					return err
				}
				search("history of "+id, text)
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}
