package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How much garbage may pile up before it is collected: at least minGarbage, for with a
// small tree the runtime's default, as much as is alive, means hundreds of collections
// a second under load and costs half of the write throughput; at most the share of
// what is alive, for with a large tree the default doubles the memory.
const (
	minGarbage   = 64 << 20
	garbageShare = 30 // percent of what is alive
)

// paceCollector keeps the collector's target at what is alive plus the garbage allowed,
// from now on, after every collection.
func paceCollector() {
	pace()
	arm()
}

// arm sets a finalizer, which the next collection runs.
func arm() {
	type sentinel struct{ _ *byte }
	runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
		pace()
		arm()
	})
}

// pace sets the runtime's percentage for what is alive now.
func pace() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	debug.SetGCPercent(percent(sample[0].Value.Uint64()))
}

// percent returns the runtime's percentage that allows the garbage for so many live
// bytes. The runtime does not collect below 4 MiB at 100 percent, and below as much
// more at higher ones.
func percent(live uint64) int {
	live = max(live, 4<<20)
	return max(int(minGarbage*100/live), garbageShare)
}
