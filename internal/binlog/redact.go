package binlog

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// redact is a statement as it may go through histories and mails: without comments (of one that the server runs /*!*/ stays), and with every literal text as '...', because a
// password, its hash, or a value of a row is one. Only the names of accounts ('user'@'host') stay. Of a statement that changes rows the
// numbers go too. The result is a single line of at most max bytes.
func redact(statement string, max int) string {
	r := redactor{rest: statement}
	r.skipBlanks()
	r.numbers = !definesData(r.rest)
	for r.rest != "" && r.out.Len() <= max {
		r.next()
	}
	text := strings.TrimSpace(r.out.String())
	if len(text) <= max {
		return text
	}
	const cut = "..."
	end := max - len(cut)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cut
}

// definitions are the words with which statements begin whose numbers are lengths, sizes and options. Anything else may be a row's.
var definitions = []string{"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "GRANT", "REVOKE", "XA", "ANALYZE", "OPTIMIZE", "REPAIR", "FLUSH"}

// bodies are the words from which on a definition is about rows again: a view, a routine, a table filled from a query.
var bodies = []string{"SELECT", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE", "BEGIN", "DO", "RETURN", "CALL", "SET", "WITH"}

func definesData(statement string) bool {
	word := statement
	for i, c := range statement {
		if !isWord(c) {
			word = statement[:i]
			break
		}
	}
	return isOneOf(word, definitions)
}

func isOneOf(word string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, word) })
}

type redactor struct {
	rest    string
	out     strings.Builder
	numbers bool // are literals too
	account bool // the last token was an @ that belongs to an account's name
}

func (r *redactor) skipBlanks() { r.rest = strings.TrimLeft(r.rest, " \t\r\n\f\v\x00") }

// next moves one token from rest to out. What it cannot follow, it withholds to the end.
func (r *redactor) next() {
	account := r.account
	r.account = false
	c, width := utf8.DecodeRuneInString(r.rest)
	switch {
	case strings.ContainsRune(" \t\r\n\f\v\x00", c):
		r.skipBlanks()
		r.blank()
		r.account = account
	case strings.HasPrefix(r.rest, "/*!"):
		// The server runs what stands in it, so its place must not look as if nothing had been there.
		r.dropUntil("*/", 2)
		r.out.WriteString("/*!*/ ")
	case strings.HasPrefix(r.rest, "/*"):
		r.dropUntil("*/", 2)
	case c == '#', strings.HasPrefix(r.rest, "-- "), strings.HasPrefix(r.rest, "--\n"), strings.HasPrefix(r.rest, "--\t"):
		r.dropUntil("\n", 1)
	case c == '`':
		r.identifier()
	case c == '\'' || c == '"':
		r.text(byte(c), account)
	case c == '$':
		r.dollar()
	case c >= '0' && c <= '9' || c == '.' && len(r.rest) > 1 && r.rest[1] >= '0' && r.rest[1] <= '9':
		r.number()
	case isWord(c):
		r.word()
	case c == '@':
		r.account = true
		r.write(1)
	case c < ' ' || c == utf8.RuneError:
		r.rest = r.rest[width:]
		r.out.WriteByte('?')
	default:
		r.write(width)
	}
}

func isWord(c rune) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 && c != utf8.RuneError
}

func (r *redactor) write(n int) {
	r.out.WriteString(r.rest[:n])
	r.rest = r.rest[n:]
}

func (r *redactor) withhold() {
	r.rest = ""
	r.out.WriteString("'...' (the rest is withheld)")
}

func (r *redactor) dropUntil(end string, from int) {
	_, after, found := strings.Cut(r.rest[from:], end)
	if !found {
		after = ""
	}
	r.rest = after
	r.blank()
}

// blank is one, whatever stood there.
func (r *redactor) blank() {
	if !strings.HasSuffix(r.out.String(), " ") {
		r.out.WriteByte(' ')
	}
}

func (r *redactor) identifier() {
	n := 1
	for {
		at := strings.IndexByte(r.rest[n:], '`')
		if at < 0 {
			r.withhold()
			return
		}
		n += at + 1
		if n >= len(r.rest) || r.rest[n] != '`' {
			break
		}
		n++
	}
	r.out.WriteString(strings.Map(oneLine, strings.ToValidUTF8(r.rest[:n], "?")))
	r.rest = r.rest[n:]
}

func oneLine(c rune) rune {
	if c < ' ' || c == 0x7f {
		return '?'
	}
	return c
}

// text is a quoted literal. Whether a backslash escapes depends on the session's sql_mode, so from one on nothing is sure.
func (r *redactor) text(quote byte, account bool) {
	n := 1
	for {
		at := strings.IndexByte(r.rest[n:], quote)
		if at < 0 || strings.IndexByte(r.rest[n:n+at], '\\') >= 0 {
			r.withhold()
			return
		}
		n += at + 1
		if n >= len(r.rest) || r.rest[n] != quote {
			break
		}
		n++
	}
	if account || n < len(r.rest) && r.rest[n] == '@' {
		r.out.WriteString(strings.Map(oneLine, strings.ToValidUTF8(r.rest[:n], "?")))
	} else {
		r.out.WriteString("'...'")
	}
	r.rest = r.rest[n:]
}

// dollar is a text in $tag$ ... $tag$, as routines in other languages have it since 9.0, or a $ in a name.
func (r *redactor) dollar() {
	n := 1
	for n < len(r.rest) && (isWord(rune(r.rest[n])) || r.rest[n] >= 0x80) {
		n++
	}
	if n >= len(r.rest) || r.rest[n] != '$' {
		r.write(1)
		return
	}
	tag := r.rest[:n+1]
	_, after, found := strings.Cut(r.rest[n+1:], tag)
	if !found {
		r.withhold()
		return
	}
	r.rest = after
	r.out.WriteString("'...'")
}

func (r *redactor) number() {
	n := 0
	for n < len(r.rest) && (isWord(rune(r.rest[n])) || r.rest[n] == '.' ||
		(r.rest[n] == '+' || r.rest[n] == '-') && n > 0 && (r.rest[n-1] == 'e' || r.rest[n-1] == 'E')) {
		n++
	}
	n = max(n, 1)
	long := len(r.rest) > 1 && r.rest[0] == '0' && (r.rest[1] == 'x' || r.rest[1] == 'X' || r.rest[1] == 'b' || r.rest[1] == 'B')
	if long || r.numbers {
		r.out.WriteString("?")
		r.rest = r.rest[n:]
		return
	}
	r.write(n)
}

func (r *redactor) word() {
	n := 0
	for i, c := range r.rest {
		if !isWord(c) && c != '$' {
			break
		}
		n = i + utf8.RuneLen(c)
	}
	r.numbers = r.numbers || isOneOf(r.rest[:n], bodies)
	r.write(n)
}
