//go:build containers

package containers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

const (
	label        = "gokeeper.test"              // its value is the run
	projectLabel = "com.docker.compose.project" // of what docker compose makes; its value begins with the run
)

// ours reports whether something with these labels was made by this run.
func ours(labels map[string]string) bool {
	return labels[label] == run || strings.HasPrefix(labels[projectLabel], run+"-")
}

// sweep removes what this run has left in the engine, and returns what that was. An engine may still be at work on the
// last request of a process that was ended, so this looks until there is nothing for the second time.
func sweep() (left []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for calm := 0; calm < 2; calm++ {
		found, err := sweepOnce(ctx)
		if left = append(left, found...); err != nil {
			return left, err
		}
		if len(found) > 0 {
			calm = -1
		}
	}
	return left, nil
}

func sweepOnce(ctx context.Context) (left []string, err error) {
	var errs []error
	note := func(kind, name string, err error) {
		left = append(left, kind+" "+name)
		if err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("%s %s: %w", kind, name, err))
		}
	}
	containers, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return left, err
	}
	for _, c := range containers.Items {
		if ours(c.Labels) {
			_, err := engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			note("container", strings.Join(c.Names, " "), err)
		}
	}
	networks, err := engine.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return left, err
	}
	for _, n := range networks.Items {
		if ours(n.Labels) {
			_, err := engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
			note("network", n.Name, err)
		}
	}
	volumes, err := engine.VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		return left, err
	}
	for _, v := range volumes.Items {
		if ours(v.Labels) {
			_, err := engine.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
			note("volume", v.Name, err)
		}
	}
	return left, errors.Join(errs...)
}
