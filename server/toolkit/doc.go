// Package toolkit prints logs and snapshots in the words of Java ZooKeeper's offline
// tools, so that scripts which read those go on, and as JSON lines, a record each.
//
//	zkTxnLogToolkit.sh                  TxnLogToolkit              DumpLog, Chop, Line
//	zkSnapShotToolkit.sh                SnapshotFormatter          FormatSnapshot, FormatJSON
//	zkSnapshotComparer.sh               SnapshotComparer           Compare
//	zkSnapshotRecursiveSummaryToolkit.sh SnapshotRecursiveSummary  Summarize
//	zkCleanup.sh                        PurgeTxnLog                Run
//
// [Run] takes their command lines. Files are read to print them and are never changed.
// What a log or a snapshot holds is streamed: memory does not grow with it, but for what
// is said about whole subtrees, which takes a few dozen bytes per node.
package toolkit
