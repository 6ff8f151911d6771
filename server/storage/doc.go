// Package storage is a server's data directory: what is on disk, which of it counts,
// and how the state comes back after a stop or a crash. Java ZooKeeper can take over
// the directory at any moment, and the other way round.
//
//	<DataDir>/version-2/snapshot.<zxid>[.gz|.snappy]     package snapshot
//	<DataDir>/version-2/acceptedEpoch, currentEpoch      decimal, ensembles only
//	<LogDir>/version-2/log.<zxid>                        package txnlog; LogDir may be DataDir
//	<LogDir>/initialize, <DataDir>/initialize            permission to start empty, used once
//
// [Dir.Load] takes the newest snapshot that is whole, replays the log behind it, and
// says what it did. Everything that is logged is replayed, committed or not: in an
// ensemble the last logged zxid is what the server brings into the election.
//
// # What must hold after a crash at any point
//
//   - What was synced to the log is loaded again, in order, without holes.
//   - A snapshot appears under its name only when it is complete and durable, and
//     replaces one of the same name in one step. Names of unfinished files begin
//     with ".unfinished-", which neither Java nor a reader of ours takes for data.
//   - Purge never deletes the newest snapshot that was read to its end, nor a log
//     behind it, nor one that History is going to open.
//   - Truncate removes newer data before older, so that what is left is a prefix of the
//     history.
//   - Replace has an effect when its snapshot is durable as .replacing-snapshot.<zxid>;
//     from then on Open goes on with it: all else is removed, then it gets its name.
//   - The epoch files are replaced in one step. A crash between syncing transactions
//     of an epoch and writing currentEpoch is repaired at the next start.
//
// # Goroutines
//
// Open and Load come first, from one goroutine. Afterwards the Log belongs to the
// log writer; WriteSnapshot, Purge, History and Sizes may be called beside it from
// any goroutine. Truncate, Replace and Close need the log writer to stand still.
package storage
