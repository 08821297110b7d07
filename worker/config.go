package main

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.uber.org/zap/zapcore"

	"github.com/clusterresync/clusterresync/internal/inventory"
	"github.com/clusterresync/clusterresync/internal/mail"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

const (
	// outboxFrom is the sender of mails in an outbox unless it is said: they leave the machine by nobody's hand.
	outboxFrom = "cluster-resync@localhost"
	// defaultMaxActivities lets one worker care for some dozens of nodes; an activity mostly waits for a server.
	defaultMaxActivities = 100
	mostActivities       = 1000
	// archiveMode keeps rescued writes, which are rows of somebody's tables, to the worker's user.
	archiveMode = 0o700
)

// config is a worker's configuration, checked. It holds secrets only inside types that do not show them, and the client options,
// which are never printed.
type config struct {
	inventoryPath string
	inventory     *inventory.Inventory
	taskQueue     string
	mailTransport string
	mail          mail.Sender
	defaultMailTo []string
	uiURL         string
	level         zapcore.Level
	console       bool
	maxActivities int
	// archiveDir is an existing folder; empty for none.
	archiveDir string
	// archiveShared says that every worker of the task queue has this same folder.
	archiveShared bool
	temporal      client.Options
}

// load reads the environment. The error joins every problem, one a line, each with the variable and what is wanted.
func load(env envconfig.EnvLookup) (config, error) {
	r := reader{env: env}
	c := config{
		inventoryPath: r.text(varInventory, ""),
		taskQueue:     r.text(varTaskQueue, contract.DefaultTaskQueue),
		uiURL:         r.baseURL(varUI),
		maxActivities: r.number(varMaxActivities, defaultMaxActivities, 1, mostActivities),
	}
	if c.inventoryPath == "" {
		r.problem("%s: missing; give the path of the inventory", varInventory)
	} else if read, err := inventory.Load(c.inventoryPath); err != nil {
		r.problem("%s: %v", varInventory, err)
	} else {
		c.inventory = read
	}
	r.mail(&c)
	r.archive(&c)
	c.level, c.console = r.log()
	c.temporal = r.temporal()
	return c, errors.Join(r.problems...)
}

// checkSecrets looks for the passwords of every cluster. A worker starts without: they are read anew for each run, and one cluster's
// missing password is no reason to leave the others without a worker.
func (c config) checkSecrets() error {
	var problems []error
	for _, name := range c.inventory.Names() {
		cluster, err := c.inventory.Cluster(name)
		if err == nil {
			err = cluster.CheckSecrets()
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: cluster %s: %w", varInventory, name, err))
		}
	}
	return errors.Join(problems...)
}

