package console

import (
	"encoding/json"
	"net/http"

	"gokeeper/server/proto"
)

// order is the body of a change.
type order struct {
	Path       string  `json:"path"`
	Data       *[]byte `json:"data"` // base64; null is null
	Version    *int32  `json:"version"`
	Sequential bool    `json:"sequential"`
	Container  bool    `json:"container"`
	Own        bool    `json:"own"` // the creator alone may do anything
}

// done is the answer to a change.
type done struct {
	Path string `json:"path"`
}

// change returns the endpoint of a kind of change.
func (h *Handler) change(kind Kind) endpoint {
	return func(r *http.Request, l Login) (any, error) {
		switch {
		case l.Scheme == "":
			return nil, errNeedsLogin
		case !h.opt.Facts.Serving():
			return nil, ErrNotServing
		}
		if _, ok := h.opt.Source.Identities(l); !ok {
			return nil, errLogin
		}
		c, err := read(r, kind)
		if err != nil {
			return nil, err
		}
		path, err := h.opt.Source.Change(r.Context(), l, c)
		return done{path}, err
	}
}

// read decodes the body.
func read(r *http.Request, kind Kind) (Change, error) {
	var o order
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Change{}, &failure{http.StatusBadRequest, "BadBody", "the body is no change: " + err.Error()}
	}
	c := Change{Kind: kind, Path: o.Path, Version: -1, Own: o.Own, Flags: proto.FlagPersistent}
	if o.Data != nil {
		c.Data = *o.Data
	}
	if o.Version != nil {
		c.Version = *o.Version
	}
	switch {
	case !proto.ValidPath([]byte(o.Path)) && !(o.Sequential && proto.ValidPath([]byte(o.Path+"0"))):
		return Change{}, errPath
	case o.Sequential && o.Container:
		return Change{}, &failure{http.StatusBadRequest, "BadBody", "a container has no sequence number: choose one of the two"}
	case o.Sequential:
		c.Flags = proto.FlagSequential
	case o.Container:
		c.Flags = proto.FlagContainer
	}
	return c, nil
}
