package report

import (
	"fmt"
	"slices"

	"github.com/clusterresync/clusterresync/workflows/contract"
)

// lossSection is what the erase of each chosen secondary destroys, in full: it is what an approval covers.
func lossSection(plan contract.Plan) section {
	one := section{Title: "What would be destroyed"}
	chosen := plan.Chosen()
	if plan.Mode == contract.ModeVerify || len(chosen) == 0 {
		return one
	}
	for _, node := range chosen {
		one.add(strong(sentence(" ", node.Name, parenthesised(node.Address))))
		var f fields
		f.add("Server UUID", node.ServerUUID)
		erased := bytesText(node.DataBytes)
		if len(node.Schemas) > 0 {
			// Not cut: the approval covers every one of them.
			erased += " in the schemas " + joined(node.Schemas)
		}
		f.add("Erased", erased+", refilled from the primary's data")
		if kept(plan, node.Loss) {
			f.add("Kept first", loss(node.Loss)+". It is written to the archive and read back before the erase")
		} else {
			f.add("Lost for good", loss(node.Loss))
		}
		if preview := node.Loss.Preview; preview != nil {
			f.add("Committed", committed(*preview))
			f.add("In the binary log", binlogSize(preview.Bytes))
			f.add("Not all", preview.Partial)
			if preview.Unreadable != "" {
				f.add("What they did", "cannot be known: "+preview.Unreadable)
			}
		}
		one.addFields(f)
		one.add(previewBlocks(node.Loss.Preview)...)
		one.add(onlyHereBlocks(node.Loss)...)
	}
	one.add(paragraph("Changes of rows that never went into a binary log (sql_log_bin = 0, for example) are not seen here: only a comparison of the " +
		"rows finds them, which a run with mode verify makes."))
	return one
}

// kept reports whether all that only this node has goes to the archive first.
func kept(plan contract.Plan, l contract.Loss) bool {
	return plan.UnreplicatedWrites == contract.UnreplicatedRescue && !l.None() && l.Rescuable()
}

// loss says what exists nowhere else. The GTID set is whole, because the approval covers it.
func loss(l contract.Loss) string {
	switch {
	case l.None():
		return "nothing that the primary does not have, as far as GTIDs tell"
	case l.Unknown != "":
		return sentence("; ", "cannot be known: "+l.Unknown, wholeGTIDs(l.ErrantGTIDs), dataOnlyHere(l))
	case l.ErrantGTIDs == "":
		return dataOnlyHere(l)
	default:
		return sentence("; ", fmt.Sprintf("%s that the primary does not have: %s", count(l.Transactions, "transaction"), wholeGTIDs(l.ErrantGTIDs)),
			dataOnlyHere(l))
	}
}

func dataOnlyHere(l contract.Loss) string {
	if some := int64(len(l.Data())); some > 0 {
		return count(some, "object") + " with data, named below, that the primary does not have or has otherwise"
	}
	return ""
}

func committed(preview contract.LossPreview) string {
	first, last := timeText(preview.First), timeText(preview.Last)
	switch {
	case first == "":
		return ""
	case last == "" || first == last:
		return first + ", by the node's own clock"
	default:
		return "from " + first + " to " + last + ", by the node's own clock"
	}
}

func binlogSize(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return bytesText(bytes)
}

// previewBlocks are what errant transactions did. The plan caps both lists and counts what it left out.
func previewBlocks(preview *contract.LossPreview) []block {
	if preview == nil {
		return nil
	}
	var blocks []block
	if len(preview.Tables) > 0 {
		t := &table{Head: []string{"Inserted", "Updated", "Deleted", "Rows of"}}
		for _, changed := range preview.Tables {
			t.Rows = append(t.Rows, []cell{text(number(changed.Inserted)), text(number(changed.Updated)), text(number(changed.Deleted)),
				text(sentence(".", changed.Schema, changed.Table))})
		}
		blocks = append(blocks, paragraph("What became of rows:"), block{Table: t})
		if more := preview.TablesInAll - len(preview.Tables); more > 0 {
			blocks = append(blocks, paragraph("And "+count(int64(more), "more table")+", with fewer changes each."))
		}
	}
	if len(preview.Statements) > 0 {
		items := preview.Statements
		if more := preview.StatementsInAll - len(items); more > 0 {
			items = append(items[:len(items):len(items)], fmt.Sprintf("and %s more", number(int64(more))))
		}
		blocks = append(blocks, paragraph("Statements, in their order:"), list(items))
	}
	return blocks
}

// onlyHereBlocks are the objects. The plan caps the list and counts what it left out.
func onlyHereBlocks(l contract.Loss) []block {
	if len(l.OnlyHere) == 0 {
		return nil
	}
	t := &table{Head: []string{"Kind", "Size", "Name"}}
	for _, object := range l.OnlyHere {
		size := ""
		if object.Bytes > 0 {
			size = bytesText(object.Bytes)
		}
		t.Rows = append(t.Rows, []cell{text(string(object.Kind)), tight(size), text(sentence(": ", object.Name, object.Differs))})
	}
	blocks := []block{paragraph("Only here, or otherwise than on the primary, whatever GTIDs say:"), {Table: t}}
	if more := l.OnlyHereInAll - len(l.OnlyHere); more > 0 {
		blocks = append(blocks, paragraph("And "+count(int64(more), "more object")+"."))
	}
	if slices.ContainsFunc(l.OnlyHere, func(object contract.OnlyHere) bool { return !object.Kind.HoldsData() }) {
		blocks = append(blocks, paragraph("Schemas and tables of these need consent. The rest needs none, and is kept nowhere unless a transaction above made it."))
	}
	return blocks
}
