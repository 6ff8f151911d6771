// Package faults runs an ensemble of real processes through bad days, and checks what its
// clients were told. Three voters and an observer live in network namespaces of their
// own, joined by a bridge; clients connect from outside. Faults come from a seed:
//
//	kill       SIGKILL of the leader, a follower, the observer, all; started again
//	pause      SIGSTOP, later SIGCONT
//	partition  a member cannot be reached by the others, cannot reach them, or both;
//	           clients reach it all the time
//	slow       packets between members are late
//
// What the clients did and were told is then checked:
//
//	register     creates, conditional writes and deletes of a znode are linearizable
//	             (porcupine); a request without an answer may have happened or not
//	acknowledged what was created is there at the end, on every member
//	sequence     numbers are unique, and rise with the acknowledgements of a client
//	monotonic    what a session reads never goes back, also after it has moved
//	ephemeral    is there as long as its session, and gone after it
//	replicas     at the end all members have the same data and stat of every znode
//
// Reads are not part of the linearizability that ZooKeeper promises, so they are none of
// register's operations; a write returns the version that it made, which is as telling.
//
// GOKEEPER_FAULTS is the length of the run in minutes, 0.5 for instance; without it the
// run is skipped. GOKEEPER_SEED repeats the faults of a run, GOKEEPER_BINARY is as for
// package integration. The run needs root, for the namespaces.
package faults
