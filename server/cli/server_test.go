package cli_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	"gokeeper/server/config"
	"gokeeper/server/vfs"
)

// patience is how long a test waits for what must happen at once.
const patience = 20 * time.Second

// serve runs a server in this process, with these lines in its zoo.cfg, and returns its
// client address.
func serve(t *testing.T, lines ...string) string {
	t.Helper()
	return run(t, server.Options{Listen: "127.0.0.1:0"}, nil, append(lines, "clientPort=1")...)
}

// run runs a server on a disk in memory; files are those that its configuration names.
func run(t *testing.T, opt server.Options, files map[string]string, lines ...string) string {
	t.Helper()
	text := strings.Join(append([]string{"dataDir=/data", "tickTime=2000", "preAllocSize=64", "4lw.commands.whitelist=*", "admin.enableServer=false"}, lines...), "\n")
	cfg, complaints := config.Parse(config.Input{Path: "./zoo.cfg", ReadFile: func(name string) ([]byte, error) {
		if name == "./zoo.cfg" {
			return []byte(text), nil
		}
		if file, ok := files[name]; ok {
			return []byte(file), nil
		}
		return nil, fs.ErrNotExist
	}})
	if config.ExitCode(complaints) != 0 {
		t.Fatalf("%s\n%v", text, complaints)
	}
	disk := vfs.NewMem()
	opt.FS = disk
	if _, asked := files["/data/initialize"]; asked {
		if err := disk.MkdirAll("/data"); err != nil {
			t.Fatal(err)
		}
		f, err := disk.Create("/data/initialize")
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	s, err := server.New(cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	end := make(chan error, 1)
	go func() { end <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-end:
			if err != nil {
				t.Errorf("server: %v", err)
			}
		case <-time.After(patience):
			t.Error("the server does not end")
		}
	})
	return s.ClientAddr().String()
}
