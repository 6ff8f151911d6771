package main

import "testing"

func TestPercent(t *testing.T) {
	f := func(live uint64, want int) {
		t.Helper()
		if got := percent(live); got != want {
			t.Errorf("percent(%d) = %d, want %d", live, got, want)
		}
	}
	f(0, 1600)
	f(4<<20, 1600)
	f(64<<20, 100)
	f(1<<30, garbageShare)
}
