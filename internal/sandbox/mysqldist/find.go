package mysqldist

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/clusterresync/clusterresync/internal/sandbox/cache"
)

// Variable is the environment variable that chooses the server: the path of a
// mysqld, or "packages" to pass over an installed one and use the unpacked
// packages in the cache (an installed one may be confined by AppArmor to its
// own data directory).
const Variable = "CLUSTERRESYNC_MYSQLD"

// UsePackages is the value of Variable that means the unpacked packages.
const UsePackages = "packages"

// Find finds a MySQL server: the one that $CLUSTERRESYNC_MYSQLD names, else
// mysqld on PATH if it can serve, else packages fetched into the cache, which
// takes some ten seconds and 250 MB the first time. say, which may be nil, is
// told what takes time and what was passed over.
func Find(ctx context.Context, say func(format string, arguments ...any)) (*Distribution, error) {
	if say == nil {
		say = func(string, ...any) {}
	}
	chosen := os.Getenv(Variable)
	if chosen != "" && chosen != UsePackages {
		d, err := fromProgram(ctx, chosen, "$"+Variable)
		if err != nil {
			return nil, fmt.Errorf("$%s names a server that cannot be used: %w", Variable, err)
		}
		return d, nil
	}
	var installed error
	if chosen == "" {
		path, err := exec.LookPath("mysqld")
		if err == nil {
			d, err := fromProgram(ctx, path, "PATH")
			if err == nil {
				return d, nil
			}
			installed = err
			say("passing over the mysqld on PATH: %v", err)
		}
	}
	d, err := fromPackages(ctx, say)
	if err != nil {
		return nil, errors.Join(
			fmt.Errorf("no MySQL server: install MySQL %s or later, or set %s to the path of its mysqld", oldest, Variable),
			installed, err)
	}
	return d, nil
}

func fromPackages(ctx context.Context, say func(string, ...any)) (*Distribution, error) {
	dir, err := cache.Entry(ctx, "mysql-packages-"+runtime.GOARCH, func(ctx context.Context, dir string) error {
		say("fetching MySQL's packages with apt into the cache (about 63 MB, once)")
		return fetch(ctx, dir, serverParts)
	})
	if err != nil {
		return nil, fmt.Errorf("fetch MySQL with apt: %w", err)
	}
	d, err := fromTree(ctx, filepath.Join(dir, treeDir), "packages in "+dir)
	if err != nil {
		return nil, fmt.Errorf("%w; remove %s to have it fetched again", err, dir)
	}
	return d, nil
}
