package contract

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// UnmarshalJSON decodes field by field and collects every problem instead of failing at the first: a Temporal workflow whose input
// does not decode never runs a line of its code, and nobody would be told.
func (r *Request) UnmarshalJSON(data []byte) error {
	*r = Request{}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		r.problems = append(r.problems, fmt.Sprintf("the input is not a JSON object: want for example %s", ExampleRequest))
		return nil
	}
	into := map[string]any{
		"cluster": &r.Cluster, "mode": &r.Mode, "plan": &r.Plan, "confirm": &r.Confirm, "nodes": &r.Nodes,
		"unreplicatedWrites": &r.UnreplicatedWrites, "delayedReplicas": &r.DelayedReplicas, "onUnreachable": &r.OnUnreachable, "donors": &r.Donors,
		"maxParallel": &r.MaxParallel, "minServing": &r.MinServing, "throttleMiBps": &r.ThrottleMiBps, "adaptiveThrottle": &r.AdaptiveThrottle,
		"alignSettings": &r.AlignSettings, "watch": &r.Watch, "approvalTimeout": &r.ApprovalTimeout, "notify": &r.Notify, "requestedBy": &r.RequestedBy,
		"problems": &r.problems,
	}
	nested := map[string]map[string]any{"proof": {
		"rows": &r.Proof.Rows, "parallel": &r.Proof.Parallel, "where": &r.Proof.Where, "throttleMiBps": &r.Proof.ThrottleMiBps,
		"lockFallback": &r.Proof.LockFallback, "values": &r.Proof.Values, "hideKeys": &r.Proof.HideKeys,
	}}
	if raw, asked := fields["quiet"]; asked && string(raw) != "null" {
		r.Quiet = &Quiet{}
		nested["quiet"] = map[string]any{
			"sessions": &r.Quiet.Sessions, "for": &r.Quiet.For, "within": &r.Quiet.Within,
		}
	} else {
		into["quiet"] = &r.Quiet
	}
	r.decode("", fields, into, func(name string, raw json.RawMessage) bool {
		target, known := nested[name]
		if !known {
			return false
		}
		var inner map[string]json.RawMessage
		if err := json.Unmarshal(raw, &inner); err != nil {
			r.problems = append(r.problems, fmt.Sprintf("%s: want an object, got %s", name, short(raw)))
			return true
		}
		r.decode(name+".", inner, target, func(string, json.RawMessage) bool { return false })
		return true
	})
	return nil
}

// MarshalJSON writes the fields, and the problems found while decoding, so that a Request passed on to a continued run keeps them.
func (r Request) MarshalJSON() ([]byte, error) {
	type plain Request
	return json.Marshal(struct {
		plain
		Problems []string `json:"problems,omitempty"`
	}{plain(r), r.problems})
}

func (r *Request) decode(prefix string, fields map[string]json.RawMessage, into map[string]any,
	nested func(string, json.RawMessage) bool) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		raw := fields[name]
		if nested(name, raw) {
			continue
		}
		target, known := into[name]
		if !known {
			r.problems = append(r.problems, fmt.Sprintf("%s%s: unknown field%s", prefix, name, nearest(name, into)))
			continue
		}
		if err := json.Unmarshal(raw, target); err != nil {
			r.problems = append(r.problems, fmt.Sprintf("%s%s: %s", prefix, name, wrongType(err, raw)))
		}
	}
}

func wrongType(err error, raw json.RawMessage) string {
	if typed, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Sprintf("want %s, got %s", jsonType(typed.Type.Kind().String()), short(raw))
	}
	return err.Error()
}

func jsonType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case kind == "slice":
		return "a list"
	case kind == "bool":
		return "true or false"
	default:
		return "a " + kind
	}
}

func short(raw json.RawMessage) string {
	const limit = 60
	if len(raw) > limit {
		return strings.ToValidUTF8(string(raw[:limit]), "") + "..."
	}
	return string(raw)
}

// nearest suggests a field that differs only in case or separators.
func nearest(name string, into map[string]any) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
	}
	for known := range into {
		if known != "problems" && plain(known) == plain(name) {
			return fmt.Sprintf(" (did you mean %s?)", known)
		}
	}
	return ""
}
