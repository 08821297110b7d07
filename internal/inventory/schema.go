package inventory

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var namePattern = regexp.MustCompile(`^[a-z0-9-]+$`)

const (
	// maxName keeps the workflow IDs made of names short, and lets a name be a DNS label.
	maxName = 63
	// reservedUsers begins the names of accounts that belong to the server itself (MySQL manual: Reserved Accounts).
	reservedUsers = "mysql."
)

// parse reads the whole file. The inventory is good only if there are no problems.
func parse(text []byte) (*Inventory, []Problem) {
	p := &parser{}
	inv := &Inventory{clusters: map[string]*Cluster{}}
	if root := p.document(text); root != nil {
		var clusters *yaml.Node
		isObject := p.object("", root,
			field{"mail", p.mailTo(&inv.Mail)},
			field{"clusters", func(path string, n *yaml.Node) {
				clusters = n
				p.mapping(path, n, func(path, key string, k, v *yaml.Node) {
					p.name(path, key, k.Line)
					inv.clusters[key] = p.cluster(path, key, v)
				})
			}},
		)
		if isObject && clusters == nil {
			p.problem("clusters", root.Line, "missing: an inventory names at least one cluster")
		} else if clusters != nil && target(clusters).Kind == yaml.MappingNode && len(inv.clusters) == 0 {
			p.problem("clusters", clusters.Line, "is empty: an inventory names at least one cluster")
		}
	}
	for _, c := range inv.clusters {
		if len(c.Mail.To) == 0 {
			c.Mail.To = slices.Clone(inv.Mail.To)
		}
	}
	// Checks of a whole cluster come after those of its parts; a reader of the message goes by lines.
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Line - b.Line })
	return inv, p.problems
}

// parser knows the file's fields; the reader below it knows only YAML.
type parser struct{ reader }

func (p *parser) cluster(path, clusterName string, n *yaml.Node) *Cluster {
	c := &Cluster{Name: clusterName, TLS: TLS{Mode: TLSPreferred}, PeerTLS: PeerTLS{Mode: TLSPreferred}}
	declared := nodeDefaults{service: defaultService, supervised: SupervisionUnknown}
	var primaryNode, nodesNode, accountsNode *yaml.Node
	isObject := p.object(path, n,
		field{"primary", func(path string, n *yaml.Node) { c.Primary, _ = p.text(path, n); primaryNode = n }},
		field{"nodes", func(_ string, n *yaml.Node) { nodesNode = n }},
		field{"accounts", func(path string, n *yaml.Node) { accountsNode = n; c.Accounts = p.accounts(path, clusterName, n) }},
		field{"tls", func(path string, n *yaml.Node) { p.tls(path, n, &c.TLS) }},
		field{"peerTLS", func(path string, n *yaml.Node) { p.peerTLS(path, n, &c.PeerTLS) }},
		field{"service", func(path string, n *yaml.Node) { p.service(path, n, &declared.service) }},
		field{"supervised", func(path string, n *yaml.Node) { p.supervised(path, n, &declared.supervised) }},
		field{"hooks", func(path string, n *yaml.Node) { c.Hooks = p.hooks(path, n) }},
		field{"mail", p.mailTo(&c.Mail)},
	)
	if !isObject {
		return c
	}
	if accountsNode == nil {
		p.problem(join(path, "accounts"), n.Line, "missing: wanted admin, donor and replication")
	}
	if nodesNode == nil {
		p.problem(join(path, "nodes"), n.Line, "missing: a cluster has at least one node")
		return c
	}
	// After all else, because a node inherits what the cluster declares, before or after it in the file.
	c.Nodes = p.nodes(join(path, "nodes"), nodesNode, declared)
	if c.Primary != "" && len(c.Nodes) > 0 && !slices.ContainsFunc(c.Nodes, func(n Node) bool { return n.Name == c.Primary }) {
		p.problem(join(path, "primary"), primaryNode.Line, "is %q, which is no node of this cluster", c.Primary)
	}
	return c
}

// nodeDefaults is what a cluster declares for each of its nodes.
type nodeDefaults struct {
	service    Service
	supervised Supervision
}