// reader collects problems while it reads.
type reader struct {
	env      envconfig.EnvLookup
	problems []error
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

// text is a variable without surrounding space; an empty one counts as not set.
func (r *reader) text(name, otherwise string) string {
	value, _ := r.env.LookupEnv(name)
	if value = strings.TrimSpace(value); value != "" {
		return value
	}
	return otherwise
}

func (r *reader) number(name string, otherwise, low, high int) int {
	text := r.text(name, "")
	if text == "" {
		return otherwise
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < low || number > high {
		r.problem("%s: %q is not a whole number from %d to %d", name, text, low, high)
		return otherwise
	}
	return number
}

func (r *reader) yes(name string) bool {
	text := r.text(name, "false")
	value, err := strconv.ParseBool(text)
	if err != nil {
		r.problem("%s: %q is neither true nor false", name, text)
	}
	return value
}

func (r *reader) baseURL(name string) string {
	text := r.text(name, "")
	if text == "" {
		return ""
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.User != nil {
		// The text is not repeated: a URL that is refused here may hold a password.
		r.problem("%s: not a base URL such as https://temporal.example.org", name)
		return ""
	}
	return strings.TrimRight(text, "/")
}

// mail reads how mail leaves. Which way is said explicitly, so that no worker keeps its reports to itself by mistake.
func (r *reader) mail(c *config) {
	c.mailTransport = r.text(varMail, "")
	settings := mail.Config{
		Transport: c.mailTransport, From: r.text(varMailFrom, ""), Host: r.text(varHost, ""), Sandbox: r.yes(varSandbox),
		Dir: r.text(varOutbox, ""),
	}
	c.defaultMailTo = r.addresses(varMailDefaultTo)
	if r.text(varMailDefaultTo, "") == "" && c.inventory != nil {
		// Kept from now on, for the day on which the inventory cannot be read.
		c.defaultMailTo = slices.Clone(c.inventory.Mail.To)
	}
	untold := r.text(varMailDefaultTo, "") == "" && len(c.defaultMailTo) == 0
	before := len(r.problems)
	switch c.mailTransport {
	case mail.TransportSendGrid:
		settings.APIKey = r.apiKey()
		if settings.From == "" {
			r.problem("%s: missing; give the sender's address, which SendGrid must have verified", varMailFrom)
		}
		if untold {
			r.problem("%s: missing; give the addresses to tell of runs whose cluster is unknown or names nobody", varMailDefaultTo)
		}
	case mail.TransportOutbox:
		if settings.From == "" {
			settings.From = outboxFrom
		}
		if untold {
			c.defaultMailTo = []string{settings.From}
		}
		if settings.Dir == "" {
			r.problem("%s: missing; give the absolute path of the folder for mails", varOutbox)
		}
	case "":
		r.problem("%s: missing; say sendgrid, or outbox to write mails into a folder", varMail)
	default:
		r.problem("%s: %q is neither sendgrid nor outbox", varMail, c.mailTransport)
	}
	if len(r.problems) > before {
		return
	}
	sender, err := mail.New(settings)
	var several *mail.ConfigError
	switch {
	case errors.As(err, &several):
		for _, problem := range several.Problems {
			r.problem("%s=%s: %s", varMail, c.mailTransport, problem)
		}
	case err != nil:
		r.problem("%s=%s: %v", varMail, c.mailTransport, err)
	}
	c.mail = sender
}

// archive reads where rescued writes and the audit record are kept. Both are needed in a moment in which nothing may go wrong any more, so
// the folder is tried out now.
func (r *reader) archive(c *config) {
	dir, shared := r.text(varArchive, ""), r.yes(varArchiveShared)
	switch {
	case dir == "" && shared:
		r.problem("%s: true has no effect without %s; give the folder's absolute path there", varArchiveShared, varArchive)
		return
	case dir == "":
		return
	case !filepath.IsAbs(dir):
		r.problem("%s: %q is not an absolute path", varArchive, dir)
		return
	}
	if !shared {
		// A shared folder is mounted by somebody. One made here in its place would look like it and be on this machine alone.
		if err := os.MkdirAll(dir, archiveMode); err != nil {
			r.problem("%s: %v; give a folder that the worker's user may make or write to", varArchive, err)
			return
		}
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		r.problem("%s: %v; wanted an existing folder that the worker's user may write to", varArchive, err)
		return
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		r.problem("%s: %v; wanted a folder that the worker's user may write to", varArchive, err)
		return
	}
	c.archiveDir, c.archiveShared = dir, shared
}

// apiKey reads SendGrid's key from one of its two places. Its value appears in no message.
func (r *reader) apiKey() mail.Secret {
	direct, path := r.text(varKey, ""), r.text(varKeyFile, "")
	switch {
	case direct != "" && path != "":
		r.problem("%s and %s are both set; set one", varKey, varKeyFile)
	case direct == "" && path == "":
		r.problem("%s: missing; give SendGrid's API key, or the path of a file with it in %s", varKey, varKeyFile)
	case path != "":
		content, err := os.ReadFile(path)
		if err != nil {
			r.problem("%s: %v", varKeyFile, err)
		} else if strings.TrimSpace(string(content)) == "" {
			r.problem("%s: %s is empty; write SendGrid's API key into it", varKeyFile, path)
		}
		return mail.NewSecret(string(content))
	}
	return mail.NewSecret(direct)
}

func (r *reader) addresses(name string) []string {
	var addresses []string
	for _, text := range strings.Split(r.text(name, ""), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if _, err := netmail.ParseAddress(text); err != nil {
			r.problem("%s: %q is not a mail address", name, text)
			continue
		}
		addresses = append(addresses, text)
	}
	return addresses
}

func (r *reader) log() (level zapcore.Level, console bool) {
	for _, word := range strings.Split(r.text(varLog, "info"), ",") {
		switch word = strings.TrimSpace(word); word {
		case "debug", "info", "warn", "error":
			// These four are zap's own names, so there is no error.
			level, _ = zapcore.ParseLevel(word)
		case "json":
			console = false
		case "console":
			console = true
		default:
			r.problem("%s: %q is none of debug, info, warn, error, json, console", varLog, word)
		}
	}
	return level, console
}

func (r *reader) temporal() client.Options {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: r.env})
	if err != nil {
		r.problem("the Temporal configuration (TEMPORAL_... and its file): %v", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options
}
