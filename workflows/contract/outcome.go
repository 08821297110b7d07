package contract

// Outcome is how a run ended. Every run ends in exactly one, and every outcome is mailed.
type Outcome string

// The outcomes of a run.
const (
	// OutcomeSucceeded: every chosen secondary is proven equal to the primary and in service.
	OutcomeSucceeded Outcome = "succeeded"
	// OutcomePlanned: the plan was made; nothing was changed.
	OutcomePlanned Outcome = "planned"
	// OutcomeVerified: every chosen secondary was proven as it was; nothing was changed.
	OutcomeVerified Outcome = "verified"
	// OutcomeDiverged: a verification found differences; nothing was changed.
	OutcomeDiverged Outcome = "diverged"
	// OutcomePartlySucceeded: some secondaries are proven; each other one is named with its state.
	OutcomePartlySucceeded Outcome = "partlySucceeded"
	// OutcomeRefused: a precondition or the input forbade the run; nothing was changed.
	OutcomeRefused Outcome = "refused"
	// OutcomeRejected: a person rejected the plan; nothing was changed.
	OutcomeRejected Outcome = "rejected"
	// OutcomeExpired: nobody approved the plan in time; nothing was changed.
	OutcomeExpired Outcome = "expired"
	// OutcomeAlreadyRunning: another run holds the cluster; nothing was changed.
	OutcomeAlreadyRunning Outcome = "alreadyRunning"
	// OutcomeCancelled: the run stopped at a safe point because it was asked to.
	OutcomeCancelled Outcome = "cancelled"
	// OutcomeFailed: no chosen secondary was proven.
	OutcomeFailed Outcome = "failed"
)

// Good reports whether a run with this outcome closes as completed.
func (o Outcome) Good() bool {
	return o == OutcomeSucceeded || o == OutcomePlanned || o == OutcomeVerified
}

// ExitCode is what the starter exits with: 0 done, 1 failed, 2 refused with nothing changed, 3 diverged, 4 partly succeeded,
// 5 cancelled.
func (o Outcome) ExitCode() int {
	switch o {
	case OutcomeSucceeded, OutcomePlanned, OutcomeVerified:
		return 0
	case OutcomeRefused, OutcomeRejected, OutcomeExpired, OutcomeAlreadyRunning:
		return 2
	case OutcomeDiverged:
		return 3
	case OutcomePartlySucceeded:
		return 4
	case OutcomeCancelled:
		return 5
	default:
		return 1
	}
}

// ErrorType names why a step or a run failed. It is the type of the Temporal application error, so that callers of any language can
// tell the reasons apart without reading messages.
type ErrorType string

