//go:build containers

package containers

import (
	"archive/tar"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// The image's user, and the directories in which it expects volumes, as in the official image.
const (
	imageUser  = 1000
	dataDir    = "/data"
	dataLogDir = "/datalog"
)

// newVolume makes a volume, which is removed when the test ends, after the containers that use it.
func newVolume(t testing.TB) string {
	t.Helper()
	v, err := engine.VolumeCreate(t.Context(), client.VolumeCreateOptions{Labels: map[string]string{label: run}})
	name := must(t, v, err).Volume.Name
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, err := engine.VolumeRemove(ctx, name, client.VolumeRemoveOptions{}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// newVolumes makes volumes for both directories.
func newVolumes(t testing.TB) testcontainers.CustomizeRequestOption {
	t.Helper()
	return testcontainers.WithMounts(
		testcontainers.VolumeMount(newVolume(t), dataDir),
		testcontainers.VolumeMount(newVolume(t), dataLogDir))
}

// fill copies what a Java server has left in dir into the volumes of a container that has not been started: transaction
// logs into one, all else into the other, as the official image has them. Java has forgotten nothing there but its pid.
func (n *node) fill(dir string) {
	n.t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		to := path.Join(dataDir, filepath.ToSlash(rel))
		if strings.HasPrefix(d.Name(), "log.") {
			to = path.Join(dataLogDir, filepath.ToSlash(rel))
		}
		return tarFile(w, to, text)
	})
	must(n.t, 0, err)
	must(n.t, 0, w.Close())
	_, err = engine.CopyToContainer(n.t.Context(), n.ID, client.CopyToContainerOptions{DestinationPath: "/", Content: &b})
	must(n.t, 0, err)
}

// tarFile adds a file and the directory in which it is.
func tarFile(w *tar.Writer, name string, text []byte) error {
	if dir := path.Dir(name); dir != dataDir && dir != dataLogDir {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, Uid: imageUser, Gid: imageUser}); err != nil {
			return err
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Uid: imageUser, Gid: imageUser}); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}
