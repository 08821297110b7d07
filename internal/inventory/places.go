package inventory

// places finds what two nodes of one cluster may not share. Across clusters nothing is compared: two names for one server are caught by
// the lock that a run takes on the server itself, and addresses behind a name service prove nothing.
type places struct {
	parser    *parser
	names     map[string]int
	addresses []place
	peers     []place
}

type place struct {
	endpoint Endpoint
	line     int
}

func (s *places) name(path, name string, line int) {
	if s.names == nil {
		s.names = map[string]int{}
	}
	if first, ok := s.names[name]; ok {
		s.parser.problem(path, line, "duplicate: line %d already names a node %s", first, name)
		return
	}
	s.names[name] = line
}

// address reports whether no other node has it.
func (s *places) address(path string, e Endpoint, line int) bool {
	return s.add(&s.addresses, path, e, line, "the address of another node")
}

func (s *places) peer(path string, e Endpoint, line int) {
	s.add(&s.peers, path, e, line, "how other nodes reach another node")
}

func (s *places) add(known *[]place, path string, e Endpoint, line int, what string) bool {
	for _, k := range *known {
		if k.endpoint.same(e) {
			s.parser.problem(path, line, "duplicate: %s is in line %d already %s", e, k.line, what)
			return false
		}
	}
	*known = append(*known, place{e, line})
	return true
}