// The error types. Those of the first group end a run as refused, with nothing changed.
const (
	// ErrorInvalidInput: the input has unknown fields, wrong types or bad values; the message names all of them.
	ErrorInvalidInput ErrorType = "InvalidInput"
	// ErrorUnknownCluster: the inventory has no cluster of that name.
	ErrorUnknownCluster ErrorType = "UnknownCluster"
	// ErrorInventory: the inventory cannot be read, or one of its secrets is missing; past an erase tried again.
	ErrorInventory ErrorType = "Inventory"
	// ErrorInventoryChanged: the inventory is no longer the one the run began with; past an erase tried again.
	ErrorInventoryChanged ErrorType = "InventoryChanged"
	// ErrorWrongConfirm: confirm is not the cluster's name, or is not enough for what the plan destroys.
	ErrorWrongConfirm ErrorType = "WrongConfirm"
	// ErrorPreconditions: nothing is left to work on. A failed check has a type of its own, that of PreconditionError with the check's
	// code, for example "Preconditions/one-primary"; the plan's findings name every failure.
	ErrorPreconditions ErrorType = "Preconditions"
	// ErrorUnreplicatedWrites: a secondary holds writes that the erase would destroy, and nobody consented.
	ErrorUnreplicatedWrites ErrorType = "Preconditions/unreplicated-writes"
	// ErrorPlanChanged: the plan is not the one that the input names.
	ErrorPlanChanged ErrorType = "PlanChanged"
	// ErrorAlreadyRunning: another run holds the cluster, or a node child of an ended run is still open.
	ErrorAlreadyRunning ErrorType = "AlreadyRunning"
	// ErrorRejected: a person rejected the plan.
	ErrorRejected ErrorType = "Rejected"
	// ErrorExpired: nobody decided in time.
	ErrorExpired ErrorType = "Expired"

	// ErrorUnreachable: a server could not be reached; tried again.
	ErrorUnreachable ErrorType = "Unreachable"
	// ErrorAccessDenied: a server refused an account or a privilege; past an erase tried again.
	ErrorAccessDenied ErrorType = "AccessDenied"
	// ErrorIdentity: a server is not the one that was approved, or the primary is another than approved.
	ErrorIdentity ErrorType = "Identity"
	// ErrorOvertaken: this attempt is no longer the current one and stopped before it changed anything.
	ErrorOvertaken ErrorType = "Overtaken"
	// ErrorWorkerStopped: the worker was stopped; another goes on.
	ErrorWorkerStopped ErrorType = "WorkerStopped"
	// ErrorHeldByOther: another cluster name's run works on this server.
	ErrorHeldByOther ErrorType = "HeldByOther"
	// ErrorLossGrew: a node has more to lose than was approved; it was released as it was.
	ErrorLossGrew ErrorType = "LossGrew"
	// ErrorFloor: too few other secondaries serve for the node to be taken out of service; it was left as it was.
	ErrorFloor ErrorType = "Floor"
	// ErrorRehearsal: the rehearsal of the clone failed; the node was released as it was.
	ErrorRehearsal ErrorType = "Rehearsal"
	// ErrorRescue: what only the node has could not be kept; the node was released as it was.
	ErrorRescue ErrorType = "Rescue"
	// ErrorHook: an operator's hook failed, and its failure means stop.
	ErrorHook ErrorType = "Hook"
	// ErrorNotQuiet: the primary was not quiet in time; nothing was changed.
	ErrorNotQuiet ErrorType = "NotQuiet"
	// ErrorAudit: the audit record could not be written; nothing was changed.
	ErrorAudit ErrorType = "Audit"
	// ErrorNotFenced: the fence is not up where it must be.
	ErrorNotFenced ErrorType = "NotFenced"
	// ErrorClone: the clone failed.
	ErrorClone ErrorType = "Clone"
	// ErrorDonorBusy: the donor or the recipient has another clone; tried again.
	ErrorDonorBusy ErrorType = "DonorBusy"
	// ErrorReplication: replication cannot be followed.
	ErrorReplication ErrorType = "Replication"
	// ErrorProof: the proof could not be had; this is not the same as a difference.
	ErrorProof ErrorType = "Proof"
	// ErrorDiverged: the proof found differences.
	ErrorDiverged ErrorType = "Diverged"
	// ErrorMail: the mail was refused for good.
	ErrorMail ErrorType = "Mail"
	// ErrorAborted: a person aborted the node; past its erase it stays fenced, before it is released as it was.
	ErrorAborted ErrorType = "Aborted"
	// ErrorMySQL: any other error of a server.
	ErrorMySQL ErrorType = "MySQL"
	// ErrorRun closes a run whose outcome is not good; its details carry the Report.
	ErrorRun ErrorType = "Run"
)

// PreconditionError is the error type of a run that the check of that code refused.
func PreconditionError(code string) ErrorType { return ErrorPreconditions + ErrorType("/"+code) }

// ErrorTypeOf is the error type of a run that these findings refused: that of the first, because the checks are ordered so that causes
// come before their consequences.
func ErrorTypeOf(failures []Finding) ErrorType {
	if len(failures) == 0 {
		return ErrorPreconditions
	}
	return PreconditionError(failures[0].Code)
}
