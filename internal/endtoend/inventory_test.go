package endtoend

import (
	"maps"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/clusterresync/clusterresync/internal/sandbox"
)

// The names under which the tests' inventory has the cluster.
const (
	clusterShop = "shop"
	// clusterAgain is the same servers under a second name.
	clusterAgain = "shop-again"
	// clusterLonely has one node, clusterHeadless only the secondaries, clusterWrong a wrong password.
	clusterLonely   = "lonely"
	clusterHeadless = "headless"
	clusterWrong    = "wrong-password"
	// clusterUnpinned does not say who the primary is.
	clusterUnpinned = "unpinned"
	// clusterHooked has a hook before each fence that waits for the test's word, and one at every other place.
	clusterHooked = "hooked"
)

// waitingHook tells the test of a node and waits for its answer; notingHook writes down that it was called.
const (
	waitingHook = `cd "$1" && : > "$CLUSTERRESYNC_HOOK_NODE.called" &&
while [ ! -e "$CLUSTERRESYNC_HOOK_NODE.answer" ]; do sleep 0.05; done; rm "$CLUSTERRESYNC_HOOK_NODE.answer"`
	notingHook = `echo "$CLUSTERRESYNC_HOOK_PLACE $CLUSTERRESYNC_HOOK_NODE $CLUSTERRESYNC_HOOK_STANDING$CLUSTERRESYNC_HOOK_OUTCOME" >> "$1/noted"`
)

// writeInventory adds further names to the sandbox's own inventory.
func writeInventory(cluster *sandbox.Cluster) (string, error) {
	text, err := os.ReadFile(cluster.Inventory())
	if err != nil {
		return "", err
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return "", err
	}
	clusters := file["clusters"].(map[string]any)
	declared := clusters[clusterShop].(map[string]any)
	nodes := declared["nodes"].([]any)
	variant := func(change func(map[string]any)) map[string]any {
		copied := maps.Clone(declared)
		change(copied)
		return copied
	}
	clusters[clusterAgain] = variant(func(map[string]any) {})
	clusters[clusterLonely] = variant(func(c map[string]any) { c["nodes"] = nodes[:1] })
	clusters[clusterHeadless] = variant(func(c map[string]any) { c["nodes"] = nodes[1:]; delete(c, "primary") })
	clusters[clusterUnpinned] = variant(func(c map[string]any) { delete(c, "primary") })
	lab.hooks = filepath.Join(cluster.Folder, "hooks")
	if err := os.Mkdir(lab.hooks, 0o700); err != nil {
		return "", err
	}
	hook := func(script string) map[string]any {
		return map[string]any{"command": []any{"/bin/sh", "-c", script, "hook", lab.hooks}, "timeout": "5m", "attempts": 1}
	}
	clusters[clusterHooked] = variant(func(c map[string]any) {
		c["hooks"] = map[string]any{
			"runStart": hook(notingHook), "beforeFence": hook(waitingHook), "afterReturn": hook(notingHook), "runEnd": hook(notingHook),
		}
	})
	wrong := filepath.Join(cluster.Folder, "wrong-password")
	if err := os.WriteFile(wrong, []byte("not-the-password\n"), 0o600); err != nil {
		return "", err
	}
	clusters[clusterWrong] = variant(func(c map[string]any) {
		accounts := maps.Clone(c["accounts"].(map[string]any))
		admin := maps.Clone(accounts["admin"].(map[string]any))
		admin["secret"] = "file:" + wrong
		accounts["admin"] = admin
		c["accounts"] = accounts
	})
	out, err := yaml.Marshal(file)
	if err != nil {
		return "", err
	}
	path := filepath.Join(cluster.Folder, "end-to-end.yaml")
	return path, os.WriteFile(path, out, 0o600)
}
