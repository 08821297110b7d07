package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// scheduleCommands are about Temporal Schedules, whose runs take the same lock as any other.
type scheduleCommands struct {
	Create scheduleCreateCommand `cmd:"" help:"Start runs of a cluster by the clock."`
	List   scheduleListCommand   `cmd:"" help:"List the schedules of this system."`
	Delete scheduleDeleteCommand `cmd:"" help:"Delete a schedule; a run that it started goes on."`
}

// schedulePrefix begins the ID of every schedule that the starter makes.
const schedulePrefix = "resync-schedule/"

func scheduleID(cluster string, mode contract.Mode) string {
	return schedulePrefix + cluster + "/" + string(mode)
}

// catchUp is how late a missed start may be made up for: an erase that was meant for the night must not begin at noon, because
// Temporal was down meanwhile. (Temporal's own default is a year.)
const catchUp = 10 * time.Minute

type scheduleCreateCommand struct {
	choices
	gate
	proving
	Mode     string        `help:"What to do: verify, resync or repair." enum:"verify,resync,repair" required:"" placeholder:"MODE"`
	Cron     []string      `help:"Cron expression; may be given more than once." placeholder:"EXPRESSION" sep:"none"`
	Every    time.Duration `help:"Interval between starts, at least 1m." placeholder:"DURATION"`
	TimeZone string        `help:"Time zone of the cron expressions, such as Europe/Berlin." default:"UTC" placeholder:"ZONE"`
	Jitter   time.Duration `help:"Each start is put off by a random time up to this." default:"1m" placeholder:"DURATION"`
	Confirm  string        `help:"The cluster's name: consent in advance to every run that erases. Good only for plans without loss." placeholder:"NAME"`
	Note     string        `help:"For people who look at the schedule."`
}

func (c *scheduleCreateCommand) run(ctx context.Context, a *app) (int, error) {
	request := c.request(contract.Mode(c.Mode))
	request.Confirm, request.Quiet, request.Proof = c.Confirm, c.quiet(), c.options()
	if err := c.check(request); err != nil {
		return 0, err
	}
	t, err := a.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	note := c.Note
	if note == "" {
		note = fmt.Sprintf("%s of %s, set up by %s", request.Mode, request.Cluster, request.RequestedBy)
	}
	spec := client.ScheduleSpec{CronExpressions: c.Cron, Jitter: c.Jitter, TimeZoneName: c.TimeZone}
	if c.Every > 0 {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: c.Every}}
	}
	id := scheduleID(request.Cluster, request.Mode)
	_, err = t.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: spec, Note: note,
		Overlap:        enums.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow:  catchUp,
		PauseOnFailure: true,
		Action: &client.ScheduleWorkflowAction{
			// Temporal appends the time to the ID; the cluster is guarded by the lock that the run takes, whatever its ID.
			ID: contract.ClusterWorkflowID(request.Cluster) + "-scheduled", Workflow: contract.WorkflowResyncCluster,
			Args: []any{request}, TaskQueue: a.connection.TaskQueue,
			StaticSummary: cutBytes(note, 200), StaticDetails: details(request),
			Memo: map[string]any{memoRequestedBy: request.RequestedBy},
		},
	})
	var exists *serviceerror.AlreadyExists
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) || errors.As(err, &exists) || errors.As(err, &started) {
		return 0, refused("starter schedule delete "+request.Cluster+" --mode "+c.Mode, "schedule %s exists already; nothing was changed", id)
	}
	var invalid *serviceerror.InvalidArgument
	if errors.As(err, &invalid) {
		return 0, &failure{Message: "Temporal refused the schedule: " + invalid.Error(), Hint: "starter schedule create --help", Code: exitUsage}
	}
	if err != nil {
		return 0, err
	}
	return a.scheduleDone(id, "created")
}

// check refuses a schedule that could only ever be refused, or that nobody consented to.
func (c *scheduleCreateCommand) check(request contract.Request) error {
	problems := request.Problems()
	if len(c.Cron) == 0 && c.Every == 0 {
		problems = append(problems, "say when: --cron or --every")
	}
	if c.Every != 0 && c.Every < time.Minute {
		problems = append(problems, "--every: the shortest interval is 1m")
	}
	if request.UnreplicatedWrites == contract.UnreplicatedDiscard {
		problems = append(problems, "--unreplicated-writes=discard needs a person who has seen the plan; a schedule has none")
	}
	if len(problems) > 0 {
		return &failure{Message: strings.Join(problems, "\n"), Hint: "starter schedule create --help", Code: exitUsage}
	}
	if request.Mode != contract.ModeVerify && c.Confirm != c.Cluster {
		return refused("--confirm "+c.Cluster+" consents to that",
			"%s by the clock erases data while nobody looks and --confirm does not name the cluster; nothing was created", request.Mode)
	}
	return nil
}

type scheduleListCommand struct{}

// scheduled is one schedule in the list.
type scheduled struct {
	ID     string    `json:"id"`
	Paused bool      `json:"paused"`
	Note   string    `json:"note,omitempty"`
	Next   time.Time `json:"next,omitzero"`
}

func (c *scheduleListCommand) run(ctx context.Context, a *app) (int, error) {
	t, err := a.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	found := []scheduled{}
	iterator, err := t.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return 0, err
	}
	for iterator.HasNext() {
		entry, err := iterator.Next()
		if err != nil {
			return 0, err
		}
		if entry.WorkflowType.Name != contract.WorkflowResyncCluster {
			continue
		}
		one := scheduled{ID: entry.ID, Paused: entry.Paused, Note: entry.Note}
		if len(entry.NextActionTimes) > 0 {
			one.Next = entry.NextActionTimes[0]
		}
		found = append(found, one)
	}
	if a.json {
		return exitDone, a.document(found)
	}
	for _, one := range found {
		next := "next " + one.Next.Local().Format(time.RFC3339)
		switch {
		case one.Paused:
			next = "paused"
		case one.Next.IsZero():
			next = "no further start"
		}
		a.print("%s  %s  %s", one.ID, next, one.Note)
	}
	if len(found) == 0 {
		a.note("There are no schedules of %s in this namespace.", contract.WorkflowResyncCluster)
	}
	return exitDone, nil
}

type scheduleDeleteCommand struct {
	Cluster string `arg:"" name:"cluster|schedule-id" help:"The cluster's name (with --mode), or the schedule's ID."`
	Mode    string `help:"Mode of the cluster's schedule." enum:"verify,resync,repair" default:"verify"`
}

func (c *scheduleDeleteCommand) run(ctx context.Context, a *app) (int, error) {
	id := c.Cluster
	if !strings.HasPrefix(id, schedulePrefix) {
		id = scheduleID(c.Cluster, contract.Mode(c.Mode))
	}
	t, err := a.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	err = t.ScheduleClient().GetHandle(ctx, id).Delete(ctx)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return 0, refused("starter schedule list", "there is no schedule %s", id)
	}
	if err != nil {
		return 0, err
	}
	return a.scheduleDone(id, "deleted")
}

func (a *app) scheduleDone(id, done string) (int, error) {
	if a.json {
		return exitDone, a.document(map[string]any{"schedule": id, done: true})
	}
	a.print("%s %s", id, done)
	return exitDone, nil
}
