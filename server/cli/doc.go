// Package cli is ZooKeeper's shell: the commands of zkCli.sh on top of package client,
// with its output, error texts and exit codes.
//
//	words ── flags ──→ arguments ── command.run ──→ answer ── text or JSON ──→ outputs
//	                                      │
//	                                  client.Client ── events ──→ standard output
//
// One table holds all commands; usage texts, help and completion come from it. A command
// returns what it has to say and prints nothing itself, so that each works for people and,
// as JSON, for programs.
//
// The session is opened when the first command needs it. Where Java's shell ends with the
// trace of an exception this one says in a line what is wrong and, when it is used
// interactively, stays.
package cli
