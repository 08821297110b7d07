package main

import (
	"fmt"
	"strings"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// The variables that configure a worker, besides those of Temporal itself (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE,
// TEMPORAL_API_KEY, TEMPORAL_TLS_...).
const (
	varInventory     = "CLUSTERRESYNC_INVENTORY"
	varTaskQueue     = "CLUSTERRESYNC_TASK_QUEUE"
	varMail          = "CLUSTERRESYNC_MAIL"
	varMailFrom      = "CLUSTERRESYNC_MAIL_FROM"
	varMailDefaultTo = "CLUSTERRESYNC_MAIL_DEFAULT_TO"
	varOutbox        = "CLUSTERRESYNC_OUTBOX"
	varKey           = "SENDGRID_API_KEY"
	varKeyFile       = "CLUSTERRESYNC_SENDGRID_API_KEY_FILE"
	varHost          = "CLUSTERRESYNC_SENDGRID_HOST"
	varSandbox       = "CLUSTERRESYNC_SENDGRID_SANDBOX"
	varUI            = "CLUSTERRESYNC_UI_URL"
	varLog           = "CLUSTERRESYNC_LOG"
	varMaxActivities = "CLUSTERRESYNC_MAX_ACTIVITIES"
	varArchive       = "CLUSTERRESYNC_ARCHIVE_DIR"
	varArchiveShared = "CLUSTERRESYNC_ARCHIVE_SHARED"
)

// variables is every variable and its meaning, for --help.
var variables = []struct{ name, meaning string }{
	{varInventory, "path of the inventory; required"},
	{varTaskQueue, "task queue to work for; default " + contract.DefaultTaskQueue},
	{varMail, "sendgrid, or outbox to write mails into a folder; required"},
	{varMailFrom, "sender's address; required with sendgrid, default " + outboxFrom + " with outbox"},
	{varMailDefaultTo, "addresses, separated by commas, for runs whose cluster is unknown or names nobody; default mail.to of " +
		"the inventory, or with outbox the sender"},
	{varOutbox, "absolute path of the outbox's folder; required with outbox"},
	{varKey, "API key of SendGrid; or in a file, see next"},
	{varKeyFile, "path of a file that holds the API key"},
	{varHost, "base URL of SendGrid; default the global one, https://api.eu.sendgrid.com keeps data in the EU"},
	{varSandbox, "true has SendGrid check mails without delivering them; default false"},
	{varUI, "base URL of the Temporal UI, for links in mails; default none"},
	{varLog, "level (debug, info, warn, error) and format (json, console), separated by a comma; default info,json"},
	{varArchive, "absolute path of the folder for rescued writes and the audit record; without it rescue is refused and no audit is kept"},
	{varArchiveShared, "true says that this folder is the same one for every worker of the task queue; default false: it is this worker's own, " +
		"and a node that was rescued into it is erased by this worker alone"},
	{varMaxActivities, fmt.Sprintf("most activities at a time, 1 to %d; default %d", mostActivities, defaultMaxActivities)},
}

func describeVariables() string {
	var text strings.Builder
	for _, v := range variables {
		fmt.Fprintf(&text, "  %s\n        %s\n", v.name, v.meaning)
	}
	text.WriteString("\nTemporal itself is found by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE, TEMPORAL_API_KEY and TEMPORAL_TLS_...,\n" +
		"or by the profile of the Temporal configuration file, as by the temporal CLI.\n")
	return text.String()
}
