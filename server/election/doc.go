// Package election is fast leader election as one state machine that lives as long as
// its member does: it looks for a leader when it is told to, and answers those who look
// while its own member leads, follows or observes. Notifications and the time go in;
// [Action] values come out. Nothing here does I/O, reads a clock or starts a goroutine:
// replica runs the machine, peer carries the notifications, and simulations run many of
// them at once.
//
//	Look ──→ round + 1, propose the own history to all voters
//	   │ ↺   a higher round is joined; a better vote is taken over; each time all are told
//	   │ ↺   silence: tell all again after 200 ms, 400 ms … 60 s
//	   ├──→ a quorum proposes the same, and for 200 ms nothing better is heard ──→ Elected
//	   │    (no time when all do; 10 ms when no link leads to those who do not, who
//	   │    were there when there was a leader before)
//	   └──→ a quorum follows a leader, and the leader itself says so ────────────→ Elected
//
// # Votes
//
// A vote names a leader and the end of the leader's history. The better of two has the
// higher epoch, then the higher zxid, then the higher server id, all signed; a server of
// weight 0 is never better. Proposals of one round are the same when all their fields
// are. Those who have decided may disagree on zxid and round, as they learned of their
// leader at different times; it is enough that leader and epoch are the same, and in the
// own round that the leader is. Joining them always takes the leader's own word that it
// leads, or all would chase a dead one on each other's word.
//
// A quorum is one of the committed configuration, and of the last seen one while that is
// newer, but to join those who have decided. The own vote is counted here, so that no
// notification goes to the own server.
//
// # An empty data directory
//
// A server that has no history does not vote: it may have lost what it acknowledged, and
// others must not build on its vote. It does not count votes either; a leader that others
// elected brings it up, and then it has a history. When every voter of the ensemble says
// that it is in epoch 0, that is, that it never followed a leader, there is nothing to
// lose, and the history begins ([Bootstrap]): it is empty, or that of a standalone server
// that becomes an ensemble. To
// begin without hearing all, the operator puts the file initialize into the data
// directory; storage then reports an empty history that is trusted. Java lets servers
// with empty directories vote, unless db.autocreate is false.
//
// # A notification
//
//	int state | long leader | long zxid | long round | long epoch | int version | config
//
// config is the text of the sender's committed configuration, an int length before it.
// See [ParseNotification] for what older peers send.
//
// # Whom it answers
//
// Servers that are no voters, as observers and joiners, are answered whatever they say.
// Voters are answered when they look: by those who have decided, and by those who look
// in a higher round. While looking, an answer is the proposal.
//
// Java: FastLeaderElection, Vote.
package election
