package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// idLength is that of an ID in hexadecimal digits: short enough to be typed, long enough that two plans of one cluster never
// share one by chance.
const idLength = 12

// approved is what an approval is bound to, and nothing else. Positions, lag, sizes, findings and addresses move or are
// judged elsewhere; whoever adds something here makes every approval depend on it.
type approved struct {
	Cluster            string                      `json:"cluster"`
	Mode               contract.Mode               `json:"mode"`
	Primary            approvedServer              `json:"primary"`
	Chosen             []approvedNode              `json:"chosen"`
	UnreplicatedWrites contract.UnreplicatedWrites `json:"unreplicatedWrites"`
	MinServing         int                         `json:"minServing"`
}

type approvedServer struct {
	Name string `json:"name"`
	UUID string `json:"uuid"`
}

type approvedNode struct {
	approvedServer
	Errant  string `json:"errant,omitempty"`
	Unknown bool   `json:"unknown,omitempty"`
	// Delayed nodes hold an older state on purpose, which is erased.
	Delayed bool `json:"delayed,omitempty"`
	// Objects are what only the node has or has otherwise, by kind and name, whether their erase needs consent or is merely shown; their
	// sizes move.
	Objects []string `json:"objects,omitempty"`
	// Settings are the statements that change them.
	Settings []string `json:"settings,omitempty"`
}

// objects are what a loss shows, in one order. What merely differs on a node that is behind is no part of it: that changes as the node moves.
func objects(l contract.Loss) []string {
	var names []string
	for _, object := range l.OnlyHere {
		name := string(object.Kind) + " " + object.Name
		switch {
		case object.Differs == "":
			names = append(names, name)
		case !object.Behind:
			names = append(names, name+" differs")
		}
	}
	slices.Sort(names)
	return names
}

// id is the same for the same approval, in whatever order the inventory lists the nodes. A plan that was only looked at
// (mode plan) is that of a resync: it is what its ID is used for.
func id(p contract.Plan) string {
	a := approved{
		Cluster: p.Cluster, Mode: p.Mode, Primary: approvedServer{p.Primary.Name, p.Primary.ServerUUID},
		UnreplicatedWrites: p.UnreplicatedWrites, MinServing: p.MinServing,
	}
	if a.Mode == contract.ModePlan {
		a.Mode = contract.ModeResync
	}
	for _, n := range p.Chosen() {
		var settings []string
		for _, change := range n.Settings {
			settings = append(settings, change.Statement())
		}
		a.Chosen = append(a.Chosen, approvedNode{
			approvedServer{n.Name, n.ServerUUID}, n.Loss.ErrantGTIDs, n.Loss.Unknown != "", n.DelaySeconds > 0, objects(n.Loss), settings,
		})
	}
	slices.SortFunc(a.Chosen, func(x, y approvedNode) int { return cmp.Compare(x.Name, y.Name) })
	canonical, err := json.Marshal(a)
	if err != nil {
		// Strings, numbers and booleans always encode. Were it otherwise, the text of the error would still match no plan.
		canonical = []byte(err.Error())
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])[:idLength]
}
