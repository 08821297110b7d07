package check

import (
	"fmt"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// Archive is the worker's archive as it was found.
type Archive struct {
	// Where is empty when the worker has none.
	Where string
	// Problem says why it cannot be written; empty if it can.
	Problem string
	// Free is how many bytes may still be written to it.
	Free int64
}

// rescueTimes is how often the archive holds what it keeps: as events, and as text, which may be larger.
const rescueTimes = 4

// rescueArchive: what cannot be kept must not come to the point of being erased.
var rescueArchive = Check{
	Code:         "rescue-archive",
	Wanted:       "the worker has an archive with room for what is to be rescued",
	OnlyErasing:  true,
	NeedsPrimary: true,
	Judge: func(o *Observations) []contract.Finding {
		bytes := int64(0)
		if o.Request.UnreplicatedWrites != contract.UnreplicatedRescue {
			return nil
		}
		for _, n := range o.Chosen() {
			bytes += o.Previews[n.Node].Bytes
		}
		const remedy = "CLUSTERRESYNC_ARCHIVE_DIR=/a/folder/with/room for every worker of the task queue (and CLUSTERRESYNC_ARCHIVE_SHARED=true if all see the same one)"
		switch {
		case o.Archive.Where == "":
			return []contract.Finding{fails("", "the worker has no archive", "", remedy)}
		case o.Archive.Problem != "":
			return []contract.Finding{fails("", o.Archive.Problem, "", "let the worker's user write to "+o.Archive.Where+", or: "+remedy)}
		case o.Archive.Free < rescueTimes*bytes:
			return []contract.Finding{fails("", fmt.Sprintf("%d MiB are free in %s, and up to %d MiB are to be kept",
				o.Archive.Free>>20, o.Archive.Where, rescueTimes*bytes>>20), "", "make room in "+o.Archive.Where+", or: "+remedy)}
		}
		return nil
	},
}
