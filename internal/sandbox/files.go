package sandbox

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The inventory's form, as internal/inventory reads it.
type (
	inventoryFile struct {
		Mail     inventoryMail               `yaml:"mail"`
		Clusters map[string]inventoryCluster `yaml:"clusters"`
	}
	inventoryMail struct {
		To []string `yaml:"to"`
	}
	inventoryCluster struct {
		Primary  string                      `yaml:"primary"`
		Accounts map[string]inventoryAccount `yaml:"accounts"`
		Nodes    []inventoryNode             `yaml:"nodes"`
	}
	inventoryAccount struct {
		User   string `yaml:"user"`
		Secret string `yaml:"secret"`
	}
	inventoryNode struct {
		Name        string `yaml:"name"`
		Address     string `yaml:"address"`
		PeerAddress string `yaml:"peerAddress,omitempty"`
		Supervised  bool   `yaml:"supervised"`
	}
)

// mailTo is where the sandbox's runs write to: an address that can belong to
// nobody (RFC 2606).
const mailTo = "operator@example.com"

// writeFiles writes what people and programs need to use the sandbox.
func (c *Cluster) writeFiles() error {
	if len(c.Nodes) > 0 {
		if err := c.writeInventory(); err != nil {
			return err
		}
	}
	var lines []string
	export := func(name, value string) {
		lines = append(lines, fmt.Sprintf("export %s='%s'", name, strings.ReplaceAll(value, "'", `'\''`)))
	}
	if c.Temporal != nil {
		for _, variable := range c.WorkerEnvironment() {
			name, value, _ := strings.Cut(variable, "=")
			export(name, value)
		}
		// The CLI that the sandbox runs need not be on PATH.
		export("PATH", filepath.Dir(c.Temporal.Program()))
		lines[len(lines)-1] += ":\"$PATH\""
	}
	if err := writeWhole(c.Environment(), []byte(strings.Join(lines, "\n")+"\n")); err != nil {
		return fmt.Errorf("write %s: %w", EnvironmentFile, err)
	}
	return nil
}

func (c *Cluster) writeInventory() error {
	cluster := inventoryCluster{
		Primary: c.Primary().Name,
		Accounts: map[string]inventoryAccount{
			"admin":       c.Accounts.Admin.declared(),
			"donor":       c.Accounts.Donor.declared(),
			"replication": c.Accounts.Replication.declared(),
		},
	}
	for _, n := range c.Nodes {
		if n.state.Standalone {
			continue
		}
		declared := inventoryNode{Name: n.Name, Address: n.WorkerAddress(), Supervised: n.Supervision() == Supervised}
		if n.PeerAddress() != n.WorkerAddress() {
			declared.PeerAddress = n.PeerAddress()
		}
		cluster.Nodes = append(cluster.Nodes, declared)
	}
	content, err := yaml.Marshal(inventoryFile{
		Mail:     inventoryMail{To: []string{mailTo}},
		Clusters: map[string]inventoryCluster{c.Name: cluster},
	})
	if err != nil {
		return fmt.Errorf("write the inventory: %w", err)
	}
	if err := writeWhole(c.Inventory(), content); err != nil {
		return fmt.Errorf("write the inventory: %w", err)
	}
	return nil
}

func (a Account) declared() inventoryAccount {
	return inventoryAccount{User: a.User, Secret: "file:" + a.File}
}
