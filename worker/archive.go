package main

import (
	"github.com/clusterresync/clusterresync/activities"
	"github.com/clusterresync/clusterresync/internal/archive"
)

// openArchive takes the configured folder; nil if there is none. One that other workers do not see has a task queue of its own, named after
// the folder itself: whatever must be where a rescue lies goes there, also when the worker has been started anew or its machine renamed.
func openArchive(c config) (*activities.Archive, error) {
	if c.archiveDir == "" {
		return nil, nil
	}
	folder, err := archive.OpenFolder(c.archiveDir)
	if err != nil {
		return nil, err
	}
	if c.archiveShared {
		return &activities.Archive{Store: folder}, nil
	}
	identity, err := folder.Identity()
	if err != nil {
		return nil, err
	}
	return &activities.Archive{Store: folder, Queue: c.taskQueue + "/archive/" + identity}, nil
}
