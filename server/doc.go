// Package server puts the parts together: an embeddable ZooKeeper server. [New] opens
// a data directory and a port, [Server.Run] serves until its context is done. Several
// servers may live in one process; there are no globals, flags or signals here.
//
// # The parts
//
// Pure packages decide and know nothing of disks, sockets, clocks or goroutines:
//
//	jute      primitives of the encoding
//	proto     the nouns: operations, errors, stat, ACL, paths, records
//	txn       transactions, what a write becomes
//	quorum    members of an ensemble and their quorums
//	tree      znodes: apply a transaction, look things up
//	watch     who watches which path
//	session   ids, passwords, buckets of expiry
//	auth      schemes and access control lists
//	sasl      DIGEST-MD5, both sides of it, and JAAS files
//	prep      a client's write → a transaction
//	election  fast leader election: notifications and time → notifications and a vote
//	zab       atomic broadcast: discovery, synchronisation, proposals; leader and learner
//	member    one server's decisions: role, order, commit, expiry
//	audit     what an audit log keeps of a request
//	config    zoo.cfg and flags → one struct and a list of complaints
//	environment  variables of container images → zoo.cfg and myid
//
// The others touch the world:
//
//	vfs       the few file operations, real, in memory, failing
//	txnlog    files log.<zxid>
//	snapshot  files snapshot.<zxid>
//	storage   a data directory: recovery, epochs, retention
//	backup    copies of a history, and data directories made of them
//	recovery  an ensemble made of the data of one member
//	keystore  key and trust stores, and what TLS makes of them
//	keystore/authority  issues certificates, for tests
//	toolkit   logs and snapshots in the words of Java's offline tools, and as JSON lines
//	database  tree, watches and sessions behind one lock
//	secure    TLS on accepted and dialled connections, beside plain ones where that is wanted
//	conn      client sockets
//	peer      sockets between servers: the mesh of elections, links of leader and learners
//	replica   runs a member: loop, log writer, applier, snapshotter
//	metrics   counters and summaries
//	admin     what operators ask: four-letter words, HTTP, probes, snapshots
//	client    a small client library
//	survey    asks servers of an ensemble in four-letter words
//	top       draws what servers say, for a terminal
//	console   the page for browsers on the admin port
//	cli       the shell: zkCli.sh's commands on top of it
//
//	sim       whole ensembles in virtual time, for tests
//	freeport  TCP ports that nobody has, for tests
//
//	cmd/gokeeper  arguments, environment, signals, exit codes
//
// # The way of a request
//
//	socket → conn reader ── read, nothing unfinished before it → database.Read ───────┐
//	            │          └ otherwise it hangs on the unfinished write ·············│··┐
//	            └── write → replica inbox                                            │  ·
//	                          │ whole inbox per turn                                 │  ·
//	                        loop: member → prep → transactions ── proposals → links  │  ·
//	                          │                                                      │  ·
//	                        log writer: append all, sync once                        │  ·
//	                          │ durable                  acknowledgements ← links    │  ·
//	                        loop: zab: a quorum has it ────────── commits → links    │  ·
//	                          │                                                      ▼  ▼
//	                        applier: database.Apply: tree, events, reply, hung reads → socket
//
// A standalone server is an ensemble of one: what its log holds durably is committed.
//
// A follower's or observer's loop sends its clients' writes to the leader instead, and
// waits for the transactions to come back. They take the same way as at the leader: log
// writer, acknowledgement, commit, applier; there each finds the request that it answers.
//
//	Looking ── election ──→ Leading                 replica.Transport: notifications over
//	   ▲                    Following, Observing    the mesh; links while a role lasts
//	   │                       │
//	   └──── Left: drop clients, close links, finish the log, apply all of it
//
// # Goroutines
//
//	session loop       client   one per client; reads from its connection
//	writer             client   one per connection; pings, too
//	search             client   looks for a server with a quorum, while connected to one without
//	accept             conn     one per listener
//	reader             conn     one per connection; does the handshake of TLS, runs reads itself
//	writer             conn     only while a client is slower than its replies
//	sweep              conn     closes silent connections
//	accept             peer     one per election address
//	greeting           peer     one per accepted connection, until it has said who it is
//	dial               peer     one per server that is to be reached, until it is
//	reader, writer     peer     one each per connection between servers
//	accept             peer     one per quorum address, while leading
//	dial               peer     one per address of the leader, until it is reached
//	reader, writer     peer     one each per link of leader and learner
//	loop               replica  owns the member, its only caller
//	log writer         replica  owns the open log
//	applier            replica  the only writer of the database
//	snapshotter        replica  one snapshot or purge at a time
//	question           survey   one per server that is asked
//	HTTP               server   accepts for admin; net/http has one per connection
//
// Each is waited for by its starter and ends by context or closed queue.
//
// # Locks
//
// database, or conn's list of connections, then one connection. Inside any at most a
// lock of metrics, which waits for nothing. Nothing else nests. Replies and events are
// appended to a connection's buffer while the database lock is held, and sent after it
// is let go.
package server
