package inventory

import (
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func (p *parser) hooks(path string, n *yaml.Node) Hooks {
	hooks := Hooks{}
	var places []field
	for _, place := range HookPlaces() {
		places = append(places, field{string(place), func(path string, n *yaml.Node) {
			one := func(path string, n *yaml.Node) {
				hook := p.hook(path, place, n)
				hook.path = path
				hooks[place] = append(hooks[place], hook)
			}
			if target(n).Kind == yaml.SequenceNode {
				p.list(path, n, one)
				return
			}
			one(path, n)
		}})
	}
	p.object(path, n, places...)
	return hooks
}

func (p *parser) hook(path string, place HookPlace, n *yaml.Node) Hook {
	hook := Hook{Timeout: DefaultHookTimeout, Attempts: DefaultHookAttempts, OnFailure: HookContinue}
	if place.MayStop() {
		hook.OnFailure = HookStop
	}
	var command, address, secret *yaml.Node
	isObject := p.object(path, n,
		field{"command", func(path string, n *yaml.Node) { command = n; hook.Command = p.command(path, n) }},
		field{"url", func(path string, n *yaml.Node) { address = n; hook.URL = p.address(path, n) }},
		field{"secret", func(path string, n *yaml.Node) { secret = n; hook.Secret = p.source(path, n) }},
		field{"timeout", func(path string, n *yaml.Node) { p.timeout(path, n, &hook.Timeout) }},
		field{"attempts", func(path string, n *yaml.Node) { p.attempts(path, n, &hook.Attempts) }},
		field{"onFailure", func(path string, n *yaml.Node) {
			word, ok := p.choice(path, n, string(HookStop), string(HookContinue))
			switch {
			case !ok:
			case OnHookFailure(word) == HookStop && !place.MayStop():
				p.problem(path, n.Line, "is %q: at %s the work is done, so that only %q is possible", word, place, HookContinue)
			default:
				hook.OnFailure = OnHookFailure(word)
			}
		}},
	)
	switch {
	case !isObject:
	case command == nil && address == nil:
		p.problem(path, n.Line, "names nothing to call: wanted command or url")
	case command != nil && address != nil:
		p.problem(path, n.Line, "has both command and url: write two hooks")
	case secret != nil && address == nil:
		p.problem(join(path, "secret"), secret.Line, "has no effect on a command: it is the bearer token of a url")
	case secret != nil && sentInTheClear(hook.URL):
		p.problem(join(path, "url"), address.Line, "is not https: a secret is sent over https alone, or within this machine")
	}
	return hook
}

// command wants an absolute path: neither PATH nor the folder a worker happens to be started in decides what is run.
func (p *parser) command(path string, n *yaml.Node) []string {
	var words []string
	before := len(p.problems)
	p.list(path, n, func(path string, n *yaml.Node) {
		n = target(n)
		switch {
		case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
			p.problem(path, n.Line, "is %s: wanted text", kind(n))
		case strings.ContainsRune(n.Value, 0):
			p.problem(path, n.Line, "holds a NUL byte, which no argument can")
		case len(words) == 0 && !filepath.IsAbs(n.Value):
			p.problem(path, n.Line, "wanted the absolute path of a program on the worker's machine")
		}
		words = append(words, n.Value)
	})
	if len(words) == 0 && len(p.problems) == before {
		p.problem(path, target(n).Line, "is empty: wanted an absolute path and its arguments")
	}
	return words
}

// address never repeats the text: the path or the query of a webhook opens it.
func (p *parser) address(path string, n *yaml.Node) string {
	text, ok := p.text(path, n)
	if !ok {
		return ""
	}
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http":
		p.problem(path, n.Line, "wanted an address such as https://example.com/hook")
		return ""
	case parsed.User != nil:
		p.problem(path, n.Line, "wanted an address without user and password; use secret for a bearer token")
		return ""
	}
	return text
}

// sentInTheClear reports whether others could read what is sent there.
func sentInTheClear(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(parsed.Hostname())
	return parsed.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (p *parser) timeout(path string, n *yaml.Node, into *time.Duration) {
	text, ok := p.text(path, n)
	if !ok {
		return
	}
	value, err := time.ParseDuration(text)
	if err != nil || value < leastHookTimeout || value > mostHookTimeout {
		p.problem(path, n.Line, "is %q: wanted a duration from %s to %s, such as 30s or 5m", text, leastHookTimeout, mostHookTimeout)
		return
	}
	*into = value
}

func (p *parser) attempts(path string, n *yaml.Node, into *int) {
	text, ok := p.text(path, n)
	if !ok {
		return
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 || value > mostHookAttempts {
		p.problem(path, n.Line, "is %q: wanted a whole number from 1 to %d", text, mostHookAttempts)
		return
	}
	*into = value
}
