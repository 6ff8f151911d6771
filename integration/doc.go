// Package integration holds the black-box tests of the server: they start real processes from generated
// configuration files, talk to them over sockets with a client of their own, and compare them with Java ZooKeeper.
//
// The tests share no code with the server, so that one mistake in a codec cannot hide itself. Everything runs under
// go test; what needs Java is skipped, with the reason, where Java ZooKeeper is not installed (java/install.sh).
//
// What is tested:
//
//	vectors        recorded exchanges of Java 3.9.6, byte by byte
//	crash          SIGKILL under load, again and again on one directory; no acknowledged write may be lost
//	disk           a disk that becomes full (where the tests may mount one)
//	abuse, slow    garbage, floods, clients that never read or send slowly, while one well-behaved client must not notice
//	command        transcripts of start, status, stop, restart, version; configuration errors; exit codes
//	cli            the shell says the same of Java's server as of ours
//	interchange    data directories that go back and forth between this server and Java
//	differential   one random stream of requests sent to this server and to Java; answers, words, logs and trees compared
//	members        the same with ensembles of three and an observer, whose members clients move between
//	meant          where this server means to do otherwise than Java, and why
//	mixed          ensembles of this server and of Java, every combination: leaders that die, followers that fall behind or ahead
//	rolling        the servers of an ensemble replaced one by one by those of another kind, under load, on the same data
//	growth         a standalone server that becomes the first member of an ensemble
//	soak           an ensemble with Java under load for hours, with restarts: memory and goroutines stay flat
//
// Environment variables:
//
//	GOKEEPER_BINARY       tests this binary instead of building one
//	GOKEEPER_TARGET       tests another server: a command that runs it in the foreground, {cfg} being the
//	                      configuration file, as in 'bash java/zk.sh 396 {cfg}'; this is how the tests prove themselves
//	GOKEEPER_ROUNDS       rounds of the crash loop (3)
//	GOKEEPER_CONNECTIONS  half-open connections of the flood (10000)
//	GOKEEPER_STEPS        steps of the differential stream (600, of ensembles 250; fresh servers with other settings after
//	                      each 1500)
//	GOKEEPER_SETTINGS     number of the settings that the stream begins with (0; for ensembles the seed chooses)
//	GOKEEPER_TRACE        file that gets the differential stream and the answers to it
//	GOKEEPER_DEADLY       if set, Java gets the requests that it dies of
//	GOKEEPER_SEED         seed of everything random (random; printed)
//	GOKEEPER_PEERS        Java versions to exchange data with ("396"; "396 380" for both)
//	GOKEEPER_MIXED        all combinations of mixed, rolling and growth ("all"; some minutes), or one of mixed
//	                      ("java396-gokeeper-java380-gokeeper": three voters, an observer); without it one of each
//	GOKEEPER_SOAK         hours that the soak lasts, 0.03 for instance; without it the soak is skipped
//	GOKEEPER_SCRIPT       the command line transcripts run this instead of the binary, as in '/usr/share/zookeeper/bin/zkServer.sh'
//
// The suites of other people's clients are under conformance, runs of an ensemble through faults under faults.
package integration
