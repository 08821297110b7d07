package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxGTIDs bounds how much of a GTID set a report repeats; the run's result holds all of it.
	maxGTIDs = 600
	// maxListed bounds lists whose length servers decide, such as schemas and differences.
	maxListed = 20
)

// clean shows what could act on a terminal (escape sequences) or turn the reading direction as an escape. Line breaks stay.
func clean(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD")
	if !strings.ContainsFunc(s, acts) && !strings.Contains(s, "\t") {
		return s
	}
	var result strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			result.WriteString("    ")
		case acts(r):
			quoted := strconv.QuoteRuneToASCII(r)
			result.WriteString(quoted[1 : len(quoted)-1])
		default:
			result.WriteRune(r)
		}
	}
	return result.String()
}

func acts(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
}

// oneLine is a cleaned text without line breaks, at most limit runes long.
func oneLine(s string, limit int) string {
	runes := []rune(strings.Join(strings.Fields(clean(s)), " "))
	if len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes)
}

// bytesText is a size in binary units, such as "150.3 MiB".
func bytesText(n int64) string {
	if n < 1024 {
		return count(n, "byte")
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		// 1023.95 would be written as 1024.0 of this unit.
		if value /= 1024; value < 1023.95 {
			break
		}
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + unit
}

// rateText is a rate in MiB/s; empty when there is none.
func rateText(mibps float64) string {
	if mibps <= 0 {
		return ""
	}
	return strconv.FormatFloat(mibps, 'f', 1, 64) + " MiB/s"
}

// durationText is a duration as people say it: "45 ms", "0.4 s", "3 min 12 s", "2 h 5 min".
func durationText(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + durationText(-d)
	case d < 100*time.Millisecond:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	case d < time.Minute-50*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour-500*time.Millisecond:
		d = d.Round(time.Second)
		return joinUnits(int64(d/time.Minute), "min", int64(d%time.Minute/time.Second), "s")
	default:
		d = d.Round(time.Minute)
		return joinUnits(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "min")
	}
}

func joinUnits(first int64, firstUnit string, second int64, secondUnit string) string {
	if second == 0 {
		return fmt.Sprintf("%d %s", first, firstUnit)
	}
	return fmt.Sprintf("%d %s %d %s", first, firstUnit, second, secondUnit)
}

// timeText is a moment in UTC; empty for the zero time.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// number is a whole number with separators: "1,204,332".
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// count is a number with its noun: "1 table", "12 tables".
func count(n int64, noun string) string {
	if n != 1 {
		switch {
		case strings.HasSuffix(noun, "y"):
			noun = strings.TrimSuffix(noun, "y") + "ies"
		default:
			noun += "s"
		}
	}
	return number(n) + " " + noun
}

// gtids is a GTID set on one line, cut when it is long.
func gtids(set string) string {
	set = strings.ReplaceAll(strings.Join(strings.Fields(set), ""), ",", ", ")
	if len(set) <= maxGTIDs {
		return set
	}
	cut := strings.LastIndexByte(set[:maxGTIDs], ',')
	if cut < 0 {
		cut = maxGTIDs
	}
	return fmt.Sprintf("%s, … (%s of %s characters; the run's result holds all)", set[:cut], number(int64(cut)), number(int64(len(set))))
}

// names is a list in a sentence, cut when it is long.
func names(some []string) string {
	if len(some) > maxListed {
		return strings.Join(some[:maxListed], ", ") + fmt.Sprintf(" and %d more", len(some)-maxListed)
	}
	return strings.Join(some, ", ")
}

// sentence joins parts that are there.
func sentence(separator string, parts ...string) string {
	var there []string
	for _, part := range parts {
		if part != "" {
			there = append(there, part)
		}
	}
	return strings.Join(there, separator)
}

// wholeGTIDs is a GTID set on one line, never cut.
func wholeGTIDs(set string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(set), ""), ",", ", ")
}

// joined is a list in a sentence, never cut.
func joined(some []string) string { return strings.Join(some, ", ") }

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func upper(s string) string {
	if s == "" {
		return ""
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

func lower(s string) string {
	if s == "" {
		return ""
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[size:]
}

// full makes a text a sentence: it begins with a capital and ends with a stop.
func full(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return upper(s)
	}
	return upper(s) + "."
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
