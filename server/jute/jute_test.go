package jute

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pieces holds what was decoded of each primitive, and how it is appended and read.
type pieces struct {
	yes, no     bool
	num         int32
	long        int64
	text        string
	null, empty []byte
}

func (p *pieces) append(b []byte) []byte {
	b = AppendBool(AppendBool(b, p.yes), p.no)
	b = AppendLong(AppendInt(b, p.num), p.long)
	return AppendBuffer(AppendBuffer(AppendString(b, p.text), p.null), p.empty)
}

func (p *pieces) decode(d *Decoder) {
	*p = pieces{d.Bool(), d.Bool(), d.Int(), d.Long(), d.String(), d.Buffer(), d.Buffer()}
}

const layout = "01" + "00" + "fffffffe" + "8000000000000001" + "00000003" + "61c3a9" + "ffffffff" + "00000000"

func TestLayout(t *testing.T) {
	want := pieces{true, false, -2, math.MinInt64 + 1, "aé", nil, []byte{}}
	if got := hex.EncodeToString(want.append(nil)); got != layout {
		t.Errorf("appended %s, want %s", got, layout)
	}
	var got pieces
	d := NewDecoder(unhex(t, layout))
	got.decode(d)
	if d.Err() != nil || d.Len() != 0 || d.Offset() != len(layout)/2 {
		t.Errorf("error %v, %d bytes left, at %d", d.Err(), d.Len(), d.Offset())
	}
	if got.null != nil || got.empty == nil {
		t.Errorf("null %v and empty %v are not told apart", got.null, got.empty)
	}
	if again := hex.EncodeToString(got.append(nil)); again != layout {
		t.Errorf("decoded and appended %s, want %s", again, layout)
	}
}

// TestEveryCutIsShort cuts a record at every byte: the error is there, stays, and what
// is read behind it is zero.
func TestEveryCutIsShort(t *testing.T) {
	whole := unhex(t, layout)
	for n := range whole {
		var p pieces
		d := NewDecoder(whole[:n])
		p.decode(d)
		if !errors.Is(d.Err(), ErrShort) {
			t.Errorf("%d of %d bytes: error %v, want ErrShort", n, len(whole), d.Err())
		}
		d.Fail(ErrLength)
		if n, ok := d.Vector(); d.Err() == nil || !errors.Is(d.Err(), ErrShort) || n != 0 || ok || d.Bool() || d.Bytes(0) != nil {
			t.Errorf("behind the error: %v, vector of %d (%v)", d.Err(), n, ok)
		}
	}
}

func TestAnyByteButZeroIsTrue(t *testing.T) {
	for c := range 256 {
		if got := NewDecoder([]byte{byte(c)}).Bool(); got != (c != 0) {
			t.Errorf("%#x reads as %v", c, got)
		}
	}
}

func TestLengthLimitIsInclusive(t *testing.T) {
	const limit = 5
	for n, want := range map[int32]error{
		-1: nil, 0: nil, limit - 1: nil, limit: nil,
		limit + 1: ErrLength, -2: ErrLength, math.MinInt32: ErrLength, math.MaxInt32: ErrLength,
	} {
		var d Decoder
		d.Reset(append(AppendInt(nil, n), "123456"...), limit)
		got := d.Buffer()
		if !errors.Is(d.Err(), want) || want == nil && len(got) != max(int(n), 0) {
			t.Errorf("length %d: %q, error %v, want %v", n, got, d.Err(), want)
		}
	}
	if DefaultLimit != 2097150 {
		t.Errorf("default limit %d is not Java's", DefaultLimit)
	}
}

// TestCounts has the counts of vectors: null is -1, and Java reads the other negative
// ones as empty.
func TestCounts(t *testing.T) {
	for c, want := range map[int32]struct {
		n  int
		ok bool
	}{-1: {0, false}, -2: {0, true}, math.MinInt32: {0, true}, 0: {0, true}, math.MaxInt32: {math.MaxInt32, true}} {
		in := AppendInt(nil, c)
		n, ok := NewDecoder(in).Vector()
		if n != want.n || ok != want.ok || NewDecoder(in).Count() != n {
			t.Errorf("count %d: %d, %v, want %+v", c, n, ok, want)
		}
	}
}

