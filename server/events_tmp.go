package server

import (
	"time"

	"gokeeper/server/replica"
)

func (s *Server) events() replica.Events {
	return replica.Events{
		Proposed: func(int, time.Duration) {}, Synced: func(int, time.Duration) {}, Applied: func(int) {},
		Snapshot: func(time.Duration) {}, Mismatch: func() {}, Expired: func(int) {},
	}
}
