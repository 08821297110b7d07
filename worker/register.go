package main

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/workflows"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// register names everything that a worker runs; nothing is registered elsewhere.
func register(w worker.Registry, a *activities.Activities) {
	w.RegisterWorkflowWithOptions(workflows.ResyncCluster, workflow.RegisterOptions{Name: contract.WorkflowResyncCluster})
	w.RegisterWorkflowWithOptions(workflows.ResyncNode, workflow.RegisterOptions{Name: contract.WorkflowResyncNode})
	w.RegisterWorkflowWithOptions(workflows.VerifyNodes, workflow.RegisterOptions{Name: contract.WorkflowVerifyNodes})
	w.RegisterWorkflowWithOptions(workflows.ClusterLock, workflow.RegisterOptions{Name: contract.WorkflowClusterLock})
	w.RegisterActivity(a)
}
