package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// markVariable is set in the environment of everything a Keeper starts and is
// inherited by its children, so that a process whose record was never written
// (its starter was killed in between) can still be found, and no editor or
// pager that merely has the sandbox's folder on its command line is taken for
// one of ours.
const markVariable = "CLUSTERRESYNC_KEPT"

// Marked finds the running processes that carry mark. Those of other users,
// whose environment cannot be read, are not found.
func Marked(mark string) []Identity {
	if mark == "" {
		return nil
	}
	wanted := []byte(markVariable + "=" + mark)
	environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well formed
	var found []Identity
	for _, path := range environments {
		content, err := os.ReadFile(path)
		if err != nil || !hasVariable(content, wanted) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if identity, err := Of(pid); err == nil {
			found = append(found, identity)
		}
	}
	return found
}

func hasVariable(environ, wanted []byte) bool {
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(variable, wanted) {
			return true
		}
	}
	return false
}
