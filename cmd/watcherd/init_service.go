package main

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// serviceGroup is the group of the service that a package installs. A folder of
// this group is the service's: the package makes /etc/watcherd so.
const serviceGroup = "watcherd"

// credentialsDir stands for $CREDENTIALS_DIRECTORY until systemd makes one.
const credentialsDir = "credentials"

// env is the environment that the file will be read in. Secrets are in desk.
func (s *setup) env(desk string) func(string) (string, bool) {
	if !s.service {
		return os.LookupEnv
	}
	return func(name string) (string, bool) {
		switch name {
		case "CREDENTIALS_DIRECTORY":
			return filepath.Join(desk, credentialsDir), true
		case "STATE_DIRECTORY":
			return systemState, true
		}
		return os.LookupEnv(name)
	}
}

// belongsTo reports whether a file or folder is of the group of that name.
func belongsTo(path, group string) bool {
	info, err := os.Stat(path)
	if err != nil || group == "" {
		return false
	}
	gid, err := groupNumber(group)
	return err == nil && ownerOf(info).gid == gid
}

// groupNumber returns the number of a group of this machine.
func groupNumber(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// owner is whom a file belongs to; -1 where the system does not say.
type owner struct{ uid, gid int }

func ownerOf(info fs.FileInfo) owner {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return owner{int(st.Uid), int(st.Gid)}
	}
	return owner{-1, -1}
}
