package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// nodeSection is what was done to one secondary; empty when nothing was.
func nodeSection(node contract.NodeReport) section {
	one := section{Title: node.Name, Badge: string(node.Standing), Tone: standingTone(node.Standing)}
	if node.Standing == "" {
		one.Badge, one.Tone = string(contract.StandingUnknown), toneBad
	}
	var f fields
	if node.Error != "" {
		f.add("Error", sentence(": ", string(node.ErrorType), node.Error))
	}
	f.add("Copied", copied(node.Copy))
	if r := node.Rescued; r != nil {
		f.add("Rescued", rescued(*r))
		f.add("Rescued GTIDs", gtids(r.GTIDs))
		f.add("Rescue lies in", rescuePlace(*r))
		f.add("Its manifest", prefixed("SHA-256 ", r.ManifestSHA256))
	}
	f.add("Destroyed", destroyed(node.Destroyed))
	if node.Destroyed != nil {
		f.add("GTIDs erased", gtids(node.Destroyed.GTIDs))
		label := "Lost for good"
		if node.Rescued != nil {
			label = "Only here before"
		}
		f.add(label, gtids(node.Destroyed.ErrantGTIDs))
	}
	if node.Copy != nil {
		f.add("Copy stood at", gtids(node.Copy.GTIDs))
	}
	one.addFields(f)
	if steps := stepsBlock(node.Steps); steps != nil {
		one.add(strong("Steps"), *steps)
		one.addList(stepErrors(node.Steps, node.Error))
	}
	one.add(proofBlocks(node.Proof)...)
	if len(node.Aligned) > 0 {
		one.add(strong("Settings brought in line with the primary's after that"), list(node.Aligned))
	}
	if len(node.Notes) > 0 {
		one.add(strong("Notes"), list(node.Notes))
	}
	if len(one.Blocks) > 0 {
		f = nil
		f.add("Server UUID", node.ServerUUID)
		one.addFields(f)
	}
	return one
}

func rescued(r contract.Rescued) string {
	return fmt.Sprintf("%s that only this node had, %s, written and read back", count(r.Transactions, "transaction"), bytesText(r.Bytes))
}

func rescuePlace(r contract.Rescued) string {
	if r.Host == "" {
		return r.Where
	}
	return r.Where + ", written by the worker on " + r.Host
}

func copied(c *contract.Copy) string {
	if c == nil {
		return ""
	}
	text := fmt.Sprintf("%s from %s in %s", bytesText(c.Bytes), c.Donor, durationText(c.Duration.Std()))
	if rate := rateText(c.MiBps); rate != "" {
		text += " (" + rate + ")"
	}
	if c.Joined {
		text += "; the clone outlived the worker that began it and was joined"
	}
	if c.StartedByHand {
		text += "; the server had no supervisor and was started from outside"
	}
	return text
}

func destroyed(d *contract.Destroyed) string {
	if d == nil {
		return ""
	}
	text := count(int64(d.Tables), "table") + ", " + bytesText(d.Bytes)
	if len(d.Schemas) > 0 {
		text += ", in the schemas " + names(d.Schemas)
	}
	return text
}

func stepsBlock(steps []contract.StepReport) *block {
	if len(steps) == 0 {
		return nil
	}
	t := &table{Head: []string{"Step", "Took", "Attempts", "Result"}}
	var total time.Duration
	for _, step := range steps {
		result := text("done")
		if step.Error != "" {
			result = badge("failed", toneBad)
		}
		total += step.Duration.Std()
		t.Rows = append(t.Rows, []cell{tight(string(step.Step)), tight(durationText(step.Duration.Std())), text(number(int64(step.Attempts))), result})
	}
	t.Rows = append(t.Rows, []cell{tight("together"), tight(durationText(total)), text(""), text("")})
	return &block{Table: t}
}

// stepErrors are the errors of steps, but for the one that is told as the node's own.
func stepErrors(steps []contract.StepReport, told string) []string {
	var errors []string
	for _, step := range steps {
		if step.Error != "" && step.Error != told {
			errors = append(errors, string(step.Step)+": "+step.Error)
		}
	}
	return errors
}

