// Package backup keeps copies of a data directory's history, and makes data directories
// of them as they were at a transaction or at a time.
//
//	BACKUP/backup.json               the [Manifest]: what is here, with sizes and sums
//	BACKUP/0001/version-2/snapshot.N the state to begin with
//	BACKUP/0001/version-2/log.M      what followed; one file for each time that was added to
//	BACKUP/0002/…                    the next generation
//
// A generation is a whole by itself, and a data directory that any server can load. A
// backup adds to the last generation when the source still holds its last transaction, and
// begins another when it does not: because the log was purged that far, or because the
// source's history is another one now, since a leader had it cut.
//
// Snapshots of a server that works are fuzzy: they hold some of what was written after the
// transaction that names them. Only with the log up to the last of that they are a state
// that ever was, so [Generation].From is the first transaction that can be restored.
//
// In an ensemble the end of a log may hold transactions that are not committed yet.
//
// Everything is read to its end and checked while it is copied, and read again from where
// it was written. The manifest is replaced last, in one step: what it does not name does
// not count. Sources are only read, also while a server works on them.
package backup
