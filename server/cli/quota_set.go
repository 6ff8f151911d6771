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

func (s *Shell) setQuota(ctx context.Context, a *arguments) (answer, error) {
	if err := chooseOne(a, true); err != nil {
		return answer{}, err
	}
	if len(a.words) < 2 {
		c, _ := find("setquota")
		return answer{}, usageError(c.usageText())
	}
	path := a.words[1]
	if strings.HasPrefix(path, proto.PathQuota) {
		return answer{}, complaint{text: "cannot set a quota under the path: " + proto.PathQuota}
	}
	name, value, err := quotaLimit(a)
	if err != nil {
		return answer{}, err
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	if err := quotaPossible(ctx, zk, path); err != nil {
		return answer{}, err
	}
	allowed, counted, err := writeQuota(ctx, zk, path, name, value)
	if err != nil {
		return answer{}, err
	}
	return answer{out: quotaWarnings(allowed, counted), doc: doc{"path": path, "quota": allowed, "stat": counted}}, nil
}

// quotaLimit returns which limit the option sets, and to what.
func quotaLimit(a *arguments) (name string, value int64, err error) {
	for _, l := range quotaLetters {
		if !a.has(l.letter) {
			continue
		}
		bits := 64
		if strings.HasPrefix(l.limit, "count") {
			bits = 32
		}
		value, err = strconv.ParseInt(a.values[l.letter], 10, bits)
		switch {
		case err != nil:
			return "", 0, complaint{text: "NumberFormatException happens when parsing the option value"}
		case bits == 32 && value <= 0:
			return "", 0, complaint{text: "the num quota must be greater than zero"}
		case value < 0:
			return "", 0, complaint{text: "the bytes quota must be greater than or equal to zero"}
		}
		return l.limit, value, nil
	}
	return "", 0, nil
}

// quotaPossible wants the node to be there, and no quota above or below it.
func quotaPossible(ctx context.Context, zk *client.Client, path string) error {
	_, err := zk.Exists(ctx, path, false)
	if errors.Is(err, proto.NoNode) {
		return usageError(path + " does not exist.")
	}
	if err != nil {
		return err
	}
	if err := quotaBelow(ctx, zk, path); err != nil {
		return err
	}
	return quotaAbove(ctx, zk, path)
}

func quotaBelow(ctx context.Context, zk *client.Client, path string) error {
	err := walk(ctx, zk, quotaPath(path), false, func(p string) error {
		if proto.Name(p) == limitsName && proto.Parent(p) != quotaPath(path) {
			other := strings.TrimPrefix(proto.Parent(p), proto.PathQuota)
			return usageError(path + " has a child " + other + " which has a quota")
		}
		return nil
	})
	if errors.Is(err, proto.NoNode) {
		return nil
	}
	return err
}

func quotaAbove(ctx context.Context, zk *client.Client, path string) error {
	for p := proto.Parent(path); p != proto.PathRoot; p = proto.Parent(p) {
		names, _, err := zk.Children(ctx, quotaPath(p), false)
		switch {
		case errors.Is(err, proto.NoNode):
		case err != nil:
			return err
		case slices.Contains(names, limitsName):
			return usageError(path + " has a parent " + p + " which has a quota")
		}
	}
	return nil
}

// writeQuota creates the nodes of a quota, or changes one of its limits.
func writeQuota(ctx context.Context, zk *client.Client, path, name string, value int64) (allowed, counted limits, err error) {
	allowed, err = readLimits(ctx, zk, limitsPath(path))
	if err == nil {
		allowed[name] = value
		if counted, err = readLimits(ctx, zk, statsPath(path)); err != nil {
			return nil, nil, err
		}
		_, err = zk.Set(ctx, limitsPath(path), []byte(allowed.String()), client.AnyVersion)
		return allowed, counted, err
	}
	if !errors.Is(err, proto.NoNode) {
		return nil, nil, err
	}
	allowed = limits{}
	for _, l := range quotaLetters {
		allowed[l.limit] = -1
	}
	allowed[name] = value
	at := proto.PathQuota
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		at = below(at, part)
		if err := ensure(ctx, zk, at, nil); err != nil {
			return nil, nil, err
		}
	}
	for p, data := range map[string]string{limitsPath(path): allowed.String(), statsPath(path): "count=0,bytes=0"} {
		if err := ensure(ctx, zk, p, []byte(data)); err != nil {
			return nil, nil, err
		}
	}
	counted, err = readLimits(ctx, zk, statsPath(path))
	return allowed, counted, err
}

// ensure creates a node unless it is there.
func ensure(ctx context.Context, zk *client.Client, path string, data []byte) error {
	_, _, err := zk.Create(ctx, client.Node{Path: path, Data: data, ACL: proto.OpenACL()})
	if errors.Is(err, proto.NodeExists) {
		return nil
	}
	return err
}

// quotaWarnings tells of limits that are passed already.
func quotaWarnings(allowed, counted limits) string {
	var b strings.Builder
	for _, k := range []struct{ word, soft, hard string }{{"count", "count", "countHardLimit"}, {"bytes", "bytes", "byteHardLimit"}} {
		n := counted.get(k.soft)
		for _, limit := range []int64{allowed.get(k.soft), allowed.get(k.hard)} {
			if limit > -1 && limit < n {
				fmt.Fprintf(&b, "[Warning]: the %s quota you create is less than the existing %s:%d\n", k.word, k.word, n)
				break
			}
		}
	}
	return b.String()
}
