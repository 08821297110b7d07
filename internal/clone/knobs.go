package clone

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/clusterresync/clusterresync/internal/node"
)

// Account is the donor account, which needs BACKUP_ADMIN on the donor.
type Account struct {
	User string
	// Password is left out of every format verb and of JSON.
	Password string `json:"-"`
}

// Format implements fmt.Formatter: no verb shows the password.
func (a Account) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.User) }

// donorOf splits the donor's address. clone_valid_donor_list takes no IPv6 and no blanks (measured on 9.7: 3869).
func donorOf(address string) (host string, port uint16, err error) {
	host, p, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("donor address %q is not host:port: %w", address, err)
	}
	number, err := strconv.ParseUint(p, 10, 16)
	if err != nil || number == 0 {
		return "", 0, fmt.Errorf("donor address %q has no valid port", address)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		return "", 0, fmt.Errorf("donor address %q is IPv6, which clone_valid_donor_list cannot hold: use a name or an IPv4 address", address)
	}
	if host == "" || strings.ContainsAny(host, ", '\"\\`") {
		return "", 0, fmt.Errorf("donor address %q has no valid host", address)
	}
	return host, uint16(number), nil
}

// setKnobs must run before every clone: SET GLOBAL values are lost at each restart, and a clone ends in one.
func setKnobs(ctx context.Context, c *node.Claim, donor string, o Options) error {
	if err := checkThrottle(c.Name(), o.ThrottleMiBps); err != nil {
		return err
	}
	if err := c.Exec(ctx, "name the donor", "SET GLOBAL clone_valid_donor_list = ?", donor); err != nil {
		return err
	}
	limit := o.ThrottleMiBps
	if o.Adapt != nil {
		limit = lower(limit, o.Adapt(ctx, Progress{CeilingMiBps: o.ThrottleMiBps}))
	}
	if err := c.Exec(ctx, "set the throttle", setThrottle, o.ThrottleMiBps, limit); err != nil {
		return err
	}
	return c.Exec(ctx, "bound lock waits", "SET SESSION lock_wait_timeout = ?", o.lockWaitSeconds())
}

// knobs are what a rehearsal puts back.
type knobs struct {
	donors        sql.NullString
	ceiling, pace int64
}

func readKnobs(ctx context.Context, c *node.Claim) (knobs, error) {
	var k knobs
	err := node.One(ctx, c, "read the clone's settings",
		"SELECT @@global.clone_valid_donor_list, @@global.clone_max_network_bandwidth, @@global.clone_max_data_bandwidth",
		nil, &k.donors, &k.ceiling, &k.pace)
	return k, err
}

func (k knobs) putBack(ctx context.Context, c *node.Claim) error {
	// '' is refused with 3869: no list is NULL.
	var donors any
	if k.donors.Valid && k.donors.String != "" {
		donors = k.donors.String
	}
	if err := c.Exec(ctx, "put back the donor list", "SET GLOBAL clone_valid_donor_list = ?", donors); err != nil {
		return err
	}
	return c.Exec(ctx, "put back the throttle", setThrottle, k.ceiling, k.pace)
}
