package report

import (
	"strings"
	"unicode/utf8"
)

// width is what prose is wrapped to; mails and terminals show it without wrapping again. Commands and SQL are never wrapped.
const width = 78

// plain is the document as text.
func plain(d document) string {
	var out writer
	out.line(strings.ToUpper(d.Badge) + "  " + d.Subject)
	out.line("")
	out.wrapped("", "", d.Headline)
	for _, text := range d.Lead {
		out.line("")
		out.wrapped("", "", text)
	}
	for _, one := range d.Sections {
		out.line("")
		title := one.Title
		if one.Badge != "" {
			title += ": " + one.Badge
		}
		out.line(title)
		out.line(strings.Repeat("-", utf8.RuneCountInString(title)))
		for i, b := range one.Blocks {
			if i > 0 && !introduces(one.Blocks[i-1]) {
				out.line("")
			}
			out.block(b)
		}
	}
	return out.String()
}

// introduces reports whether a block belongs to the one after it.
func introduces(b block) bool { return b.Strong || strings.HasSuffix(b.Text, ":") }

type writer struct{ strings.Builder }

func (w *writer) line(text string) {
	w.WriteString(strings.TrimRight(text, " "))
	w.WriteByte('\n')
}

func (w *writer) block(b block) {
	switch {
	case b.Text != "":
		w.wrapped("", "", b.Text)
	case len(b.Fields) > 0:
		w.fields(b.Fields)
	case b.Table != nil:
		w.table(*b.Table)
	case len(b.List) > 0:
		for _, item := range b.List {
			w.wrapped("- ", "  ", item)
		}
	case b.Code != "":
		for _, line := range strings.Split(strings.TrimRight(b.Code, "\n"), "\n") {
			w.line("    " + line)
		}
	}
}

func (w *writer) fields(some []field) {
	widest := 0
	for _, one := range some {
		widest = max(widest, utf8.RuneCountInString(one.Label))
	}
	for _, one := range some {
		w.wrapped(pad(one.Label, widest)+"  ", strings.Repeat(" ", widest+2), one.Value)
	}
}

// table pads every column but the last, which is wrapped.
func (w *writer) table(t table) {
	widths := make([]int, len(t.Head))
	for i, head := range t.Head {
		widths[i] = utf8.RuneCountInString(head)
	}
	for _, row := range t.Rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.Text))
		}
	}
	row := func(texts []string) {
		var lead strings.Builder
		for i, text := range texts[:len(texts)-1] {
			lead.WriteString(pad(strings.ReplaceAll(text, "\n", " "), widths[i]) + "  ")
		}
		w.wrapped(lead.String(), strings.Repeat(" ", utf8.RuneCountInString(lead.String())), texts[len(texts)-1])
	}
	row(t.Head)
	for _, cells := range t.Rows {
		texts := make([]string, len(cells))
		for i, c := range cells {
			texts[i] = c.Text
			if c.Next != "" {
				texts[i] += "\nNext: " + c.Next
			}
		}
		row(texts)
	}
}

// wrapped writes text behind first, and its further lines behind next. A word that is too long stands alone and whole.
func (w *writer) wrapped(first, next, text string) {
	const least = 30 // a column narrower than this is not worth wrapping into
	room := max(width-utf8.RuneCountInString(first), least)
	lead := first
	for _, paragraph := range strings.Split(text, "\n") {
		line, used := "", 0
		for _, word := range strings.Fields(paragraph) {
			size := utf8.RuneCountInString(word)
			if used > 0 && used+1+size > room {
				w.line(lead + line)
				lead, line, used = next, "", 0
			}
			if used > 0 {
				line, used = line+" ", used+1
			}
			line, used = line+word, used+size
		}
		w.line(lead + line)
		lead = next
	}
}

func pad(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-utf8.RuneCountInString(text)))
}
