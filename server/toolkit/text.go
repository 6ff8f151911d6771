package toolkit

import (
	"time"
	"unicode/utf8"
)

// Layouts of Java's dates: DateFormat.SHORT with TimeFormat.LONG of the US locale, and
// Date.toString.
const (
	shortDate = "1/2/06, 3:04:05 PM MST"
	longDate  = "Mon Jan 02 15:04:05 MST 2006"
)

func date(ms int64, layout string, zone *time.Location) string {
	return time.UnixMilli(ms).In(zone).Format(layout)
}

// appendText appends bytes as Java's new String(bytes, UTF_8) shows them: one U+FFFD for
// each longest run of bytes that begins a character and does not end it.
func appendText(b, data []byte) []byte {
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n <= 1 {
			n = malformed(data)
		}
		b = utf8.AppendRune(b, r)
		data = data[n:]
	}
	return b
}

// malformed returns how many of the bytes one U+FFFD stands for.
func malformed(p []byte) int {
	first, lo, hi, n := p[0], byte(0x80), byte(0xbf), 0
	switch {
	case first >= 0xc2 && first <= 0xdf:
		n = 2
	case first >= 0xe0 && first <= 0xef: // encoded surrogates are replaced as a whole
		n = 3
	case first >= 0xf0 && first <= 0xf4:
		n = 4
	default:
		return 1
	}
	switch first {
	case 0xe0:
		lo = 0xa0
	case 0xf0:
		lo = 0x90
	case 0xf4:
		hi = 0x8f
	}
	i := 1
	for ; i < n && i < len(p) && p[i] >= lo && p[i] <= hi; i++ {
		lo, hi = 0x80, 0xbf
	}
	return i
}
