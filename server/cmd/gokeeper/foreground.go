package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"gokeeper/server"
	"gokeeper/server/config"
	"gokeeper/server/storage"
)

// foreground runs a server until it is told to stop or fails.
func (c *control) foreground(args []string) error {
	paceCollector()
	log := newLogger(c.stdout)
	read := c.read(args)
	cfg := read.Config
	reportEnvironment(log, &read.environment)
	report(log, read.complaints)
	if code := config.ExitCode(read.complaints); code != 0 {
		printErrors(c.stderr, read.complaints)
		fmt.Fprintln(c.stderr, "Invalid config, exiting abnormally")
		return exitCode(code)
	}
	if err := c.checkDirectories(&cfg); err != nil {
		return err
	}
	install(log, &read.environment)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := serve(ctx, cfg, read.environment.JAAS, log); err != nil {
		log.Error().Err(err).Msg("server ended")
		fmt.Fprintf(c.stderr, "gokeeper: %v\n", err)
		if errors.Is(err, storage.ErrMissing) {
			fmt.Fprintln(c.stderr, "Unable to access datadir, exiting abnormally")
			return exitCode(config.ExitDataDir)
		}
		if errors.Is(err, server.ErrAdminServer) {
			fmt.Fprintln(c.stderr, "Unable to start AdminServer, exiting abnormally")
			return exitCode(config.ExitAdminServer)
		}
		return exitCode(config.ExitStart)
	}
	return nil
}

// serve runs one server; whoever started this process is told when it serves.
func serve(ctx context.Context, cfg config.Config, jaas []byte, log zerolog.Logger) error {
	s, err := server.New(cfg, server.Options{Log: log, Version: serverVersion(), JAAS: jaas})
	if err != nil {
		return err
	}
	tellReady()
	return s.Run(ctx)
}

// tellReady writes the word for which start waits, when start waits.
func tellReady() {
	fd, err := strconv.Atoi(os.Getenv(readyVariable))
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), "ready")
	io.WriteString(f, readyWord)
	f.Close()
	os.Unsetenv(readyVariable)
}

// newLogger writes JSON lines, or readable ones on a terminal.
func newLogger(out *os.File) zerolog.Logger {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	if isatty.IsTerminal(out.Fd()) {
		return zerolog.New(zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000"}).With().Timestamp().Logger().Level(zerolog.InfoLevel)
	}
	return zerolog.New(out).With().Timestamp().Logger().Level(zerolog.InfoLevel)
}
