package mysqldist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	treeDir      = "root"     // the unpacked packages, in a cache entry
	packagesFile = "packages" // their file names, which hold the versions
)

// serverParts are the packages of a server and its client programs.
var serverParts = []string{"mysql-server-core", "mysql-client-core"}

// fetch downloads packages with all that they depend on, the C library
// included, and unpacks them into dir/root. Of a package that is there under
// names with versions the newest is taken. Nothing is
// installed: apt works on lists, cache and an empty package status of its own
// inside dir, with the machine's configuration (proxies, mirrors) and its
// verification of signatures by the archive's keyring.
func fetch(ctx context.Context, dir string, parts []string) error {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not on PATH: packages can be fetched on Debian and Ubuntu only", program)
		}
	}
	a := apt{work: filepath.Join(dir, "apt")}
	if err := a.makeFolders(); err != nil {
		return err
	}
	archives, err := a.configuredArchives(ctx)
	if err != nil {
		return err
	}
	if err := a.download(ctx, archives, keyring, parts); err != nil {
		return err
	}
	if err := unpack(ctx, a.archives(), dir); err != nil {
		return err
	}
	if err := os.RemoveAll(a.work); err != nil {
		return fmt.Errorf("remove apt's folders: %w", err)
	}
	return nil
}

// download fetches the packages from the machine's archives.
func (a apt) download(ctx context.Context, archives []archive, keyring func(origin string) string, parts []string) error {
	sources, err := sourcesFor(archives, keyring)
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.sources(), []byte(sources), 0o600); err != nil {
		return fmt.Errorf("write apt's sources: %w", err)
	}
	if err := os.WriteFile(a.status(), nil, 0o600); err != nil {
		return fmt.Errorf("write apt's empty status: %w", err)
	}
	if _, err := a.run(ctx, "apt-get", a.privateOptions(), "update"); err != nil {
		return err
	}
	var wanted []string
	for _, part := range parts {
		found, err := a.run(ctx, "apt-cache", a.privateOptions(), "search", "--names-only", "^"+part+"(-[0-9.]+)?$")
		if err != nil {
			return err
		}
		name, err := newestPackage(part, found)
		if err != nil {
			return err
		}
		wanted = append(wanted, name)
	}
	install := append([]string{"install", "--yes", "--no-install-recommends", "--download-only"}, wanted...)
	_, err = a.run(ctx, "apt-get", a.privateOptions(), install...)
	return err
}

// unpack unpacks every package in archives into dir/root, without running any
// of their scripts.
func unpack(ctx context.Context, archives, dir string) error {
	packages, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil {
		return fmt.Errorf("list the packages: %w", err)
	}
	if len(packages) == 0 {
		return errors.New("apt-get reported success but downloaded no package")
	}
	var names strings.Builder
	for _, file := range packages {
		fmt.Fprintln(&names, filepath.Base(file))
		output, err := exec.CommandContext(ctx, "dpkg-deb", "--extract", file, filepath.Join(dir, treeDir)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("unpack %s: %w: %s", filepath.Base(file), err, firstLine(output))
		}
	}
	if err := os.WriteFile(filepath.Join(dir, packagesFile), []byte(names.String()), 0o600); err != nil {
		return fmt.Errorf("record the packages: %w", err)
	}
	return nil
}

// apt runs the machine's apt on private folders.
type apt struct{ work string }

func (a apt) sources() string  { return filepath.Join(a.work, "sources.list") }
func (a apt) status() string   { return filepath.Join(a.work, "status") }
func (a apt) lists() string    { return filepath.Join(a.work, "lists") }
func (a apt) archives() string { return filepath.Join(a.work, "archives") }

func (a apt) makeFolders() error {
	for _, folder := range []string{a.lists(), a.archives()} {
		if err := os.MkdirAll(filepath.Join(folder, "partial"), 0o755); err != nil {
			return fmt.Errorf("prepare apt's folders: %w", err)
		}
	}
	return nil
}

// listOptions keep what an update downloads inside our folder.
func (a apt) listOptions() []string {
	options := []string{
		"-o", "Dir::State::lists=" + a.lists(),
		"-o", "Dir::Cache=" + a.work,
		"-o", "Dir::Cache::archives=" + a.archives(),
		"-o", "APT::Get::List-Cleanup=false",
		"-o", "Acquire::Retries=3",
		"-o", "Acquire::Languages=none",
		// Whatever the machine is configured to put up with.
		"-o", "Acquire::AllowInsecureRepositories=false",
		"-o", "Acquire::AllowDowngradeToInsecureRepositories=false",
		"-o", "APT::Get::AllowUnauthenticated=false",
		// An update that missed an index fails, instead of leaving it out.
		"-o", "APT::Update::Error-Mode=any",
	}
	if os.Geteuid() == 0 {
		// apt would give up root for a user that cannot enter our folders.
		options = append(options, "-o", "APT::Sandbox::User=root")
	}
	return options
}

// privateOptions also replace the machine's sources and installed packages, so
// that the wanted suite alone is looked at and every dependency is fetched.
func (a apt) privateOptions() []string {
	return append(a.listOptions(),
		"-o", "Dir::Etc::sourcelist="+a.sources(),
		"-o", "Dir::Etc::sourceparts=-",
		"-o", "Dir::State::status="+a.status(),
		"-o", "Dir::Etc::preferencesparts=-",
		"-o", "Dir::Etc::preferences=-",
	)
}

func (a apt) run(ctx context.Context, program string, options []string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, slices.Concat(options, arguments)...)
	command.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var output, failure bytes.Buffer
	command.Stdout, command.Stderr = &output, &failure
	if err := command.Run(); err != nil {
		said := strings.TrimSpace(failure.String())
		if said == "" {
			said = strings.TrimSpace(output.String())
		}
		return "", fmt.Errorf("%s %s: %w: %s", program, arguments[0], err, said)
	}
	return output.String(), nil
}

// configuredArchives asks apt which package archives this machine uses. apt
// answers only from lists it has; where `apt-get update` was never run, the
// machine's sources are read into our own folder first.
func (a apt) configuredArchives(ctx context.Context) ([]archive, error) {
	arguments := []string{"indextargets", "--format", archiveFormat, "Created-By: Packages"}
	output, err := a.run(ctx, "apt-get", nil, arguments...)
	if err != nil {
		return nil, err
	}
	if found := parseArchives(output); len(found) > 0 {
		return found, nil
	}
	if _, err := a.run(ctx, "apt-get", a.listOptions(), "update"); err != nil {
		return nil, err
	}
	output, err = a.run(ctx, "apt-get", a.listOptions(), arguments...)
	if err != nil {
		return nil, err
	}
	if found := parseArchives(output); len(found) > 0 {
		return found, nil
	}
	return nil, errors.New("apt-get knows no package archive: this machine has no sources configured")
}
