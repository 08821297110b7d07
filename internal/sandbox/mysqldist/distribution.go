// Package mysqldist finds a MySQL server to run on this machine, fetches one
// where there is none, and prepares data directories for it. It does not run
// servers and knows nothing of clusters.
package mysqldist

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Distribution is a MySQL server that can be run in place.
type Distribution struct {
	// Version as the server itself says it.
	Version Version
	// Mysqld is the server's program file.
	Mysqld string
	// Origin says in words where it was found, for people.
	Origin string

	// launcher comes before the program: empty, or the dynamic loader of the
	// tree that mysqld was unpacked in, so that it runs with the C library it
	// was built for and not with the machine's.
	launcher []string
	// settings are the options that tell mysqld where its tree is.
	settings []string
	// programs are the folders that hold the client programs.
	programs []string
}

// ServerCommand is the command line that runs mysqld with arguments.
func (d *Distribution) ServerCommand(arguments ...string) []string {
	return slices.Concat(d.launcher, []string{d.Mysqld}, arguments)
}

// ServerSettings are lines for the [mysqld] group of an option file, which
// every server of this distribution needs.
func (d *Distribution) ServerSettings() []string { return slices.Clone(d.settings) }

// ClientCommand is the command line that runs the client program name
// ("mysql", "mysqlbinlog") with arguments. It returns an error when the
// distribution has no such program and PATH has none either.
func (d *Distribution) ClientCommand(name string, arguments ...string) ([]string, error) {
	for _, dir := range d.programs {
		if path := filepath.Join(dir, name); isFile(path) {
			return slices.Concat(d.launcher, []string{path}, arguments), nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("find the MySQL client program %s: not in %s and not on PATH", name, strings.Join(d.programs, ", "))
	}
	return append([]string{path}, arguments...), nil
}

// fromProgram makes a distribution of an installed mysqld, which finds its own
// tree.
func fromProgram(ctx context.Context, mysqld, origin string) (*Distribution, error) {
	absolute, err := filepath.Abs(mysqld)
	if err != nil {
		return nil, fmt.Errorf("find mysqld: %w", err)
	}
	d := &Distribution{
		Mysqld:   absolute,
		Origin:   origin,
		programs: []string{filepath.Join(filepath.Dir(absolute), "../bin"), filepath.Dir(absolute)},
	}
	return d, d.askVersion(ctx)
}

// fromTree makes a distribution of packages unpacked under root.
func fromTree(ctx context.Context, root, origin string) (*Distribution, error) {
	mysqld := filepath.Join(root, "usr/sbin/mysqld")
	if !isFile(mysqld) {
		return nil, fmt.Errorf("%s holds no usr/sbin/mysqld", root)
	}
	loader, err := findLoader(root)
	if err != nil {
		return nil, err
	}
	libraries, err := libraryDirs(root)
	if err != nil {
		return nil, err
	}
	plugins, err := pluginDir(root)
	if err != nil {
		return nil, err
	}
	d := &Distribution{
		Mysqld:   mysqld,
		Origin:   origin,
		launcher: []string{loader, "--library-path", strings.Join(libraries, ":")},
		settings: []string{
			"basedir=" + filepath.Join(root, "usr"),
			"lc_messages_dir=" + filepath.Join(root, "usr/share/mysql"),
			"character_sets_dir=" + filepath.Join(root, "usr/share/mysql/charsets"),
			"plugin_dir=" + plugins,
		},
		programs: []string{filepath.Join(root, "usr/bin")},
	}
	return d, d.askVersion(ctx)
}

// findLoader finds the tree's dynamic loader, whose name depends on the
// processor: ld-linux-x86-64.so.2, ld-linux-aarch64.so.1.
func findLoader(root string) (string, error) {
	for _, pattern := range []string{"usr/lib64/ld-linux*.so.*", "usr/lib/ld-linux*.so.*", "usr/lib/*/ld-linux*.so.*",
		"lib64/ld-linux*.so.*", "lib/ld-linux*.so.*", "lib/*/ld-linux*.so.*"} {
		matches, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return "", fmt.Errorf("find the dynamic loader of %s: %w", root, err)
		}
		for _, match := range matches {
			if isFile(match) { // follows the links
				return match, nil
			}
		}
	}
	return "", fmt.Errorf("%s holds no dynamic loader (ld-linux*.so.*): the C library was not unpacked", root)
}

// libraryDirs are the folders of shared libraries, those of the C library
// first. Folders of plugins hold none called lib*.so and are left out.
func libraryDirs(root string) ([]string, error) {
	var dirs []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/*", "usr/lib/mysql/private"} {
		matches, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, fmt.Errorf("find the libraries of %s: %w", root, err)
		}
		for _, dir := range matches {
			if libraries, err := filepath.Glob(filepath.Join(dir, "lib*.so*")); err == nil && len(libraries) > 0 {
				dirs = append(dirs, dir)
			}
		}
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("%s holds no shared libraries", root)
	}
	return dirs, nil
}

func pluginDir(root string) (string, error) {
	for _, pattern := range []string{"usr/lib/mysql/plugin/mysql_clone.so", "usr/lib/*/mysql/plugin/mysql_clone.so"} {
		if matches, err := filepath.Glob(filepath.Join(root, pattern)); err == nil && len(matches) > 0 {
			return filepath.Dir(matches[0]), nil
		}
	}
	return "", fmt.Errorf("%s holds no mysql_clone.so: the server's packages lack the clone plugin", root)
}

func (d *Distribution) askVersion(ctx context.Context) error {
	command := d.ServerCommand("--no-defaults", "--version")
	output, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w: %s", d.Mysqld, err, firstLine(output))
	}
	version, err := parseVersion(string(output))
	if err != nil {
		return fmt.Errorf("%s: %w", d.Mysqld, err)
	}
	d.Version = version
	return nil
}

func firstLine(output []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
	return line
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