func (p *parser) nodes(path string, n *yaml.Node, declared nodeDefaults) []Node {
	var nodes []Node
	seen := &places{parser: p}
	before := len(p.problems)
	p.list(path, n, func(path string, n *yaml.Node) { nodes = append(nodes, p.node(path, n, declared, seen)) })
	if len(nodes) == 0 && len(p.problems) == before {
		p.problem(path, target(n).Line, "is empty: a cluster has at least one node")
	}
	return nodes
}

func (p *parser) node(path string, n *yaml.Node, declared nodeDefaults, seen *places) Node {
	node := Node{Service: declared.service, Supervised: declared.supervised}
	var hasName, hasAddress, hasPeer, goodAddress bool
	var addressLine int
	isObject := p.object(path, n,
		field{"name", func(path string, n *yaml.Node) {
			hasName = true
			if s, ok := p.text(path, n); ok {
				node.Name = s
				p.name(path, s, n.Line)
				seen.name(path, s, n.Line)
			}
		}},
		field{"address", func(path string, n *yaml.Node) {
			hasAddress = true
			addressLine = n.Line
			if node.Address, goodAddress = p.endpoint(path, n); goodAddress {
				goodAddress = seen.address(path, node.Address, n.Line)
			}
		}},
		field{"peerAddress", func(path string, n *yaml.Node) {
			hasPeer = true
			e, ok := p.endpoint(path, n)
			if !ok {
				return
			}
			node.PeerAddress = e
			seen.peer(path, e, n.Line)
			if e.IPv6() {
				p.problem(path, n.Line, "is the IPv6 address %s, which MySQL's clone_valid_donor_list cannot hold: use a DNS name or an IPv4 address", e)
			}
		}},
		field{"service", func(path string, n *yaml.Node) { p.service(path, n, &node.Service) }},
		field{"supervised", func(path string, n *yaml.Node) { p.supervised(path, n, &node.Supervised) }},
		field{"diskBytes", func(path string, n *yaml.Node) { p.disk(path, n, &node.DiskBytes) }},
		field{"adopt", func(path string, n *yaml.Node) { p.setBool(path, n, &node.Adopt) }},
	)
	if !isObject {
		return node
	}
	if !hasName {
		p.problem(join(path, "name"), n.Line, "missing")
	}
	if !hasAddress {
		p.problem(join(path, "address"), n.Line, "missing: wanted host:port as the worker reaches the node")
	}
	if hasPeer || !goodAddress {
		return node
	}
	node.PeerAddress = node.Address
	seen.peer(join(path, "address"), node.PeerAddress, addressLine)
	if node.Address.IPv6() {
		p.problem(join(path, "peerAddress"), n.Line, "missing: address is IPv6, which MySQL's clone_valid_donor_list cannot hold; "+
			"give a DNS name or an IPv4 address by which the other nodes reach this one")
	}
	return node
}

func (p *parser) accounts(path, clusterName string, n *yaml.Node) Accounts {
	var a Accounts
	missing := map[Role]bool{RoleAdmin: true, RoleDonor: true, RoleReplication: true}
	account := func(role Role, into *Account) field {
		return field{string(role), func(path string, n *yaml.Node) {
			delete(missing, role)
			*into = p.account(path, n)
			into.cluster, into.role = clusterName, role
		}}
	}
	if !p.object(path, n, account(RoleAdmin, &a.Admin), account(RoleDonor, &a.Donor), account(RoleReplication, &a.Replication)) {
		return a
	}
	for _, role := range Roles() {
		if missing[role] {
			p.problem(join(path, string(role)), n.Line, "missing: wanted user and secret")
		}
	}
	return a
}

