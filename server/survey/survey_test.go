package survey

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestReadSummary reads what Java's servers have answered.
func TestReadSummary(t *testing.T) {
	const java = "Zookeeper version: 3.9.6-${mvngit.commit.id}, built on 2026-10-16 16:58 UTC\nLatency min/avg/max: 0/0.1701/4\n" +
		"Received: 920\nSent: 918\nConnections: 2\nOutstanding: 3\nZxid: 0x100000133\nMode: leader\nNode count: 10\n" +
		"Proposal sizes last/min/max: 48/48/144\n"
	got, err := ReadSummary(java)
	want := Server{"3.9.6-${mvngit.commit.id}", "leader", 0x100000133, 0, 0.1701, 4, 920, 918, 2, 3, 10}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if _, err := ReadSummary("HTTP/1.1 400 Bad Request\n"); err == nil {
		t.Error("an HTTP server is taken for a ZooKeeper server")
	}
}

func TestLag(t *testing.T) {
	for _, c := range []struct {
		zxid, newest uint64
		want         int64
	}{{5, 5, 0}, {5, 8, 3}, {9, 8, 0}, {0x100000009, 0x200000001, -1}} {
		if got := Lag(c.zxid, c.newest); got != c.want {
			t.Errorf("%x behind %x: %d, want %d", c.zxid, c.newest, got, c.want)
		}
	}
}

// TestWant tells refusals from answers.
func TestWant(t *testing.T) {
	for answer, want := range map[string]error{
		"This ZooKeeper instance is not currently serving requests\n": ErrNotServing,
		"cons is not executed because it is not in the whitelist.\n":  ErrRefused,
		" /127.0.0.1:40000[0](queued=0,recved=1,sent=0)\n":            nil,
	} {
		got, err := Want(answering(t, answer), "cons", time.Minute)
		if !errors.Is(err, want) || err == nil && got != answer {
			t.Errorf("%q gives %q, %v; want %v", answer, got, err, want)
		}
	}
}

// answering is the address of a server that has one answer.
func answering(t *testing.T, answer string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := io.CopyN(io.Discard, c, 4); err == nil {
			_, _ = io.Copy(c, strings.NewReader(answer))
		}
	}()
	return ln.Addr().String()
}
