//go:build bench

package proof

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clusterresync/clusterresync/internal/sandbox"
	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

// rival is pt-table-checksum from the machine's own package archive, unpacked and not installed, and mended where this server refuses it.
type rival struct {
	tree     string
	script   string // mended
	original string
	needed   []string // what had to be mended
}

// mendings are what pt-table-checksum 3.2.1 needs to run against 9.x: statements and columns that were renamed with 8.x and whose old
// names are gone.
var mendings = []struct{ old, new string }{
	{"SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"},
	{"SHOW SLAVE STATUS", "SHOW REPLICA STATUS"},
	{"SHOW SLAVE HOSTS", "SHOW REPLICAS"},
	{"SELECT MASTER_POS_WAIT(", "SELECT SOURCE_POS_WAIT("},
	{"{seconds_behind_master}", "{seconds_behind_source}"},
	{"{slave_sql_running}", "{replica_sql_running}"},
	{"{slave_io_running}", "{replica_io_running}"},
	{"{master_host}", "{source_host}"},
	{"{master_port}", "{source_port}"},
	{"{relay_master_log_file}", "{relay_source_log_file}"},
	{"{exec_master_log_pos}", "{exec_source_log_pos}"},
	{"{read_master_log_pos}", "{read_source_log_pos}"},
	{"{master_log_file}", "{source_log_file}"},
}

// rivalPackages are the tool and those of its dependencies that a machine with perl lacks.
var rivalPackages = []string{"percona-toolkit", "libdbd-mysql-perl", "libdbi-perl", "libterm-readkey-perl", "libmariadb3", "mariadb-common"}

func fetchRival(t *testing.T) rival {
	t.Helper()
	dir, err := cache.Entry(t.Context(), "percona-toolkit", func(ctx context.Context, dir string) error {
		command := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "APT::Sandbox::User=root", "download"}, rivalPackages...)...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get download: %w: %s", err, output)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if output, err := exec.CommandContext(ctx, "dpkg-deb", "--extract", file, filepath.Join(dir, "root")).CombinedOutput(); err != nil {
				return fmt.Errorf("unpack %s: %w: %s", filepath.Base(file), err, output)
			}
		}
		return nil
	})
	require.NoError(t, err)
	r := rival{tree: filepath.Join(dir, "root"), original: filepath.Join(dir, "root", "usr", "bin", "pt-table-checksum")}
	text, err := os.ReadFile(r.original)
	require.NoError(t, err)
	mended := string(text)
	for _, m := range mendings {
		if n := strings.Count(mended, m.old); n > 0 {
			r.needed = append(r.needed, fmt.Sprintf("%s -> %s (%d)", m.old, m.new, n))
			mended = strings.ReplaceAll(mended, m.old, m.new)
		}
	}
	r.script = filepath.Join(t.TempDir(), "pt-table-checksum")
	require.NoError(t, os.WriteFile(r.script, []byte(mended), 0o600))
	return r
}

// run checks the schema on the primary and on the secondaries that the table bench_rival.dsns names.
func (r rival) run(t *testing.T, script string, primary *sandbox.Node, account sandbox.Account) (output string, err error) {
	t.Helper()
	host, port, err := net.SplitHostPort(primary.Address())
	require.NoError(t, err)
	perl := filepath.Join(r.tree, "usr", "lib", "x86_64-linux-gnu")
	modules, err := filepath.Glob(filepath.Join(perl, "perl5", "*"))
	require.NoError(t, err)
	options := filepath.Join(t.TempDir(), "client.cnf") // keeps the password off the command line
	require.NoError(t, os.WriteFile(options, []byte("[client]\nuser="+account.User+"\npassword="+account.Password.Reveal()+"\n"), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "perl", script,
		"F="+options+",h="+host+",P="+port,
		"--databases=bench", "--replicate=bench_rival.checksums", "--recursion-method=dsn=D=bench_rival,t=dsns",
		"--no-check-binlog-format", "--no-version-check", "--no-check-slave-tables", "--quiet",
		// Else its estimate of rows fails on 9.x, whose EXPLAIN is a tree by default, and a whole table becomes one chunk.
		"--set-vars", "explain_format=TRADITIONAL")
	command.Env = append(os.Environ(), "PERL5LIB="+strings.Join(modules, ":")+":"+filepath.Join(r.tree, "usr", "share", "perl5"),
		"LD_LIBRARY_PATH="+perl, "MARIADB_PLUGIN_DIR="+filepath.Join(perl, "libmariadb3", "plugin"), "HOME="+t.TempDir(), "PERCONA_VERSION_CHECK=0")
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	err = command.Run()
	return said.String(), err
}

// prepareRival names the one secondary that the rival is to compare.
func prepareRival(t *testing.T, primary, secondary *sandbox.Node) {
	t.Helper()
	host, port, err := net.SplitHostPort(secondary.Address())
	require.NoError(t, err)
	require.NoError(t, primary.Exec(t.Context(), "CREATE DATABASE IF NOT EXISTS bench_rival",
		"CREATE TABLE IF NOT EXISTS bench_rival.dsns (id INT AUTO_INCREMENT PRIMARY KEY, parent_id INT, dsn VARCHAR(255) NOT NULL)",
		"DELETE FROM bench_rival.dsns", fmt.Sprintf("INSERT INTO bench_rival.dsns (dsn) VALUES ('h=%s,P=%s')", host, port)))
	require.NoError(t, secondary.WaitFor(t.Context(), primary))
}
