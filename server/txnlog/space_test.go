package txnlog

import (
	"testing"

	"gokeeper/server/vfs"
)

// BenchmarkPreparedSpace shows what the zeros ahead are good for: a sync of 20 kB in
// space that is only visible, and in space that holds zeros.
func BenchmarkPreparedSpace(b *testing.B) {
	const batch, step = 20_000, 64 << 20
	for _, c := range []struct {
		name  string
		ahead int
	}{{"sparse", 0}, {"zeros=256KiB", 256 << 10}, {"zeros=1MiB", 1 << 20}, {"zeros=4MiB", 4 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			f, err := vfs.OS().Create(b.TempDir() + "/space")
			must(b, err)
			defer f.Close()
			zeros, rec := make([]byte, c.ahead), make([]byte, batch)
			for i := range rec {
				rec[i] = byte(i)
			}
			pos, filled, grown := int64(0), int64(0), int64(0)
			b.SetBytes(batch)
			for b.Loop() {
				if pos+batch > grown {
					grown += step
					must(b, f.Truncate(grown))
				}
				_, err := f.WriteAt(rec, pos)
				must(b, err)
				if pos += batch; pos > filled && c.ahead > 0 {
					_, err = f.WriteAt(zeros, pos)
					must(b, err)
					filled = pos + int64(c.ahead)
				}
				must(b, f.SyncData())
			}
		})
	}
}
