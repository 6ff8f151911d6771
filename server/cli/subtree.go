package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/client"
	"gokeeper/server/proto"
)

// below returns the path of a child.
func below(path, name string) string { return strings.TrimSuffix(path, "/") + "/" + name }

// walk visits a node and all below it: the children of a node one after the other, then
// what is below each. Nodes that vanish meanwhile are passed over. Java:
// ZKUtil.visitSubTreeDFS.
func walk(ctx context.Context, zk *client.Client, path string, watch bool, visit func(path string) error) error {
	if _, _, err := zk.Get(ctx, path, watch); err != nil {
		return err
	}
	if err := visit(path); err != nil {
		return err
	}
	return descend(ctx, zk, path, watch, visit)
}

func descend(ctx context.Context, zk *client.Client, path string, watch bool, visit func(path string) error) error {
	names, _, err := zk.Children(ctx, path, watch)
	if errors.Is(err, proto.NoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := visit(below(path, name)); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := descend(ctx, zk, below(path, name), watch, visit); err != nil {
			return err
		}
	}
	return nil
}

// delete passes over a version behind the path, the syntax of 3.4, as Java does.
func (s *Shell) delete(ctx context.Context, a *arguments) (answer, error) {
	if len(a.words) > 2 {
		s.out.note("'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.")
	}
	version, err := a.version()
	if err != nil {
		return answer{}, err
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	return answer{doc: doc{"path": a.words[1]}}, zk.Delete(ctx, a.words[1], version)
}

// Sizes of a deletion of many nodes. Java: DeleteAllCommand, ZKUtil.deleteInBatch.
const (
	batchSize   = 1000 // deletes in a multi
	batchesSent = 10   // multis under way
)

func (s *Shell) deleteAll(ctx context.Context, a *arguments) (answer, error) {
	size := int64(batchSize)
	if a.has("b") {
		var err error
		if size, err = strconv.ParseInt(a.values["b"], 10, 32); err != nil {
			return answer{}, usageError("-b argument must be an int value")
		}
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	paths, err := subtree(ctx, zk, a.words[1])
	if err != nil {
		return answer{}, err
	}
	slices.Reverse(paths) // leaves first
	d := doc{"path": a.words[1], "deleted": len(paths)}
	if size <= 0 {
		for _, p := range paths {
			if err := zk.Delete(ctx, p, client.AnyVersion); err != nil {
				return answer{}, err
			}
		}
		return answer{doc: d}, nil
	}
	if err := deleteBatches(ctx, zk, paths, int(size)); err != nil {
		return answer{}, complaint{text: "Failed to delete some node(s) in the subtree!"}
	}
	return answer{doc: d}, nil
}

// subtree lists a node and all below it, level by level.
func subtree(ctx context.Context, zk *client.Client, root string) ([]string, error) {
	paths := []string{root}
	for i := 0; i < len(paths); i++ {
		names, _, err := zk.Children(ctx, paths[i], false)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			paths = append(paths, below(paths[i], name))
		}
	}
	return paths, nil
}

// deleteBatches deletes the nodes in this order, and stops behind the first batch that
// fails.
func deleteBatches(ctx context.Context, zk *client.Client, paths []string, size int) error {
	var sent []*client.MultiCall
	var failed error
	for batch := range slices.Chunk(paths, size) {
		if len(sent) == batchesSent {
			_, failed = sent[0].Await(ctx)
			sent = sent[1:]
		}
		if failed != nil {
			break
		}
		var ops []proto.MultiOp
		for _, p := range batch {
			ops = append(ops, client.DeleteOp(p, client.AnyVersion))
		}
		sent = append(sent, zk.StartMulti(ops...))
	}
	for _, m := range sent {
		if _, err := m.Await(ctx); err != nil && failed == nil {
			failed = fmt.Errorf("delete a batch: %w", err)
		}
	}
	return failed
}