func TestBytesHaveNoLength(t *testing.T) {
	d := NewDecoder([]byte("abc"))
	if got := d.Bytes(2); string(got) != "ab" || string(d.Rest()) != "c" {
		t.Errorf("got %q, rest %q", got, d.Rest())
	}
	if d.Bytes(-1); !errors.Is(d.Err(), ErrLength) {
		t.Errorf("error %v, want ErrLength", d.Err())
	}
}

// TestDecodedBytesCannotGrowIntoTheInput appends to a part of the input.
func TestDecodedBytesCannotGrowIntoTheInput(t *testing.T) {
	in := append(AppendString(nil, "ab"), "cd"...)
	d := NewDecoder(in)
	_ = append(d.Buffer(), 'X')
	if got := d.Rest(); string(got) != "cd" {
		t.Errorf("rest %q was overwritten", got)
	}
}

// TestJavaStrings has what Java 3.9.6 wrote after reading a string: cut and overlong
// sequences, surrogates of either form, and random bytes.
func TestJavaStrings(t *testing.T) {
	raw, err := os.ReadFile("testdata/strings.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		in, out, _ := strings.Cut(strings.TrimSpace(line), " ")
		if got := hex.EncodeToString([]byte(JavaString(unhex(t, in)))); got != out {
			t.Errorf("%s becomes %s, want %s", in, got, out)
		}
	}
}

func TestJavaStringKeepsNull(t *testing.T) {
	for _, p := range [][]byte{nil, {}} {
		if got, want := AppendJavaString(nil, p), AppendBuffer(nil, p); !bytes.Equal(got, want) {
			t.Errorf("%#v becomes %x, want %x", p, got, want)
		}
	}
}

// FuzzJavaString compares with an encoder of UTF-16 units where the input is UTF-8.
func FuzzJavaString(f *testing.F) {
	for _, s := range []string{"", "/a", "é中", "\U0001f600", "\xed\xa0\xbd", "\xe4\xb8", "\xf4\x90\x80\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		got := JavaString(p)
		if len(got) > 3*len(p) {
			t.Errorf("%d bytes become %d", len(p), len(got))
		}
		if !utf8.Valid(p) {
			return
		}
		var want []byte
		for _, u := range utf16.Encode([]rune(string(p))) {
			if u < 0x800 {
				want = utf8.AppendRune(want, rune(u))
			} else {
				want = append(want, 0xe0|byte(u>>12), 0x80|byte(u>>6)&0x3f, 0x80|byte(u)&0x3f)
			}
		}
		if got != string(want) {
			t.Errorf("%q becomes %x, want %x", p, got, want)
		}
		b := AppendJavaString([]byte("front"), append([]byte{}, p...))
		if d := NewDecoder(b[5:]); d.String() != got || d.Len() != 0 {
			t.Errorf("%q is appended as %x", p, b)
		}
	})
}

// FuzzDecoder reads primitives in the order that the first input says. Nothing but
// bytes of the second comes out, and they are the ones that appending writes.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0, 0, 1, 2, 3, 3, 3}, []byte("\x01\x00\xff\xff\xff\xfe\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x03abc\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Add([]byte{4, 5}, []byte{0x7f, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, kinds, in []byte) {
		var out []byte
		d := NewDecoder(in)
		for _, k := range kinds {
			start := d.Offset()
			switch out = out[:0]; k % 6 {
			case 0:
				out = AppendBool(out, d.Bool())
				if d.Err() == nil && in[start] > 1 {
					out[0] = in[start]
				}
			case 1:
				out = AppendInt(out, d.Int())
			case 2:
				out = AppendLong(out, d.Long())
			case 3:
				out = AppendBuffer(out, d.Buffer())
			case 4:
				n, ok := d.Vector()
				if n < 0 || n > 0 && !ok {
					t.Errorf("vector of %d, there: %v", n, ok)
				}
				continue
			case 5:
				out = append(out, d.Bytes(int(k)-8)...)
			}
			if d.Err() == nil && !bytes.Equal(out, in[start:d.Offset()]) {
				t.Errorf("%x was read and is appended as %x", in[start:d.Offset()], out)
			}
		}
		if d.Offset()+d.Len() != len(in) || d.Len() != len(d.Rest()) {
			t.Errorf("at %d of %d with %d left", d.Offset(), len(in), d.Len())
		}
	})
}
