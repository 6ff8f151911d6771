// Package sim runs whole ensembles through thousands of bad days, each from a seed that
// replays exactly. The servers are the real ones from replica down: member, zab, election,
// prep, database, tree, watch, session, storage, txnlog, snapshot. Time, network, disks
// and clients are simulated; all of a run happens in one goroutine.
//
//	go test ./server/sim                          some seeds
//	go test ./server/sim -run TestSeeds -seed 7   one of them, with all that happens
//	make sim                                      two minutes of them; SEEDS=10000 for more
//	make mutations                                deliberate mistakes, and which seed finds each
//
// # How a run goes
//
// The seed draws a plan: how many servers and clients, whether majorities decide or groups
// and weights, how large the windows, snapshots, logs and transactions are, which kinds of
// faults there are and how often. Then events happen one after the other:
// the stages of a server have their turns (replica.Steps), packets arrive, clients ask,
// something breaks. At the end everything is mended. All members must then serve again,
// answer clients and agree; nobody may look for a leader when one of them restarts and
// nothing else happens; and all must agree once more when the power has failed everywhere
// at once.
//
//	world      one run        ┬ server ─ process   replica.Steps on a disk and a transport
//	schedule   virtual time   ├ client ─ watches   what it asks for and must be told
//	network    pipes          └ ledger             what was committed, written anew
//
// # What is checked
//
// Every transaction that a server takes for committed, every acknowledgement that leaves
// and every reply and event that a client gets is compared with the ledger, which is a
// second and simpler implementation of what transactions mean; foresee.go is one of what
// writes become. See invariants.go for the names. Histories of registers are also checked
// by porcupine.
//
// Clients ask for every operation of the protocol, with and without credentials, of nodes
// that some may not read or change, and for what must fail: other versions, flags, modes
// and paths, records that break off, operations that do not exist, requests behind a
// closeSession. In some runs new sessions are local to a server, and upgraded by the first
// ephemeral or not; in some, servers without a leader serve reads of what they have, which
// includes a tail that nobody has committed.
//
// # What it has found
//
// A seed means another run whenever plans or faults change, so old seeds prove nothing.
// What is kept is the mistake: testdata/mutations.txt holds those that were made here, in
// Java or could be made, as text of the product and what takes its place. Whoever corrects
// what a seed has found adds the correction undone. They are built in by an overlay, so
// the product has no hooks for them, and one of the first 300 seeds must find each; those
// that begin with "no mistake" change the product so that what is rare happens often, and
// must not be found. A few name the test of another package that finds them: what they spoil
// is a second line of defence, or needs snapshots of Java's. testdata/found.txt says which
// seed finds which, and by what; make mutations writes it.
//
// # What can go wrong
//
// Servers are killed, lose their power (either also inside any operation on the disk, with
// what was not synced lost or torn), are stopped and paused, alone, one after the other or
// all at once, have slow, full and failing disks, single operations that fail once or are
// done in part, wrong clocks, empty disks, and snapshots with a wrong bit. Links are cut in
// one or both directions, around a bridge, again and again, slowed, and reset with a part
// of what was on its way. Clients move, die and come back. Servers join, leave and change
// their roles, and groups and weights change with them. Leaders are lost with what they
// alone have, in the middle of a reconfiguration, and as soon as they lead. Snapshots are
// taken node by node while transactions are applied. An observer's disk may be older than
// what it has seen.
//
// # What is not covered
//
// Sockets and their packages, conn and peer: connections here do what conn does with
// requests, and links carry packets, not bytes. The stages of a server do not interleave
// inside a turn, but for the applier with a snapshot that is being written. A voter's disk
// that is older than what its server has acknowledged is no fault that an ensemble
// survives, and does not happen; an empty one happens to one server at a time, until a
// leader has brought it up, and where no quorum is without that server it does not happen.
// No bit of a log flips that was synced, nor one in every snapshot of a server. Snapshots
// are not compressed. An epoch has too many zxids to run out of them; a mutation makes it
// short. A server that one leader has brought a snapshot and the next tells to cut it off
// has nothing to begin with, and waits for another leader. Clients prove who they are by
// digests only. What a read-only server shows that was brought a snapshot is not compared,
// since that shows more than it says.
package sim
