// Package snapshot writes and reads the whole state of a server in the formats of
// Java ZooKeeper: the files snapshot.<zxid> of a data directory, and the stream
// that a leader sends to a learner that is too far behind.
//
// # File
//
//	magic "ZKSN" | version int (2) | dbid long (-1)
//	count int | { session long | timeout int, ms } …
//	count int | { ACL id long | vector of ACL } …
//	{ path string | data buffer | ACL id long | persisted stat } …   parents first, the root as ""
//	"/"                                                                end of the nodes
//	seal
//	zxid long | digest version int | digest long     seal              digest section, optional
//	last zxid long                                   seal              zxid section, optional
//
// A seal is the Adler-32 of all bytes before it, earlier seals too, as a long, and
// the string "/". Which sections there are follows from how many bytes are left
// behind the first seal: none, 21 (zxid), 33 (digest) or 54 (both).
//
// The whole may be compressed; the last part of the file's name says how: gz is an
// ordinary gzip member, snappy the block format of snappy-java:
//
//	82 53 4e 41 50 50 59 00 | int 1 | int 1 | { length int | raw Snappy block } …
//
// # Stream
//
// The same sessions, ACLs and nodes, then the string "BenWasHere". No header, no
// seals, no sections.
//
// # Fuzziness
//
// A file is written while transactions are applied. It is named by the zxid at the
// start; every node may be as new as the end, which the zxid section tells.
// Replaying the log from the name on gives the exact state. Sessions and the ACL
// table come before the nodes, so a node may refer to an ACL that the table lacks;
// its replay repairs that.
//
// A Source is called from the goroutine that calls Write, which takes whatever lock
// the source needs in each call. Nothing here locks or starts goroutines.
package snapshot
