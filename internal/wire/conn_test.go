package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// replay is a connection on which the server has said all that it will say, and it comes in pieces of any size.
type replay struct {
	net.Conn
	rest []byte
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1+rand.IntN(1+min(len(p), len(r.rest))))], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// answer makes packets of payloads, numbered from 1.
func answer(payloads ...[]byte) (out []byte) {
	c := conn{sequence: 1}
	for _, p := range payloads {
		out = append(out, c.split(p)...)
	}
	return out
}

func row(content string) []byte { return append([]byte{markRow}, content...) }

var (
	twoColumns = [][]byte{{2}, []byte("\x03def one"), []byte("\x03def two")}
	classicEOF = []byte{markEnd, 0, 0, 2, 0}
	newEOF     = []byte{markEnd, 0, 0, 2, 0, 0, 0}
	failure    = []byte("\xff\x25\x05#70100Query execution was interrupted")
)

func tapped(t *testing.T, said []byte) (*Tap, net.Conn) {
	t.Helper()
	tap := new(Tap)
	c, err := tap.Dial(func(context.Context, string, string) (net.Conn, error) { return &replay{rest: said}, nil })(t.Context(), "tcp", "a:1")
	require.NoError(t, err)
	return tap, c
}

func TestOnlyRowsAreKeptFromTheDriver(t *testing.T) {
	shown := []byte("shown")
	long := row(string(bytes.Repeat([]byte("x"), maxPayload+10)))
	exact := row(string(bytes.Repeat([]byte("y"), maxPayload-1)))
	classic := append(twoColumns[:3:3], classicEOF)
	for name, c := range map[string]struct {
		said, seen [][]byte
		rows       [][]byte
	}{
		"no result set":            {said: [][]byte{{markRow, 0, 0, 2, 0, 0, 0}}, seen: [][]byte{{markRow, 0, 0, 2, 0, 0, 0}}},
		"an error":                 {said: [][]byte{failure}, seen: [][]byte{failure}},
		"no rows":                  {said: append(twoColumns[:3:3], newEOF), seen: append(twoColumns[:3:3], newEOF)},
		"no rows, classic":         {said: append(classic[:4:4], classicEOF), seen: append(classic[:4:4], classicEOF)},
		"rows":                     {said: append(twoColumns[:3:3], row("a"), row(""), newEOF), seen: append(twoColumns[:3:3], newEOF), rows: [][]byte{row("a"), row("")}},
		"rows, classic":            {said: append(classic[:4:4], row("a"), row("b"), classicEOF), seen: append(classic[:4:4], classicEOF), rows: [][]byte{row("a"), row("b")}},
		"an error behind rows":     {said: append(twoColumns[:3:3], row("a"), failure), seen: append(twoColumns[:3:3], failure), rows: [][]byte{row("a")}},
		"a row that is shown":      {said: append(twoColumns[:3:3], row("a"), row(string(shown)), row("b"), newEOF), seen: append(twoColumns[:3:3], row(string(shown)), newEOF), rows: [][]byte{row("a"), row(string(shown)), row("b")}},
		"a row of several packets": {said: append(twoColumns[:3:3], row("a"), long, row("b"), newEOF), seen: append(twoColumns[:3:3], newEOF), rows: [][]byte{row("a"), long, row("b")}},
		"a row that fills packets": {said: append(twoColumns[:3:3], exact, newEOF), seen: append(twoColumns[:3:3], newEOF), rows: [][]byte{exact}},
	} {
		t.Run(name, func(t *testing.T) {
			tap, c2 := tapped(t, answer(c.said...))
			var rows [][]byte
			require.NoError(t, tap.Divert(func(row []byte) (bool, error) {
				rows = append(rows, bytes.Clone(row))
				return bytes.Equal(row[1:], shown), nil
			}))
			seen, err := io.ReadAll(c2)
			require.NoError(t, err)
			require.NoError(t, tap.End())
			require.True(t, bytes.Equal(answer(c.seen...), seen), "the driver saw other packets")
			require.Equal(t, len(c.rows), len(rows))
			for i := range rows {
				require.True(t, bytes.Equal(c.rows[i], rows[i]), "row %d", i)
			}
		})
	}
}

