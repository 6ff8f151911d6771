// Package quorum knows who belongs to an ensemble and which sets of members are a quorum.
//
// It is the vocabulary of election, zab, prep and member: a [Config] is read from the server
// lines of zoo.cfg or a dynamic file, travels in election notifications, NEWLEADER packets and
// reconfig transactions, and is the data of the znode /zookeeper/config. Votes and
// acknowledgements are collected in a [Set] and counted by [Config.HasQuorum].
//
// The text of a configuration has one line per fact, joined by "\n", without a final newline:
//
//	server.1=h1:2888:3888:participant;0.0.0.0:2181     every member, ascending ids
//	server.2=h2:2888:3888|h2b:2888:3888:observer       several addresses, no client address
//	group.1=1:2:3                                      groups, if any
//	weight.1=1                                         weight of every voter, if there are groups
//	version=100000003                                  hexadecimal, the zxid that made it
//
// A server line on input:
//
//	server.ID = ADDR[|ADDR...][;CLIENT]
//	ADDR      = HOST:QUORUMPORT:ELECTIONPORT[:ROLE]    HOST = name | IPv4 | [IPv6]
//	ROLE      = participant | observer                 any case; default participant
//	CLIENT    = PORT | HOST:PORT                       PORT alone means 0.0.0.0
//
// Everything here is a plain value. A Config is never changed after it was built, so that it may
// be shared between goroutines; whoever needs another one builds another one.
package quorum