func (p *parser) account(path string, n *yaml.Node) Account {
	var a Account
	var hasUser, hasSecret bool
	isObject := p.object(path, n,
		field{"user", func(path string, n *yaml.Node) {
			hasUser = true
			s, ok := p.text(path, n)
			switch {
			case !ok:
			case utf8.RuneCountInString(s) > maxUser:
				p.problem(path, n.Line, "is longer than the %d characters of a MySQL user name", maxUser)
			case strings.ContainsAny(s, "\x00\r\n@"):
				p.problem(path, n.Line, "wanted the user's name alone, without @host")
			case strings.HasPrefix(s, reservedUsers):
				p.problem(path, n.Line, "is %q, which the server keeps for itself", s)
			default:
				a.User = s
			}
		}},
		field{"secret", func(path string, n *yaml.Node) {
			hasSecret = true
			a.Secret = p.source(path, n)
		}},
	)
	if isObject && !hasUser {
		p.problem(join(path, "user"), n.Line, "missing")
	}
	if isObject && !hasSecret {
		p.problem(join(path, "secret"), n.Line, "missing: wanted env:NAME or file:/absolute/path")
	}
	return a
}

// source reads where a secret is found.
func (p *parser) source(path string, n *yaml.Node) Source {
	s, ok := p.text(path, n)
	if !ok {
		return ""
	}
	if err := Source(s).check(); err != nil {
		p.problem(path, n.Line, "%v", err)
		return ""
	}
	return Source(s)
}

func (p *parser) service(path string, n *yaml.Node, s *Service) {
	p.object(path, n,
		field{"readOnly", func(path string, n *yaml.Node) { p.setBool(path, n, &s.ReadOnly) }},
		field{"superReadOnly", func(path string, n *yaml.Node) { p.setBool(path, n, &s.SuperReadOnly) }},
		field{"eventScheduler", func(path string, n *yaml.Node) {
			if v, ok := p.choice(path, n, string(SchedulerOff), string(SchedulerOn), string(SchedulerDisabled)); ok {
				s.EventScheduler = Scheduler(v)
			}
		}},
	)
	if s.SuperReadOnly && !s.ReadOnly {
		// MySQL manual: super_read_only. A node whose declared state cannot exist would never be returned.
		p.problem(path, n.Line, "superReadOnly true with readOnly false cannot be: the first switches the second on; say superReadOnly: false too")
	}
}

func (p *parser) supervised(path string, n *yaml.Node, s *Supervision) {
	if t := target(n); t.Kind == yaml.ScalarNode && t.Value == string(SupervisionUnknown) {
		*s = SupervisionUnknown
		return
	}
	switch yes, ok := p.boolean(path, n); {
	case ok && yes:
		*s = Supervised
	case ok:
		*s = Unsupervised
	}
}

func (p *parser) disk(path string, n *yaml.Node, into *int64) {
	s, ok := p.text(path, n)
	if !ok {
		return
	}
	switch size, err := parseSize(s); {
	case err != nil:
		p.problem(path, n.Line, "is %q: %v", s, err)
	case size < leastDisk:
		p.problem(path, n.Line, "is %q, less than an empty server takes: is a unit missing, as in 500GiB?", s)
	default:
		*into = size
	}
}

func (p *parser) setBool(path string, n *yaml.Node, into *bool) {
	if v, ok := p.boolean(path, n); ok {
		*into = v
	}
}

func (p *parser) mailTo(m *Mail) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		seen := map[string]bool{}
		p.object(path, n, field{"to", func(path string, n *yaml.Node) {
			p.list(path, n, func(path string, n *yaml.Node) {
				s, ok := p.text(path, n)
				if !ok {
					return
				}
				address, err := mail.ParseAddress(s)
				if err != nil {
					p.problem(path, n.Line, "is %q: wanted one mail address, such as dba@example.com", s)
					return
				}
				// Mail services refuse a mail that names a recipient twice.
				if key := strings.ToLower(address.Address); seen[key] {
					p.problem(path, n.Line, "duplicate: %s is given already", address.Address)
				} else {
					seen[key] = true
				}
				m.To = append(m.To, s)
			})
		}})
	}
}

func (p *parser) endpoint(path string, n *yaml.Node) (Endpoint, bool) {
	s, ok := p.text(path, n)
	if !ok {
		return Endpoint{}, false
	}
	e, err := parseEndpoint(s)
	if err != nil {
		p.problem(path, n.Line, "%v", err)
		return Endpoint{}, false
	}
	return e, true
}

func (p *parser) name(path, s string, line int) {
	if !namePattern.MatchString(s) || len(s) > maxName {
		p.problem(path, line, "the name %q is not made of a-z, 0-9 and - alone, at most %d characters", s, maxName)
	}
}
