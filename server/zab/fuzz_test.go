package zab_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"gokeeper/server/jute"
	"gokeeper/server/zab"
)

// eachPacketOfJava calls f with the bytes of the recorded packets.
func eachPacketOfJava(f *testing.F, use func(raw []byte)) {
	text, err := os.ReadFile("testdata/java/packets.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		raw, err := hex.DecodeString(strings.Fields(line)[1])
		if err != nil {
			f.Fatal(err)
		}
		use(raw)
	}
}

// dataOfJava adds the data of the recorded packets of a type.
func dataOfJava(f *testing.F, types ...zab.Type) {
	eachPacketOfJava(f, func(raw []byte) {
		p, err := zab.ReadPacket(bufio.NewReader(bytes.NewReader(raw)), jute.DefaultLimit)
		if err != nil {
			f.Fatal(err)
		}
		for _, t := range types {
			if p.Type == t {
				f.Add(p.Data)
			}
		}
	})
}

// FuzzReadPacket wants what was read to come back when it is encoded and read again, and
// no error but those that the comment names.
func FuzzReadPacket(f *testing.F) {
	eachPacketOfJava(f, func(raw []byte) { f.Add(raw) })
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 10
		in := bytes.NewReader(b)
		r := bufio.NewReaderSize(in, 16)
		p, err := zab.ReadPacket(r, limit)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, zab.ErrTooLong) && (err != io.EOF || len(b) > 0) {
				t.Fatal(err)
			}
			return
		}
		if len(p.Data) > limit {
			t.Fatalf("%d bytes of data", len(p.Data))
		}
		again, err := zab.ReadPacket(bufio.NewReader(bytes.NewReader(p.Append(nil))), limit)
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("got %+v, %v, want %+v", again, err, p)
		}
		used := len(b) - in.Len() - r.Buffered()
		if got := p.Append(nil); len(got) != used || !bytes.Equal(got, b[:used]) && !nullString(p) {
			t.Fatalf("re-encodes to\n%x, want\n%x", got, b[:used])
		}
	})
}

// nullString says whether the packet may have had a null string, which reads as empty.
func nullString(p zab.Packet) bool {
	for _, id := range p.Auth {
		if id.Scheme == "" || id.ID == "" {
			return true
		}
	}
	return false
}

func FuzzParseInfo(f *testing.F) {
	dataOfJava(f, zab.FollowerInfo, zab.ObserverInfo)
	f.Add(make([]byte, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := zab.ParseInfo(b)
		switch got := i.Append(nil); {
		case len(b) < 12:
			if err == nil {
				t.Fatal("no error")
			}
		case err != nil:
			t.Fatal(err)
		case len(b) >= 20 && !bytes.HasPrefix(b, got), !bytes.HasPrefix(got, b[:12]):
			t.Fatalf("got %x, want %x", got, b)
		}
	})
}

func FuzzParseTouched(f *testing.F) {
	dataOfJava(f, zab.Ping, zab.Revalidate)
	f.Fuzz(func(t *testing.T, b []byte) {
		touched, err := zab.ParseTouched(b)
		if (err == nil) != (len(b)%12 == 0) {
			t.Fatal(err)
		}
		var got []byte
		for _, x := range touched {
			got = zab.AppendTouched(got, x)
		}
		if err == nil && !bytes.Equal(got, b) {
			t.Fatalf("got %x, want %x", got, b)
		}
	})
}

func FuzzParseForwarded(f *testing.F) {
	dataOfJava(f, zab.Request)
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := zab.ParseForwarded(b)
		if (err == nil) != (len(b) >= 16) {
			t.Fatal(err)
		}
		if got := x.Append(nil); err == nil && !bytes.Equal(got, b) {
			t.Fatalf("got %x, want %x", got, b)
		}
	})
}
