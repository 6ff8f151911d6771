// Package containers holds the black-box tests of the container image: they run it as Docker users do, alone, as an
// ensemble and by docker compose, break what they run, and look at it with a client that others wrote.
//
// They want a Docker engine with docker compose, and the image; make integration builds it and runs them. Because of that
// they have the build tag containers, and plain go test does not see them.
//
// What is tested:
//
//	mode         what servers say that they are; data written through each is read at all others
//	failover     a leader killed, paused, cut off, all servers restarted: sessions, ephemerals and watches outlive it
//	restart      new containers on old volumes; docker stop; exit codes
//	environment  variables that make no server, and what the user is told
//	health       what docker ps shows, with a quorum and without
//	upgrade      volumes written by Java, served from the first start on
//	official     the examples in the documentation of Docker's official image, word for word
//	compose      the files in compose/ and the one in README.md
//	hardened     a read-only root file system, no capability, no new privilege
//
// Ports are published on 127.0.0.1 only. Everything that a run makes in the engine has its label, and is removed when it
// ends, however it ends; a run that passes but leaves something has failed.
//
// Environment variables:
//
//	GOKEEPER_IMAGE  the image to test (gokeeper:dev)
//	DOCKER_HOST     the engine, as for docker
package containers