func TestALongRowCanBeShown(t *testing.T) {
	long := row(string(bytes.Repeat([]byte("x"), maxPayload+10)))
	tap, c := tapped(t, answer(append(twoColumns[:3:3], row("a"), long, newEOF)...))
	require.NoError(t, tap.Divert(func(row []byte) (bool, error) { return len(row) == len(long), nil }))
	seen, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, bytes.Equal(answer(append(twoColumns[:3:3], long, newEOF)...), seen))
	require.NoError(t, tap.End())
	require.LessOrEqual(t, cap(c.(*conn).buf), keepSize, "one huge row stays in memory")
}

func TestAfterAnErrorTheRestIsPassedOver(t *testing.T) {
	wrong := errors.New("enough")
	tap, c := tapped(t, answer(append(twoColumns[:3:3], row("a"), row("b"), row("c"), newEOF)...))
	count := 0
	require.NoError(t, tap.Divert(func([]byte) (bool, error) { count++; return true, wrong }))
	seen, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, answer(append(twoColumns[:3:3], newEOF)...), seen)
	require.Equal(t, 1, count)
	require.ErrorIs(t, tap.End(), wrong)
	require.NoError(t, tap.End(), "it is said once")
}

// TestWhatIsNotDivertedPassesByteForByte also wants the next answer untouched.
func TestWhatIsNotDivertedPassesByteForByte(t *testing.T) {
	diverted := answer(append(twoColumns[:3:3], row("a"), newEOF)...)
	plain := answer(append(twoColumns[:3:3], row("b"), newEOF)...)
	tap, c := tapped(t, append(bytes.Clone(diverted), plain...))
	require.NoError(t, tap.Divert(func([]byte) (bool, error) { return false, nil }))
	require.Error(t, tap.Divert(nil), "before the first answer was read")
	first := make([]byte, len(answer(append(twoColumns[:3:3], newEOF)...)))
	_, err := io.ReadFull(c, first)
	require.NoError(t, err)
	require.NoError(t, tap.End())
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, plain, rest)
}

func TestACutConnectionIsAnError(t *testing.T) {
	whole := answer(append(twoColumns[:3:3], row("a"), newEOF)...)
	for n := range len(whole) {
		tap, c := tapped(t, bytes.Clone(whole[:n]))
		require.NoError(t, tap.Divert(func([]byte) (bool, error) { return false, nil }))
		var err error
		for p := make([]byte, 8); err == nil; {
			_, err = c.Read(p)
		}
		require.ErrorIs(t, err, io.EOF)
	}
	tap, c := tapped(t, answer([]byte{0xfb}))
	require.NoError(t, tap.Divert(nil))
	_, err := io.ReadAll(c)
	require.ErrorContains(t, err, "no number of columns")
	require.ErrorContains(t, tap.End(), "no number of columns", "the driver does not say what it was")
	require.Error(t, new(Tap).Divert(nil))
}

// A gap among the rows is one that the driver cannot see any more.
func TestAGapIsAnError(t *testing.T) {
	said := answer(append(twoColumns[:3:3], row("a"), row("b"), row("c"), newEOF)...)
	lost := answer(append(twoColumns[:3:3], row("a"))...)
	said = append(said[:len(lost):len(lost)], said[len(lost)+len(answer(row("b"))):]...)
	tap, c := tapped(t, said)
	require.NoError(t, tap.Divert(func([]byte) (bool, error) { return false, nil }))
	_, err := io.ReadAll(c)
	require.ErrorContains(t, err, "packet 6 came where 5 was awaited")
	require.ErrorContains(t, tap.End(), "packet 6")
}

func TestLengthEncoded(t *testing.T) {
	for text, want := range map[string]uint64{"\x00": 0, "\xfa": 250, "\xfc\x01\x02": 0x201, "\xfd\x01\x02\x03": 0x30201, "\xfe\x01\x00\x00\x00\x00\x00\x00\x02": 2<<56 | 1} {
		got, ok := lengthEncoded([]byte(text))
		require.True(t, ok, "% x", text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"\xfb", "\xff", "\xfc\x01", "\xfe\x01\x02"} {
		_, ok := lengthEncoded([]byte(text))
		require.False(t, ok, "% x", text)
	}
}
