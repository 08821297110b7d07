package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/internal/check"
	"github.com/clusterresync/clusterresync/workflows/contract"
)

// holding is a cluster of which db2 has what the primary lacks.
func holding(objects ...contract.OnlyHere) *check.Observations {
	o := cluster(2)
	o.Belongings = map[string]check.Belongings{"db2": {
		Objects: objects, InAll: len(objects), SeenAt: now, Data: len(contract.Loss{OnlyHere: objects}.Data()),
	}}
	return o
}

var stray = contract.OnlyHere{Kind: contract.ObjectTable, Name: "app.stray", Bytes: 1000}

func TestThePlanShowsWhatOnlyOneNodeHas(t *testing.T) {
	account := contract.OnlyHere{Kind: contract.ObjectAccount, Name: "'a'@'%'"}
	o := holding(stray, account)
	loss := Build(o, nil, now).Secondaries[0].Loss
	require.Equal(t, []contract.OnlyHere{stray, account}, loss.OnlyHere)
	require.Equal(t, 2, loss.OnlyHereInAll)
	require.Equal(t, now, loss.SeenAt)
	require.Empty(t, loss.Unknown)

	o = holding()
	o.Belongings["db2"] = check.Belongings{Problem: "node db2: it went away"}
	require.Contains(t, Build(o, nil, now).Secondaries[0].Loss.Unknown, "it went away")
	o.Belongings["db2"] = check.Belongings{Data: contract.MaxOnlyHere + 1}
	require.Contains(t, Build(o, nil, now).Secondaries[0].Loss.Unknown, "201 schemas and tables")
}

// The ID is that of all that is shown to be destroyed, what needs no consent included, not of sizes.
func TestIDFollowsTheObjectsThatAreShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.Custom(func(t *rapid.T) contract.OnlyHere {
			return contract.OnlyHere{
				Kind: rapid.SampledFrom([]contract.ObjectKind{contract.ObjectSchema, contract.ObjectTable, contract.ObjectAccount, contract.ObjectView}).Draw(t, "kind"),
				Name: rapid.StringMatching(`[a-c]\.[a-c]{1,2}`).Draw(t, "name"), Bytes: rapid.Int64Range(0, 1<<40).Draw(t, "bytes"),
				Behind: rapid.Bool().Draw(t, "behind"),
			}
		})
		objects := rapid.SliceOfNDistinct(object, 1, 6, func(o contract.OnlyHere) string { return string(o.Kind) + o.Name }).Draw(t, "objects")
		before := Build(holding(objects...), nil, now).ID
		require.NotEqual(t, Build(holding(), nil, now).ID, before, "a loss that appears")
		require.NotEqual(t, Build(holding(objects[1:]...), nil, now).ID, before, "a loss that is gone")

		moved := slices.Clone(objects)
		slices.Reverse(moved)
		for i := range moved {
			moved[i].Bytes++
			moved[i].Behind, moved[i].Logged = !moved[i].Behind, !moved[i].Logged
		}
		o := holding(append(moved,
			contract.OnlyHere{Kind: contract.ObjectEvent, Name: "app.e", Differs: "its definition differs", Behind: true},
			contract.OnlyHere{Kind: contract.ObjectTable, Name: "app.late", Differs: "its columns differ", Behind: true})...)
		b := o.Belongings["db2"]
		b.SeenAt = now.Add(time.Hour)
		o.Belongings["db2"] = b
		require.Equal(t, before, Build(o, nil, now).ID)
	})
	differs := stray
	differs.Differs = "its columns differ"
	require.NotEqual(t, Build(holding(stray), nil, now).ID, Build(holding(differs), nil, now).ID)
}

func TestThePlanEstimates(t *testing.T) {
	p := Build(cluster(3), nil, now)
	require.NotNil(t, p.Estimate)
	require.Equal(t, time.Duration(len(p.Waves))*p.Estimate.Copy.Std(), p.Estimate.Whole.Std())
	o := cluster(3)
	o.Request.Mode = contract.ModeVerify
	require.Nil(t, Build(o, nil, now).Estimate)
}
