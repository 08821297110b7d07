package mysqldist

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

// Program is a program that is no part of MySQL, such as a load generator,
// unpacked with all that it depends on, to be run in place.
type Program struct {
	// Root is the folder of the unpacked packages.
	Root     string
	path     string
	launcher []string
}

// FindProgram fetches the package name, whose program usr/bin/name is wanted,
// from the archive that MySQL's packages come from, into the cache. say, which
// may be nil, is told that it takes time.
func FindProgram(ctx context.Context, name string, say func(format string, arguments ...any)) (*Program, error) {
	dir, err := cache.Entry(ctx, name+"-packages-"+runtime.GOARCH, func(ctx context.Context, dir string) error {
		if say != nil {
			say("fetching %s with apt into the cache (once)", name)
		}
		return fetch(ctx, dir, []string{name})
	})
	if err != nil {
		return nil, fmt.Errorf("fetch %s with apt: %w", name, err)
	}
	p := &Program{Root: filepath.Join(dir, treeDir)}
	p.path = filepath.Join(p.Root, "usr/bin", name)
	if !isFile(p.path) {
		return nil, fmt.Errorf("%s holds no usr/bin/%s; remove it to have it fetched again", p.Root, name)
	}
	loader, err := findLoader(p.Root)
	if err != nil {
		return nil, err
	}
	libraries, err := libraryDirs(p.Root)
	if err != nil {
		return nil, err
	}
	p.launcher = []string{loader, "--library-path", strings.Join(libraries, ":")}
	return p, nil
}

// Command is the command line that runs the program with arguments.
func (p *Program) Command(arguments ...string) []string {
	return slices.Concat(p.launcher, []string{p.path}, arguments)
}
