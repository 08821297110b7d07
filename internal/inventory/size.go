package inventory

import (
	"errors"
	"math"
	"regexp"
	"strconv"
)

var sizePattern = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$`)

// sizeUnits are those in which people and tools give the size of a disk: df -h writes the binary ones, vendors the decimal ones. Forms
// that stand for both, such as G, are left out.
var sizeUnits = map[string]float64{
	"": 1, "B": 1,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
	"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
}

// leastDisk is below what an empty data directory takes (measured on 9.7: about 100 MiB). Less means that the unit was forgotten.
const leastDisk = 64 << 20

var errSize = errors.New("wanted a size in bytes, or with one of B, KiB, MiB, GiB, TiB, PiB, kB, MB, GB, TB, PB, such as 500GiB")

// parseSize reads a size in bytes, rounded down.
func parseSize(text string) (int64, error) {
	parts := sizePattern.FindStringSubmatch(text)
	if parts == nil {
		return 0, errSize
	}
	unit, known := sizeUnits[parts[2]]
	if unit == 1 {
		// Exact, and no half bytes.
		bytes, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return 0, errSize
		}
		return bytes, nil
	}
	value, err := strconv.ParseFloat(parts[1], 64)
	if !known || err != nil || value*unit >= math.MaxInt64 {
		return 0, errSize
	}
	return int64(value * unit), nil
}
