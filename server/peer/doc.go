// Package peer carries what the servers of an ensemble say to each other, and decides
// nothing: what is sent and what is made of it is the business of others.
//
// # The mesh
//
// [Mesh] carries the notifications of elections. There is one TCP connection for each
// pair of servers, dialled by the one with the larger id. The other may dial too, which
// only asks to be called back:
//
//	dialler                                       listener
//	greeting: version, own id, own addresses →
//	id smaller than the listener's:               closes it and dials the dialler; that
//	closes and waits                              replaces a connection it had
//	id larger: keeps it                           keeps it, and ends the one it had
//	int length, notification                 ↔    int length, notification
//
//	greeting = long -65536 | long id | int length | host:port              since 3.5
//	           long -65535 | long id | int length | host:port|host:port…   several addresses
//	           long id                                                     before 3.5
//
// For each server one message waits at most: a newer one takes its place. The last one
// sent is sent again when a connection begins and nothing waits, because it may have been
// lost with the connection before; so whoever receives must cope with stale news.
// Connections are idle except for elections. A dead one must not look alive when it is
// needed, so the system is told to probe idle ones, and to give up what is not
// acknowledged in time.
//
// A server is dialled when something is sent to it, and again while that waits, ever more
// rarely, with its name looked up each time. That it cannot be reached is logged when it
// changes, not at each try.
//
// # Links
//
// A learner dials its leader's quorum port; over this link they exchange zab's packets,
// back to back, with nothing between them but the stream of a snapshot behind a SNAP
// packet. [Learners] is the leader's side, and listens only while it leads; [Uplink] is
// the learner's. What is sent never waits: a writer for each link sends all that has
// gathered with one write, and encodes a batch for many links once. A server that does
// not read loses its link when too much waits for it. A reader for each link passes on
// all packets that have come, and notices when a leader is silent for too long.
//
// With [Secure], both speak TLS, or take it beside plain connections: while an ensemble moves
// from one to the other, what a server dials is its own business, and it listens to either.
//
// # Authentication
//
// With [Auth] who dials proves that it knows a password of the ensemble: in the mesh
// behind the greeting and before ids are compared, on a link before anything else. A
// listener finds out by the first eight bytes whether who dials does so.
//
//	dialler                                       listener
//	magic, in progress, no token →
//	                                              ← magic, in progress, challenge
//	magic, in progress, response →
//	                                              ← magic, done, proof | magic, error, no token
//
//	packet = long 5f2435013501edcc | int status | int length | token
//
// Java: QuorumCnxManager; LearnerHandler, Learner; SaslQuorumAuthServer, SaslQuorumAuthLearner.
package peer
