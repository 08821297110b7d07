package report

// document is what a reader is told, before it is text or HTML. Its fields are exported for the template.
type document struct {
	// Badge is the outcome in a word, Tone its colour.
	Badge string
	Tone  tone
	// Subject names what the document is about.
	Subject string
	// Headline is the outcome in one sentence.
	Headline string
	// Lead are paragraphs below the headline.
	Lead     []string
	Sections []section
}

type section struct {
	Title  string
	Badge  string
	Tone   tone
	Blocks []block
}

// block is one of: a paragraph, labelled fields, a table, a list, or text to be copied.
type block struct {
	Text   string
	Strong bool
	Fields []field
	Table  *table
	List   []string
	Code   string
}

type field struct {
	Label string
	Value string
	// Link makes the value a link; only addresses that this package made are put here.
	Link string
}

type table struct {
	Head []string
	Rows [][]cell
}

type cell struct {
	// Text may hold several lines.
	Text string
	// Next is what to do, told below the text.
	Next string
	// Tone makes the cell a badge.
	Tone tone
	// Tight cells are not broken over lines.
	Tight bool
}

// tone is the colour of a badge; empty is none.
type tone string

const (
	toneGood  tone = "good"
	toneWarn  tone = "warn"
	toneBad   tone = "bad"
	toneQuiet tone = "quiet"
)

func paragraph(text string) block { return block{Text: text} }
func strong(text string) block    { return block{Text: text, Strong: true} }
func code(text string) block      { return block{Code: text} }
func list(items []string) block   { return block{List: items} }
func text(s string) cell          { return cell{Text: s} }
func tight(s string) cell         { return cell{Text: s, Tight: true} }
func badge(s string, t tone) cell { return cell{Text: s, Tone: t} }

// fields are labelled values; those without a value are left out.
type fields []field

func (f *fields) add(label, value string) {
	if value != "" {
		*f = append(*f, field{Label: label, Value: value})
	}
}

func (f fields) block() block { return block{Fields: f} }

// addFields adds a block unless it would be empty.
func (s *section) addFields(some fields) {
	if len(some) > 0 {
		s.Blocks = append(s.Blocks, some.block())
	}
}

func (s *section) add(blocks ...block) { s.Blocks = append(s.Blocks, blocks...) }

func (s *section) addList(items []string) {
	if len(items) > 0 {
		s.Blocks = append(s.Blocks, list(items))
	}
}

// addSection adds a section unless it would be empty.
func (d *document) addSection(one section) {
	if len(one.Blocks) > 0 {
		d.Sections = append(d.Sections, one)
	}
}

// cleaned is the document without a character that could act on a terminal or mislead a reader. It is the only way to the renderers.
func (d document) cleaned() document {
	result := document{Badge: clean(d.Badge), Tone: d.Tone, Subject: clean(d.Subject), Headline: clean(d.Headline), Lead: cleanAll(d.Lead)}
	for _, one := range d.Sections {
		result.Sections = append(result.Sections, one.cleaned())
	}
	return result
}

func (s section) cleaned() section {
	result := section{Title: clean(s.Title), Badge: clean(s.Badge), Tone: s.Tone}
	for _, b := range s.Blocks {
		copied := block{Text: clean(b.Text), Strong: b.Strong, List: cleanAll(b.List), Code: clean(b.Code)}
		for _, f := range b.Fields {
			copied.Fields = append(copied.Fields, field{clean(f.Label), clean(f.Value), f.Link})
		}
		if b.Table != nil {
			copied.Table = b.Table.cleaned()
		}
		result.Blocks = append(result.Blocks, copied)
	}
	return result
}

func (t table) cleaned() *table {
	result := &table{Head: cleanAll(t.Head)}
	for _, row := range t.Rows {
		var cells []cell
		for _, c := range row {
			cells = append(cells, cell{clean(c.Text), clean(c.Next), c.Tone, c.Tight})
		}
		result.Rows = append(result.Rows, cells)
	}
	return result
}

func cleanAll(texts []string) []string {
	var result []string
	for _, one := range texts {
		result = append(result, clean(one))
	}
	return result
}
