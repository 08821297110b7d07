package binlog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clusterresync/clusterresync/internal/node"
)

var sources = []Source{
	{UUID: "11111111-1111-1111-1111-111111111111"}, {UUID: "11111111-1111-1111-1111-111111111111", Tag: "a"},
	{UUID: "11111111-1111-1111-1111-111111111111", Tag: "b_1"}, {UUID: "aaaaaaaa-aaaa-aaaa-aaaa-00000000000f"},
}

// model is a set as plain as can be.
type model map[GTID]bool

func models() *rapid.Generator[model] {
	return rapid.Custom(func(t *rapid.T) model {
		m := model{}
		for _, g := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) GTID {
			return GTID{rapid.SampledFrom(sources).Draw(t, "source"), rapid.Int64Range(1, 12).Draw(t, "number")}
		}), 0, 40).Draw(t, "gtids") {
			m[g] = true
		}
		return m
	})
}

func (m model) set() Set {
	var s Set
	for g := range m {
		s.Add(g)
	}
	return s
}

func TestSetsAreSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := models().Draw(t, "a"), models().Draw(t, "b")
		setA, setB := a.set(), b.set()
		minus, and := model{}, model{}
		for g := range a {
			if b[g] {
				and[g] = true
			} else {
				minus[g] = true
			}
		}
		require.Equal(t, minus.set().String(), setA.Minus(setB).String())
		require.Equal(t, and.set().String(), setA.And(setB).String())
		require.EqualValues(t, len(a), setA.Count())
		require.Equal(t, len(a) == 0, setA.Empty())
		require.Equal(t, len(minus) == 0 && len(a) == len(b), setA.Equal(setB))
		for _, s := range sources {
			for n := range int64(14) {
				require.Equal(t, a[GTID{s, n}], setA.Contains(GTID{s, n}))
			}
		}
		back, err := ParseSet(setA.String())
		require.NoError(t, err)
		require.Equal(t, setA.String(), back.String())
		count, err := node.CountGTIDs(setA.String())
		require.NoError(t, err)
		require.EqualValues(t, len(a), count)
	})
}

func TestParseSet(t *testing.T) {
	const u = "3E11FA47-71CA-11E1-9E33-C80AA9429562"
	s, err := ParseSet(u + ":1-5:7:6:tag:3:2,\n " + strings.ToLower(u) + ":9")
	require.NoError(t, err)
	assert.Equal(t, strings.ToLower(u)+":1-7:9:tag:2-3", s.String())
	s, err = ParseSet(" \n")
	require.NoError(t, err)
	assert.True(t, s.Empty())
	for _, bad := range []string{"x", u, u + ":", u + ":0", u + ":3-2", u + ":1-", u + ":-1", u + ":1:", u + "0:1", "3E11FA4771CA11E19E33C80AA9429562:1", u + ":9999999999999999999"} {
		_, err := ParseSet(bad)
		require.Error(t, err, bad)
	}
}

func TestEncodedAsServersDo(t *testing.T) {
	plain, err := ParseSet("00000000-0000-0000-0000-000000000001:1-3:5")
	require.NoError(t, err)
	encoded, err := plain.encode()
	require.NoError(t, err)
	assert.Equal(t, "0100000000000000"+"00000000000000000000000000000001"+"0200000000000000"+
		"0100000000000000"+"0400000000000000"+"0500000000000000"+"0600000000000000", fmt.Sprintf("%x", encoded))
	tagged, err := ParseSet("00000000-0000-0000-0000-000000000001:1:ab:2")
	require.NoError(t, err)
	encoded, err = tagged.encode()
	require.NoError(t, err)
	assert.Equal(t, "0102000000000001"+
		"00000000000000000000000000000001"+"00"+"0100000000000000"+"0100000000000000"+"0200000000000000"+
		"00000000000000000000000000000001"+"046162"+"0100000000000000"+"0200000000000000"+"0300000000000000", fmt.Sprintf("%x", encoded))
}
