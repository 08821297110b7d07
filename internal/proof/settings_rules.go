package proof

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rule judges a secondary's value of a variable beside the primary's: whether it is fine and, if not, which value would be. An
// empty want means that no value can be named.
type rule struct {
	says  string // for people, in docs/proof.md
	judge func(primary, secondary string, p, s values) (want string, fine bool)
}

// values are a server's variables by name, in lower case.
type values map[string]string

// first gives the value under the first of the names that the server has. Names changed over the versions.
func (v values) first(names ...string) (value string, found bool) {
	for _, name := range names {
		if value, found = v[name]; found {
			return value, true
		}
	}
	return "", false
}

// same wants the primary's value.
var same = rule{"as on the primary", func(p, s string, _, _ values) (string, bool) { return p, strings.EqualFold(p, s) }}

// is wants one value whatever the primary has.
func is(want ...string) rule {
	return rule{"`" + strings.Join(want, "` or `") + "`", func(_, s string, _, _ values) (string, bool) {
		return want[0], slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, s) })
	}}
}

// lacks wants a list without one of its words.
func lacks(word string) rule {
	return rule{"without `" + word + "`", func(_, s string, _, _ values) (string, bool) {
		words := strings.Split(s, ",")
		rest := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.EqualFold(strings.TrimSpace(w), word) })
		return strings.Join(rest, ","), len(rest) == len(words)
	}}
}

// atLeast wants no less than the primary has.
var atLeast = rule{"at least the primary's", func(p, s string, _, _ values) (string, bool) {
	ours, errP := strconv.ParseFloat(p, 64)
	theirs, errS := strconv.ParseFloat(s, 64)
	return p, errP != nil || errS != nil || theirs >= ours
}}

// atLeastOrEndless is atLeast where 0 stands for no end.
var atLeastOrEndless = rule{"at least the primary's; 0 is endless", func(p, s string, _, _ values) (string, bool) {
	ours, errP := strconv.ParseInt(p, 10, 64)
	theirs, errS := strconv.ParseInt(s, 10, 64)
	return p, errP != nil || errS != nil || theirs == 0 || (ours != 0 && theirs >= ours)
}}

// whereThePrimaryHas wants a value of the secondary as soon as the primary has it: a secondary may be stricter, not laxer.
func whereThePrimaryHas(want string) rule {
	return rule{"`" + want + "` if the primary has that", func(p, s string, _, _ values) (string, bool) {
		return want, !strings.EqualFold(p, want) || strings.EqualFold(s, want)
	}}
}

// another wants two servers apart.
var another = rule{"another than the primary's", func(p, s string, _, _ values) (string, bool) { return "", p != s }}

// notOlder wants a version that can apply what the primary writes (MySQL manual: Replication Compatibility Between MySQL Versions).
var notOlder = rule{"as on the primary", func(p, s string, _, _ values) (string, bool) { return p, release(p) == release(s) }}

// release is a version without what a packager put behind it.
func release(version string) string {
	number, _, _ := strings.Cut(version, "-")
	return number
}

// acknowledges wants a secondary to answer a primary that waits for answers.
var acknowledges = rule{"`ON` while the primary has rpl_semi_sync_source_enabled", func(_, s string, p, _ values) (string, bool) {
	waits, _ := p.first("rpl_semi_sync_source_enabled", "rpl_semi_sync_master_enabled")
	return "ON", !strings.EqualFold(waits, "ON") || strings.EqualFold(s, "ON")
}}

// class says what a variable matters for.
type class string

const (
	// sameNames is the one that makes equal names mean different tables: a difference, not a warning.
	sameNames class = "equality"
	// stayEqual are those by which equal data would not stay so, or nobody would notice.
	stayEqual  class = "equality from here on"
	failover   class = "failover"
	durability class = "durability"
)

// alignment says how a variable can be brought in line.
type alignment string

const (
	bySetPersist alignment = "SET PERSIST"
	byRestart    alignment = "option file, restart"
	byHand       alignment = "by hand"
)

// setting is one variable of the curated list.
type setting struct {
	names  []string // the newest first
	class  class
	rule   rule
	why    string
	normal string // which differences are normal, if any
	align  alignment
}

func (s setting) name() string { return s.names[0] }

// drift is one variable whose value on a secondary is not fine.
type drift struct {
	setting            setting
	name               string // as this server calls it
	primary, secondary string
	want               string
}

// detail is the sentence beside the two values.
func (d drift) detail() string {
	text := d.setting.why
	if d.want != "" && d.want != d.primary {
		text += fmt.Sprintf("; want %s", d.want)
	}
	if d.setting.normal != "" {
		text += "; normal: " + d.setting.normal
	}
	return text
}

// drifts judges every variable of the list. A variable that either server does not have (another version, no plugin) cannot drift;
// what a missing plugin means is judged where the plugin is needed.
func drifts(primary, secondary values) []drift {
	var out []drift
	for _, s := range settings {
		theirs, has := secondary.first(s.names...)
		ours, had := primary.first(s.names...)
		if !has || !had {
			continue
		}
		want, fine := s.rule.judge(ours, theirs, primary, secondary)
		if fine {
			continue
		}
		name := s.name()
		for _, n := range s.names {
			if _, is := secondary[n]; is {
				name = n
				break
			}
		}
		out = append(out, drift{setting: s, name: name, primary: ours, secondary: theirs, want: want})
	}
	return out
}
