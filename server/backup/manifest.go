package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// Names in a backup.
const (
	manifestFile = "backup.json"
	lockFile     = "backup.lock"
	versionDir   = "version-2"
	unfinished   = ".unfinished-"
)

// format is the version of the manifest that is written and read.
const format = 1

// Errors of backups.
var (
	// ErrNoBackup says that a directory holds no backup.
	ErrNoBackup = errors.New("no backup")
	// ErrDamaged says that a file of a backup is not what was written.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrRange says that the backup does not hold what is asked for.
	ErrRange = errors.New("the backup does not hold that")
	// ErrInUse says that the target holds data already, or another works on it.
	ErrInUse = errors.New("the directory is in use")
	// ErrFuzzy says that a snapshot is no state that ever was, without its log.
	ErrFuzzy = errors.New("the snapshot was written to while it was made")
)

// Manifest says what a backup holds.
type Manifest struct {
	Format      int          `json:"format"`
	Generations []Generation `json:"generations"` // the newest last
}

// Generation is a snapshot and the log behind it.
type Generation struct {
	Dir      string `json:"dir"`
	Made     string `json:"made"` // when it was begun
	Source   string `json:"source"`
	Snapshot File   `json:"snapshot"`
	// From is the first transaction as of which it can be restored, and FromTime its time
	// in milliseconds since 1970. Last and LastTime are the end.
	From     Zxid  `json:"from"`
	FromTime int64 `json:"fromTime"`
	Last     Zxid  `json:"last"`
	LastTime int64 `json:"lastTime"`
	// LastSum is the SHA-256 of the last transaction, by which the source is known again;
	// "" if only the snapshot holds it.
	LastSum string `json:"lastSum"`
	// AcceptedEpoch is what the source had promised to follow; nil outside of ensembles.
	AcceptedEpoch *int64 `json:"acceptedEpoch,omitempty"`
	Logs          []File `json:"logs"`
}

// File is a file of a generation.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	First  Zxid   `json:"first"` // of a log; the name of a snapshot
	Last   Zxid   `json:"last"`
}

// Zxid is a zxid in hexadecimal.
type Zxid proto.Zxid

// MarshalText writes it.
func (z Zxid) MarshalText() ([]byte, error) { return []byte(proto.Zxid(z).String()), nil }

// UnmarshalText reads it.
func (z *Zxid) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 0, 64)
	*z = Zxid(n)
	return err
}

// Read returns the manifest of a backup. The error is ErrNoBackup if there is none.
func Read(fsys vfs.FS, dir string) (*Manifest, error) {
	name := filepath.Join(dir, manifestFile)
	b, err := vfs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s: name a directory to which `gokeeper backup` has written", ErrNoBackup, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w: use another backup; the generations are data directories and can be looked at with `gokeeper data check`", ErrDamaged, name, err)
	}
	if m.Format != format {
		return nil, fmt.Errorf("%s has format %d, this version reads %d: use the version that wrote it", name, m.Format, format)
	}
	return &m, nil
}

// write replaces the manifest.
func (m *Manifest) write(fsys vfs.FS, dir string) error {
	m.Format = format
	b, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = vfs.WriteFile(fsys, filepath.Join(dir, manifestFile), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

// last returns the newest generation, nil if there is none.
func (m *Manifest) last() *Generation {
	if len(m.Generations) == 0 {
		return nil
	}
	return &m.Generations[len(m.Generations)-1]
}

// next returns the name of the next generation.
func (m *Manifest) next() string {
	n := 0
	for _, g := range m.Generations {
		k, _ := strconv.Atoi(g.Dir)
		n = max(n, k)
	}
	return fmt.Sprintf("%04d", n+1)
}