// proofBlocks is the evidence, layer by layer.
func proofBlocks(proof *contract.Proof) []block {
	if proof == nil {
		return nil
	}
	verdict := "gives no verdict"
	switch {
	case proof.Equal:
		verdict = "every layer was compared and agrees"
	case proof.Verdict == contract.ProofDifferent:
		verdict = count(proof.Differences(), "difference")
	case proof.Verdict == contract.ProofIncomplete:
		verdict = "no difference was found, but not everything was compared"
	case proof.Verdict != "":
		verdict = string(proof.Verdict)
	}
	blocks := []block{strong("Proof: " + verdict)}
	t := &table{Head: []string{"Layer", "Verdict", "Took", "Compared"}}
	for _, layer := range proof.Layers {
		t.Rows = append(t.Rows, []cell{text(layerWords(layer.Name)), badge(string(layer.Verdict), verdictTone(layer.Verdict)),
			tight(milliseconds(layer.Milliseconds)), text(examined(layer))})
	}
	if len(t.Rows) > 0 {
		blocks = append(blocks, block{Table: t})
	}
	for _, layer := range proof.Layers {
		var items []string
		for i, difference := range layer.Listed {
			if i == maxListed {
				break
			}
			items = append(items, differenceText(difference))
		}
		if more := layer.Differences + layer.Warnings - int64(len(items)); more > 0 && len(items) > 0 {
			items = append(items, fmt.Sprintf("and %s more", number(more)))
		}
		for _, note := range layer.Notes {
			items = append(items, "note: "+note)
		}
		if len(items) > 0 {
			blocks = append(blocks, paragraph(upper(layerWords(layer.Name))+":"), list(items))
		}
	}
	return append(blocks, spans(proof.Spans)...)
}

func milliseconds(n int64) string {
	if n == 0 {
		return ""
	}
	return durationText(time.Duration(n) * time.Millisecond)
}

func examined(layer contract.ProofLayer) string {
	var parts []string
	if layer.Examined > 0 {
		parts = append(parts, count(layer.Examined, layerNoun(layer.Name)))
	}
	if layer.Rows > 0 {
		parts = append(parts, count(layer.Rows, "row"))
	}
	if layer.Bytes > 0 {
		parts = append(parts, bytesText(layer.Bytes))
	}
	if layer.Differences > 0 {
		parts = append(parts, count(layer.Differences, "difference"))
	}
	if layer.Warnings > 0 {
		parts = append(parts, count(layer.Warnings, "warning"))
	}
	return strings.Join(parts, ", ")
}

// differenceText is one difference in a sentence: "changed row of shop.orders at id=5: total, note".
func differenceText(d contract.ProofDifference) string {
	name := sentence(".", d.Schema, d.Name)
	what := string(d.Kind) + " " + d.Object
	if d.Object == "row" {
		what += " of"
	}
	what = sentence(" ", what, name)
	if d.Member != "" {
		what += " (" + d.Member + ")"
	}
	if d.Key != "" {
		what += " at " + d.Key
	}
	var detail []string
	if len(d.Columns) > 0 {
		detail = append(detail, names(d.Columns))
	}
	if d.Primary != "" || d.Secondary != "" {
		detail = append(detail, fmt.Sprintf("primary has %q, secondary %q", d.Primary, d.Secondary))
	}
	if d.Detail != "" {
		detail = append(detail, d.Detail)
	}
	return sentence(": ", what, strings.Join(detail, "; "))
}

// spans says at which points of the primary's history rows were compared.
func spans(some []contract.ProofSpan) []block {
	var items []string
	for i, span := range some {
		if i == maxListed {
			items = append(items, fmt.Sprintf("and %d more", len(some)-i))
			break
		}
		text := gtids(span.GTIDs)
		var detail []string
		if span.Tables > 0 {
			detail = append(detail, count(span.Tables, "table"))
		}
		if span.Rows > 0 {
			detail = append(detail, count(span.Rows, "row"))
		}
		if at := timeText(span.Taken); at != "" {
			detail = append(detail, "taken "+at)
		}
		detail = append(detail, fmt.Sprintf("applier stood still for %s ms", number(span.PauseMilliseconds)))
		if span.Locked {
			detail = append(detail, "with a read lock on the primary for a moment")
		}
		items = append(items, text+" ("+strings.Join(detail, ", ")+")")
	}
	if len(items) == 0 {
		return nil
	}
	return []block{paragraph("Compared on both servers after exactly these transactions:"), list(items)}
}
