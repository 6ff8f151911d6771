package main

import (
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"gokeeper/server/environment"
	"gokeeper/server/vfs"
)

// install writes the files that the images' scripts write. Where that cannot be done, as
// on a read-only file system, the server runs all the same: it has the contents.
func install(log zerolog.Logger, e *environment.Settings) {
	if e.ID != nil {
		os.MkdirAll(filepath.Dir(e.IDFile), 0o755) // otherwise writing says it
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{e.File, e.Content}, {e.IDFile, e.ID}} {
		if f.text == nil {
			continue
		}
		err := vfs.WriteFile(vfs.OS(), f.name, f.text)
		if err != nil {
			log.Info().Str("file", f.name).Err(err).Msg("what the environment says is not kept in a file")
		}
	}
}

// reportEnvironment logs what was understood of the environment.
func reportEnvironment(log zerolog.Logger, e *environment.Settings) {
	if !e.Said() {
		return
	}
	said := log.Info().Str("image", e.Image).Str("file", e.File).Bool("generated", e.Content != nil)
	said.Strs("set", e.Set).Strs("ignored", e.Ignored).Msg("environment read")
}
