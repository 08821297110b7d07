package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// failure is what is worth knowing of a failed activity or child.
type failure struct {
	Type     contract.ErrorType
	Message  string
	Attempts int
	// Donor says that another donor may not have it.
	Donor bool
}

// failureOf reads an error without the layers that Temporal wraps around it.
func failureOf(err error) failure {
	if err == nil {
		return failure{}
	}
	var typed *temporal.ApplicationError
	if errors.As(err, &typed) {
		f := failure{Type: contract.ErrorType(typed.Type()), Message: typed.Message()}
		var facts activities.FailureFacts
		if typed.HasDetails() && typed.Details(&facts) == nil {
			f.Attempts, f.Donor = facts.Attempt, facts.Donor
		}
		return f
	}
	if temporal.IsCanceledError(err) {
		return failure{Message: "stopped on request"}
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return failure{Message: fmt.Sprintf("no worker answered in time (%s)", timeout.TimeoutType())}
	}
	return failure{Message: err.Error()}
}

func by(who, why string) string {
	switch {
	case who == "" && why == "":
		return "on request"
	case why == "":
		return "by " + who
	case who == "":
		return "on request: " + why
	default:
		return "by " + who + ": " + why
	}
}
