package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Identity is who a server says it is.
type Identity struct {
	UUID           string  // @@server_uuid
	ServerID       uint32  // @@server_id
	Version        Version // @@version
	VersionComment string  // @@version_comment
}

// ErrNotMySQL: the server is no MySQL, or one too old to have a server_uuid.
var ErrNotMySQL = errors.New("not a MySQL server")

// Identity asks the server who it is; MariaDB is refused with ErrNotMySQL, as it has neither clone nor these GTIDs.
func (n *Node) Identity(ctx context.Context) (Identity, error) { return ReadIdentity(ctx, n) }

// ReadIdentity is Node.Identity for any Reader.
func ReadIdentity(ctx context.Context, r Reader) (Identity, error) {
	const doing = "read the server's identity"
	var id Identity
	var version string
	if err := One(ctx, r, doing, "SELECT @@version, @@version_comment", nil, &version, &id.VersionComment); err != nil {
		return id, err
	}
	if strings.Contains(strings.ToLower(version+" "+id.VersionComment), "mariadb") {
		return id, Wrap(r.Name(), doing, fmt.Errorf("%w: it says %q, %q; MySQL 8.0.27 or later is needed", ErrNotMySQL, version, id.VersionComment))
	}
	var err error
	if id.Version, err = ParseVersion(version); err != nil {
		return id, Wrap(r.Name(), doing, fmt.Errorf("%w: %w", ErrNotMySQL, err))
	}
	return id, One(ctx, r, doing, "SELECT @@server_uuid, @@server_id", nil, &id.UUID, &id.ServerID)
}
