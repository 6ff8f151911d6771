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
// Java: QuorumCnxManager.
package peer
