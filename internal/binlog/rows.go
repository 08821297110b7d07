package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

var errRows = errors.New("an event of changed rows is malformed")

// countRows steps over the rows of an event by their lengths alone: no value is looked at, nor can one find its way into an error. For
// an update it counts pairs of images.
func countRows(e *replication.RowsEvent, kind replication.EventType, data []byte) (n int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errRows
		}
	}()
	at, err := e.DecodeHeader(data)
	if err != nil {
		return 0, errRows
	}
	update := operation(kind) == Updated
	for data = data[at:]; len(data) > 0; n++ {
		before := len(data)
		if data, err = skipImage(e, e.ColumnBitmap1, false, data); err == nil && update {
			data, err = skipImage(e, e.ColumnBitmap2, kind == replication.PARTIAL_UPDATE_ROWS_EVENT, data)
		}
		if err != nil {
			return n, err
		}
		if len(data) == before {
			return n, errRows // images without columns have no end
		}
	}
	return n, nil
}

// skipImage steps over one row image: the bits of its NULLs, then a value for each column that is present and not NULL (MySQL source:
// Rows_event). A partial image begins with its options and, if they ask for it, a bit for every JSON column; the length of a JSON
// difference is written like that of a document.
func skipImage(e *replication.RowsEvent, present []byte, partial bool, data []byte) ([]byte, error) {
	if partial {
		options, rest, ok := packedInt(data)
		if !ok {
			return nil, errRows
		}
		data = rest
		if options&1 != 0 {
			data = data[(int(e.Table.JsonColumnCount())+7)/8:]
		}
	}
	count := 0
	for i, b := range present {
		if unused := 8*(i+1) - int(e.ColumnCount); unused > 0 {
			b &= 0xff >> unused
		}
		count += bits.OnesCount8(b)
	}
	nulls := data[:(count+7)/8]
	data = data[len(nulls):]
	at := 0
	for i := range int(e.ColumnCount) {
		if present[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		null := nulls[at/8]&(1<<(at%8)) != 0
		at++
		if null {
			continue
		}
		length, err := valueLength(e.Table.ColumnType[i], e.Table.ColumnMeta[i], data)
		if err != nil {
			return nil, err
		}
		data = data[length:]
	}
	return data, nil
}

// valueLength is how many bytes a value takes, its own length included (MySQL source: calc_field_size).
func valueLength(kind byte, meta uint16, data []byte) (int, error) {
	high, low := int(meta>>8), int(meta&0xff)
	if kind == mysql.MYSQL_TYPE_STRING {
		// CHAR, ENUM and SET: the upper byte is the real type, two bits of which may belong to the length.
		if meta >= 256 && high&0x30 == 0x30 {
			kind = byte(high)
		}
		if kind == mysql.MYSQL_TYPE_STRING || kind != mysql.MYSQL_TYPE_ENUM && kind != mysql.MYSQL_TYPE_SET {
			if meta < 256 {
				return prefixed(int(meta), data), nil
			}
			return prefixed(low|(high&0x30^0x30)<<4, data), nil
		}
	}
	switch kind {
	case mysql.MYSQL_TYPE_NULL:
		return 0, nil
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_YEAR:
		return 1, nil
	case mysql.MYSQL_TYPE_SHORT:
		return 2, nil
	case mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_TIME:
		return 3, nil
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_TIMESTAMP:
		return 4, nil
	case mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_DATETIME:
		return 8, nil
	case mysql.MYSQL_TYPE_TIME2:
		return 3 + (low+1)/2, nil
	case mysql.MYSQL_TYPE_TIMESTAMP2:
		return 4 + (low+1)/2, nil
	case mysql.MYSQL_TYPE_DATETIME2:
		return 5 + (low+1)/2, nil
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		return decimalLength(high-low) + decimalLength(low), nil
	case mysql.MYSQL_TYPE_BIT:
		return (high*8 + low + 7) / 8, nil
	case mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET:
		return low, nil
	case mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING:
		return prefixed(int(meta), data), nil
	case mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_JSON, mysql.MYSQL_TYPE_VECTOR:
		return low + int(mysql.FixedLengthInt(data[:low])), nil
	}
	return 0, fmt.Errorf("a column's type %d is unknown", kind)
}

// prefixed is the length of a string that may have up to max bytes, with its own length of one or two bytes.
func prefixed(max int, data []byte) int {
	if max < 256 {
		return 1 + int(data[0])
	}
	return 2 + int(binary.LittleEndian.Uint16(data))
}

// decimalLength is the length of digits on one side of the point: four bytes for each nine, fewer for the rest.
func decimalLength(digits int) int {
	return digits/9*4 + (digits%9+1)/2
}

// operation is what an event of rows did to them; empty for other events. The library's own answer leaves the partial update out.
func operation(kind replication.EventType) Operation {
	switch kind {
	case replication.WRITE_ROWS_EVENTv1, replication.WRITE_ROWS_EVENTv2:
		return Inserted
	case replication.UPDATE_ROWS_EVENTv1, replication.UPDATE_ROWS_EVENTv2, replication.PARTIAL_UPDATE_ROWS_EVENT:
		return Updated
	case replication.DELETE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv2:
		return Deleted
	}
	return ""
}
