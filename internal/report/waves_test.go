package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

func TestWavesSayWhatAGrantWouldSave(t *testing.T) {
	plan := contract.Plan{Waves: []contract.Wave{{Nodes: []string{"db2"}}}}
	assert.Len(t, waveBlocks(plan), 2)
	plan.WavesSaved = 2
	blocks := waveBlocks(plan)
	assert.Len(t, blocks, 3)
	assert.Contains(t, blocks[2].Text, "2 waves fewer if the donor account held CONNECTION_ADMIN")
}
