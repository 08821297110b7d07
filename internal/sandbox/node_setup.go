package sandbox

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/sandbox/mysqldist"
)

// errDiscard makes database/sql close a connection instead of pooling it.
var errDiscard = driver.ErrBadConn

// firstStartFile is run by the server's first start; see Accounts.rootSQL.
const firstStartFile = "first-start.sql"

// prepare makes the node's folder: data directory, option file and the file
// for the first start.
func (n *Node) prepare(ctx context.Context, distribution *mysqldist.Distribution, serverID int, options NodeOptions, accounts Accounts) error {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	if err := distribution.NewDataDir(ctx, n.DataDir(), options.InitialSettings...); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	firstStart := filepath.Join(n.dir, firstStartFile)
	if err := os.WriteFile(firstStart, []byte(accounts.rootSQL()), 0o600); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	lines := n.settings(distribution, serverID, options)
	return n.writeOptionFile(append(lines, "init_file="+firstStart))
}

// forgetFirstStart takes the first start's statements, which hold a password,
// away again.
func (n *Node) forgetFirstStart(distribution *mysqldist.Distribution, serverID int, options NodeOptions) error {
	if err := n.writeOptionFile(n.settings(distribution, serverID, options)); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(n.dir, firstStartFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// settings are the lines of the node's option file. It is named on the command
// line by --defaults-file, never --no-defaults, with which mysqld would not
// read persisted variables either (measured on 9.7).
func (n *Node) settings(distribution *mysqldist.Distribution, serverID int, options NodeOptions) []string {
	return slices.Concat(
		distribution.ServerSettings(),
		mysqldist.RunAs(),
		[]string{
			fmt.Sprintf("server_id=%d", serverID),
			"datadir=" + n.DataDir(),
			"bind_address=127.0.0.1",
			fmt.Sprintf("port=%d", n.state.Port),
			"loose_mysqlx=OFF",
			// Relative to the data directory: a socket's whole path may have 107
			// characters, which a test's folder exceeds.
			"socket=mysql.sock",
			"pid_file=" + filepath.Join(n.dir, "mysqld.pid"),
			"log_error=" + n.ErrorLog(),
			"log_error_verbosity=3",
			"secure_file_priv=",
			// Addresses stay what they are; no name service is asked.
			"skip_name_resolve=ON",

			"gtid_mode=ON",
			"enforce_gtid_consistency=ON",
			"log_bin=binlog",
			"log_replica_updates=ON",
			"relay_log=relay",
			"binlog_order_commits=ON",
			"report_host=127.0.0.1",
			fmt.Sprintf("report_port=%d", n.state.PeerPort),
			// By the option file and not INSTALL PLUGIN: a clone brings the
			// donor's mysql.plugin table (measured on 9.7).
			"plugin_load_add=mysql_clone.so",

			"performance_schema=ON",
			fmt.Sprintf("innodb_buffer_pool_size=%dM", options.BufferPoolMiB),
			"loose_innodb_redo_log_capacity=64M",
			// The kernel lets all servers together prepare only so many
			// asynchronous requests (fs.aio-max-nr, 65536 by default); each
			// takes 1,000 of them and more while it starts, and one that gets
			// none does not start (measured on 9.7).
			"innodb_use_native_aio=OFF",
		},
		options.InitialSettings,
		options.Settings,
	)
}

func (n *Node) writeOptionFile(lines []string) error {
	content := "[mysqld]\n" + strings.Join(lines, "\n") + "\n"
	if err := writeWhole(n.OptionFile(), []byte(content)); err != nil {
		return fmt.Errorf("node %s: write the option file: %w", n.Name, err)
	}
	return nil
}
