// Package zab is the atomic broadcast that keeps an ensemble's histories equal, as two
// state machines: a [Leader] and a [Learner], the latter for followers and observers.
// Packets, durable zxids and the time go in; [Action] values come out. Nothing here does
// I/O, reads a clock or starts a goroutine: replica runs the machines, peer carries the
// packets, and simulations run many of them at once.
//
//	learner                                   leader
//	FOLLOWERINFO/OBSERVERINFO(accepted) →            discovery: a quorum of these gives the epoch
//	                       ← LEADERINFO(epoch)
//	ACKEPOCH(last zxid, current epoch)  →            a quorum of these, none ahead of the leader
//	                       ← DIFF | TRUNC | SNAP     synchronisation
//	                       ← PROPOSAL, COMMIT …
//	                       ← NEWLEADER(epoch)
//	ACK(epoch)                          →            a quorum of these: the epoch is established
//	                       ← UPTODATE
//	ACK(epoch)                          →            broadcast
//	                       ← PROPOSAL
//	ACK                                 →            a quorum of these, its own log included
//	                       ← COMMIT | INFORM
//
// # The contract of actions
//
// Actions are carried out in their order, and each is complete before the next begins:
// an epoch that is stored is durable before the packet behind it leaves. Only Log and
// Save go on in the background; the machine is told by Durable and Saved, and holds back
// what depends on them itself. That is all there is to the rules of durability:
//
//	LEADERINFO                      after the leader's accepted epoch
//	ACKEPOCH                        after the learner's accepted epoch
//	ACK of NEWLEADER                after the transactions of the synchronisation, then the current epoch
//	the leader's own vote for that  after its current epoch
//	ACK of a proposal               after its transaction and all before it
//
// A transaction is an [Entry], bytes that go to the log and over the wire as they are.
//
// Java: Leader, LearnerHandler, Learner, Follower, Observer.
package zab
