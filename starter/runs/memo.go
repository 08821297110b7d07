package runs

import (
	"go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// MemoText reads a text from a run's memo and sets a prefix before it; empty when there is none.
func MemoText(dataConverter converter.DataConverter, memo *common.Memo, field, prefix string) string {
	if dataConverter == nil {
		dataConverter = converter.GetDefaultDataConverter()
	}
	var text string
	payload := memo.GetFields()[field]
	if payload == nil || dataConverter.FromPayload(payload, &text) != nil || text == "" {
		return ""
	}
	return prefix + text
}
