package mysqldist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

// NewDataDir fills the absent folder dir with the data directory of a server
// that was never started: no server_uuid yet, the account root@localhost
// without a password, TLS certificates of its own making. settings are those
// lines of an option file that can be chosen only now (innodb_page_size,
// lower_case_table_names). It is initialised once per distribution and
// settings, about 3 s, and copied from the cache after that.
func (d *Distribution) NewDataDir(ctx context.Context, dir string, settings ...string) error {
	template, err := d.template(ctx, settings)
	if err != nil {
		return err
	}
	if err := copyTree(filepath.Join(template, "data"), dir); err != nil {
		return fmt.Errorf("copy the prepared data directory: %w", err)
	}
	return nil
}

// PrepareDataDir makes later calls of NewDataDir quick.
func (d *Distribution) PrepareDataDir(ctx context.Context) error {
	_, err := d.template(ctx, nil)
	return err
}

func (d *Distribution) template(ctx context.Context, settings []string) (string, error) {
	settings = slices.Sorted(slices.Values(settings))
	sum := sha256.Sum256([]byte(strings.Join(append([]string{d.Mysqld}, settings...), "\n")))
	name := fmt.Sprintf("mysql-datadir-%s-%s", d.Version, hex.EncodeToString(sum[:6]))
	template, err := cache.Entry(ctx, name, func(ctx context.Context, into string) error {
		return d.initialise(ctx, into, settings)
	})
	if err != nil {
		return "", fmt.Errorf("prepare a data directory: %w", err)
	}
	return template, nil
}

// RunAs is the option-file lines that the user running the sandbox needs:
// mysqld refuses to run as root unless told to.
func RunAs() []string {
	if os.Geteuid() == 0 {
		return []string{"user=root"}
	}
	return nil
}

func (d *Distribution) initialise(ctx context.Context, into string, settings []string) error {
	// The path of a data directory is not stored in it, so the folder may be
	// renamed and copied afterwards.
	data := filepath.Join(into, "data")
	lines := slices.Concat([]string{"[mysqld]"}, d.ServerSettings(), RunAs(), settings,
		// As small as the server takes them: they are copied for every node.
		[]string{"loose_innodb_redo_log_capacity=8M", "datadir=" + data})
	options := filepath.Join(into, "my.cnf")
	if err := os.WriteFile(options, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the option file: %w", err)
	}
	command := d.ServerCommand("--defaults-file="+options, "--initialize-insecure")
	output, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s --initialize-insecure: %w\n%s\n(an installed mysqld may be confined by AppArmor to its own folders; %s=%s uses unconfined ones)",
			d.Mysqld, err, errorLines(string(output)), Variable, UsePackages)
	}
	// A server without it makes itself a new server_uuid.
	if err := os.Remove(filepath.Join(data, "auto.cnf")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the template's identity: %w", err)
	}
	return nil
}

// errorLines are the lines of a server log that say what went wrong, or all of
// a log that has none.
func errorLines(log string) string {
	var errorsOnly []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "[ERROR]") {
			errorsOnly = append(errorsOnly, strings.TrimSpace(line))
		}
	}
	if len(errorsOnly) == 0 {
		return strings.TrimSpace(log)
	}
	return strings.Join(errorsOnly, "\n")
}

// copyTree copies a tree of folders and plain files, which is all that a data
// directory holds, with their permissions.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			return os.Mkdir(target, info.Mode().Perm())
		case entry.Type().IsRegular():
			return copyFile(path, target, info.Mode().Perm())
		default:
			return fmt.Errorf("%s is neither a folder nor a file", path)
		}
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, copyErr := io.Copy(target, source) // the kernel's copy_file_range where it can
	return errors.Join(copyErr, target.Close())
}
