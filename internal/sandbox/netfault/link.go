// Package netfault puts a stretch of network between two ends on the loopback
// address and breaks it on demand. It does not know what flows through.
//
// The proxy lives in this process and ends with it.
package netfault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Direction of a fault, seen from those who connect.
type Direction string

// The directions.
const (
	ToTarget   Direction = "upstream"
	FromTarget Direction = "downstream"
	BothWays   Direction = ""
)

// frozen is the delay that stands for "for ever": no test lasts a day.
const frozen = 24 * time.Hour

// Link accepts connections at Address and passes them on to its target. A
// target that refuses is seen as a connection closed right after it was
// accepted, not as one refused: that is the price of a proxy.
//
// Faults hold for connections there are and for new ones, until Heal. Its
// methods may be called from several goroutines.
type Link struct {
	mu    sync.Mutex
	proxy *toxiproxy.Proxy
}

// New starts a link that listens on the address listen and leads to target.
func New(listen, target string) (*Link, error) {
	quiet := zerolog.Nop()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), quiet)
	proxy := toxiproxy.NewProxy(server, "link", listen, target)
	if err := proxy.Start(); err != nil {
		return nil, fmt.Errorf("open a link from %s to %s: %w", listen, target, err)
	}
	return &Link{proxy: proxy}, nil
}

// Address is where to connect, as host:port.
func (l *Link) Address() string {
	l.proxy.Lock()
	defer l.proxy.Unlock()
	return l.proxy.Listen
}

// Cut ends every connection and has new ones refused, until Heal.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Stop()
}

// Drop ends every connection at once; new ones pass.
func (l *Link) Drop() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Stop()
	return l.start()
}

// Freeze holds every byte back, as a network does that lost its way: nothing
// is refused and nothing is lost, so that after Heal connections go on. New
// connections are accepted and then silent.
func (l *Link) Freeze(direction Direction) error {
	return l.add(direction, "latency", map[string]int64{"latency": frozen.Milliseconds()})
}

// Blackhole throws every byte away. Connections that met it are closed by
// Heal, for they can no longer be whole.
func (l *Link) Blackhole(direction Direction) error {
	return l.add(direction, "timeout", map[string]int64{"timeout": 0})
}

// Delay holds every byte back by d.
func (l *Link) Delay(direction Direction, d time.Duration) error {
	return l.add(direction, "latency", map[string]int64{"latency": d.Milliseconds()})
}

// Limit lets kibibytesPerSecond pass.
func (l *Link) Limit(direction Direction, kibibytesPerSecond int64) error {
	return l.add(direction, "bandwidth", map[string]int64{"rate": kibibytesPerSecond})
}

// CloseAfter lets each connection that begins from now on carry so many bytes
// and then closes it.
func (l *Link) CloseAfter(direction Direction, size int64) error {
	return l.add(direction, "limit_data", map[string]int64{"bytes": size})
}

// Heal ends every fault.
func (l *Link) Heal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Toxics.ResetToxics(context.Background())
	return l.start()
}

// Close ends the link and every connection on it.
func (l *Link) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Stop()
	// Bytes held back would keep their goroutines for ever.
	l.proxy.Toxics.ResetToxics(context.Background())
}

func (l *Link) start() error {
	if err := l.proxy.Start(); err != nil && err != toxiproxy.ErrProxyAlreadyStarted {
		return fmt.Errorf("open the link to %s again: %w", l.proxy.Upstream, err)
	}
	return nil
}

// add puts a fault of the kind in place of a former one of that kind.
func (l *Link) add(direction Direction, kind string, attributes map[string]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	directions := []Direction{direction}
	if direction == BothWays {
		directions = []Direction{ToTarget, FromTarget}
	}
	for _, d := range directions {
		name := kind + "_" + string(d)
		if l.proxy.Toxics.GetToxic(name) != nil {
			if err := l.proxy.Toxics.RemoveToxic(context.Background(), name); err != nil {
				return fmt.Errorf("replace the fault %s: %w", name, err)
			}
		}
		description, err := json.Marshal(map[string]any{
			"name": name, "type": kind, "stream": string(d), "toxicity": 1, "attributes": attributes,
		})
		if err != nil {
			return fmt.Errorf("describe the fault %s: %w", name, err)
		}
		if _, err := l.proxy.Toxics.AddToxicJson(bytes.NewReader(description)); err != nil {
			return fmt.Errorf("begin the fault %s: %w", name, err)
		}
	}
	return nil
}
