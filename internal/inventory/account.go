package inventory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Accounts are the MySQL accounts of a cluster. They must exist on the primary: a clone replaces the accounts of its recipient.
type Accounts struct {
	// Admin is what the worker uses on every node.
	Admin Account `json:"admin"`
	// Donor is what a recipient uses to clone from a donor.
	Donor Account `json:"donor"`
	// Replication is what a secondary's channel uses on the primary.
	Replication Account `json:"replication"`
}

// Account is a MySQL user and the place of its password.
type Account struct {
	User   string `json:"user"`
	Secret Source `json:"secret"`

	// Where the account was declared, for errors.
	cluster string
	role    Role
}

// Source is where a password is found: env:NAME or file:/absolute/path. It is not secret itself.
type Source string

const (
	envSource  = "env:"
	fileSource = "file:"

	// maxUser is the longest MySQL user name, in characters (MySQL manual: Account Names).
	maxUser = 32
	// maxReplicationPassword is the longest password a channel can use (MySQL manual: SOURCE_PASSWORD; measured on 9.7: counted in
	// bytes, error 3056).
	maxReplicationPassword = 32
	// maxSecretFile bounds what is read of a file that may not be the one that was meant, in bytes.
	maxSecretFile = 4096
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// check never repeats the text: it may be the password itself.
func (s Source) check() error {
	if name, ok := strings.CutPrefix(string(s), envSource); ok {
		if !envName.MatchString(name) {
			return errors.New("wanted env: and the name of an environment variable of the worker, such as env:SHOP_ADMIN_PASSWORD")
		}
		return nil
	}
	if path, ok := strings.CutPrefix(string(s), fileSource); ok {
		if !filepath.IsAbs(path) {
			return errors.New("wanted file: and an absolute path on the worker's machine, such as file:/run/secrets/shop-admin")
		}
		return nil
	}
	return errors.New("wanted where the password is, env:NAME or file:/absolute/path, never the password itself")
}

// Resolve fetches the password now. When it is missing or cannot be used, the error is a *SecretError, which never holds the password.
func (a Account) Resolve() (Secret, error) {
	value, err := a.Secret.read()
	if err == nil {
		err = a.usable(value)
	}
	if err != nil {
		return Secret{}, &SecretError{Cluster: a.cluster, Role: a.role, User: a.User, Source: a.Secret, Err: err}
	}
	return NewSecret(value), nil
}

func (a Account) usable(value string) error {
	switch {
	case value == "":
		return errors.New("it is empty")
	case strings.ContainsAny(value, "\r\n"):
		return errors.New("it has more than one line; wanted the password alone, with at most one line end after it")
	case strings.ContainsRune(value, 0):
		return errors.New("it holds a NUL byte, which no MySQL client can send; choose another password")
	case a.role == RoleReplication && len(value) > maxReplicationPassword:
		return fmt.Errorf("it is %d bytes long; a replication channel takes at most %d; choose a shorter password", len(value), maxReplicationPassword)
	}
	return nil
}

func (s Source) read() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	if name, ok := strings.CutPrefix(string(s), envSource); ok {
		value, set := os.LookupEnv(name)
		if !set {
			return "", errors.New("the worker has no such environment variable; set it and start the worker again")
		}
		return value, nil
	}
	f, err := os.Open(strings.TrimPrefix(string(s), fileSource))
	if err != nil {
		return "", fmt.Errorf("%w; put the file there and let the worker's user read it", cause(err))
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", cause(err)
	}
	if len(content) > maxSecretFile {
		return "", fmt.Errorf("the file is longer than %d bytes; wanted a file that holds the password alone", maxSecretFile)
	}
	// Editors and echo end a file with one line end; any more would be part of the password.
	value := strings.TrimSuffix(string(content), "\n")
	return strings.TrimSuffix(value, "\r"), nil
}

// cause leaves out the path, which the SecretError names already.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// SecretError says that the password of an account could not be had.
type SecretError struct {
	Cluster string
	Role    Role
	User    string
	Source  Source
	Err     error
}

func (e *SecretError) Error() string {
	return fmt.Sprintf("cluster %s: the password of the %s account %s, declared as %s, cannot be used: %v", e.Cluster, e.Role, e.User, e.Source, e.Err)
}

// Unwrap gives the reason, fs.ErrNotExist among them.
func (e *SecretError) Unwrap() error { return e.Err }
