package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader walks a YAML tree strictly: what the walk does not expect is a problem, and a problem never ends the walk, so that one reading
// names all of them. The library's own strict decoding (KnownFields) knows lines but not paths, stops at some mistakes, and repeats the
// value that it could not decode, which may be a password written in the wrong place.
//
// Depth is bounded by the schema that the callers spell out, so that aliases cannot make it loop.
type reader struct {
	problems []Problem
}

// field is one key that a mapping may have.
type field struct {
	key  string
	read func(path string, n *yaml.Node)
}

// document reads the only document of the text. It returns nil after a problem.
func (r *reader) document(text []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.problem("", 0, "the file is empty: it needs clusters")
		return nil
	case err != nil:
		r.syntax(text, err)
		return nil
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		r.problem("", second.Line, "a second document begins here: an inventory is one document")
		return nil
	} else if !errors.Is(err, io.EOF) {
		r.syntax(text, err)
		return nil
	}
	if len(doc.Content) == 0 {
		r.problem("", 0, "the file is empty: it needs clusters")
		return nil
	}
	return doc.Content[0]
}

var (
	syntaxLine  = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	quotedValue = regexp.MustCompile(`['"].*['"]`)
	noAnchor    = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
)

// syntax reports what the parser said, without what it quotes: an unquoted password that begins with * is an unknown anchor to YAML.
func (r *reader) syntax(text []byte, err error) {
	message := err.Error()
	line := 0
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	if m := noAnchor.FindStringSubmatch(message); m != nil {
		before, _, _ := bytes.Cut(text, []byte("*"+m[1]))
		line = bytes.Count(before, []byte("\n")) + 1
		message = "a value begins with * and so is an alias of something not defined before: put it in quotes"
	}
	r.problem("", line, "not readable as YAML: %s", quotedValue.ReplaceAllString(message, "a value"))
}

func (r *reader) problem(path string, line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{Path: path, Line: line, Message: fmt.Sprintf(format, args...)})
}

// object walks a mapping whose keys must be among the fields, each at most once. It reports whether n is a mapping at all.
func (r *reader) object(path string, n *yaml.Node, fields ...field) bool {
	return r.mapping(path, n, func(path, key string, k, v *yaml.Node) {
		names := make([]string, 0, len(fields))
		for _, f := range fields {
			if f.key == key {
				f.read(path, v)
				return
			}
			names = append(names, f.key)
		}
		r.problem(path, k.Line, "unknown field; known here: %s", strings.Join(names, ", "))
	})
}

// mapping walks a mapping of any keys, each at most once. It reports whether n is a mapping at all.
func (r *reader) mapping(path string, n *yaml.Node, entry func(path, key string, k, v *yaml.Node)) bool {
	n = target(n)
	if n.Kind != yaml.MappingNode {
		r.problem(path, n.Line, "is %s: wanted fields (key: value)", kind(n))
		return false
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := target(n.Content[i]), n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode:
			r.problem(path, k.Line, "a key is %s: wanted a plain name", kind(k))
			continue
		case k.Tag == "!!merge":
			r.problem(path, k.Line, "merge keys (<<) are not supported: write the fields out, or use an alias for the whole value")
			continue
		}
		at := join(path, k.Value)
		if first, ok := seen[k.Value]; ok {
			r.problem(at, k.Line, "duplicate: already given in line %d", first)
			continue
		}
		seen[k.Value] = k.Line
		entry(at, k.Value, k, v)
	}
	return true
}

// list walks a sequence.
func (r *reader) list(path string, n *yaml.Node, item func(path string, n *yaml.Node)) {
	n = target(n)
	if n.Kind != yaml.SequenceNode {
		r.problem(path, n.Line, "is %s: wanted a list (- item)", kind(n))
		return
	}
	for i, v := range n.Content {
		item(fmt.Sprintf("%s[%d]", path, i), v)
	}
}

// text reads a scalar as it is written: a name such as 01 stays 01.
func (r *reader) text(path string, n *yaml.Node) (string, bool) {
	n = target(n)
	switch {
	case n.Kind != yaml.ScalarNode:
		r.problem(path, n.Line, "is %s: wanted text", kind(n))
	case n.Tag == "!!null" || n.Value == "":
		r.problem(path, n.Line, "is empty: give a value or remove the line")
	default:
		return n.Value, true
	}
	return "", false
}

// boolean reads true or false, and no other spelling.
func (r *reader) boolean(path string, n *yaml.Node) (value, ok bool) {
	n = target(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		return strings.EqualFold(n.Value, "true"), true
	}
	r.problem(path, n.Line, "is %s: wanted true or false", kind(n))
	return false, false
}

// choice reads one of the given words.
func (r *reader) choice(path string, n *yaml.Node, words ...string) (string, bool) {
	s, ok := r.text(path, n)
	if !ok {
		return "", false
	}
	for _, w := range words {
		if s == w {
			return s, true
		}
	}
	r.problem(path, target(n).Line, "is %q: wanted one of %s", s, strings.Join(words, ", "))
	return "", false
}

func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// kind names what a node is without saying what it holds.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of fields"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}
