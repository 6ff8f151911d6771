package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// TestPings wants a ping in every third of the timeout in which nothing else was sent, and
// a server left that has been silent for two thirds.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := make(chan net.Conn, 10)
		begin := time.Now()
		lost := make(chan time.Duration, 1)
		c, err := Open(Config{
			Servers: "x", Timeout: 9 * time.Second,
			Dial: func(context.Context, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				servers <- theirs
				return ours, nil
			},
			Watcher: func(e Event) {
				if e.State == SessionDisconnected {
					lost <- time.Since(begin)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Leave()
		nc := <-servers
		defer nc.Close()
		in := bufio.NewReader(nc)
		if _, err := readFrame(in); err != nil {
			t.Fatal(err)
		}
		_, _ = nc.Write(jute.AppendBuffer(nil, (&proto.ConnectResponse{Timeout: 6000, Session: 1}).Append(nil)))
		for i := range 3 {
			b, err := readFrame(in)
			if err != nil {
				t.Fatal(err)
			}
			if xid := int32(binary.BigEndian.Uint32(b)); xid != proto.XidPing {
				t.Errorf("xid %d", xid)
			}
			if got, want := time.Since(begin), time.Duration(i+1)*2*time.Second; got != want {
				t.Errorf("ping %d after %v, want %v", i, got, want)
			}
			pong := proto.ReplyHeader{Xid: proto.XidPing}
			if i < 2 {
				_, _ = nc.Write(jute.AppendBuffer(nil, pong.Append(nil)))
			}
		}
		if got := <-lost; got != 8*time.Second {
			t.Errorf("left after %v, want 4s after the last answer", got)
		}
	})
}
