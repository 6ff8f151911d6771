// Package environment turns the environment variables of ZooKeeper's container images
// into the zoo.cfg and the myid that those images make of them.
//
// In those images a shell script writes both files before the server starts. There is no
// shell in ours: cmd/gokeeper hands all variables to [Read] and takes the files from
// [Settings]. Nothing here touches the world but for Input.ReadFile.
//
// What holds:
//   - An environment that works with the image it was written for means the same here.
//     Which image that is, the variables themselves say; a mix of two is refused.
//   - A zoo.cfg that is there already wins over the variables, and so does a myid.
//   - A value that is wrong ends the start; the complaint names the variable, the value
//     and what is allowed. So do two variables that say different things about one key.
package environment
