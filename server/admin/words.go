package admin

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// What follows renders facts as the text of four-letter words.

func (c *Commands) ruok([]byte) string { return "imok" }

func (c *Commands) gtmk([]byte) string { return fmt.Sprint(c.mask.Load()) }

func (c *Commands) stmk(arg []byte) string {
	if len(arg) < 8 {
		return ""
	}
	mask := int64(binary.BigEndian.Uint64(arg))
	c.mask.Store(mask)
	return fmt.Sprint(mask)
}

func (c *Commands) isro([]byte) string {
	switch {
	case !c.source.Serving():
		return "null"
	case c.source.Summary().ReadOnly:
		return "ro"
	}
	return "rw"
}

func (c *Commands) crst([]byte) string {
	c.source.ResetConnections()
	return "Connection stats reset.\n"
}

func (c *Commands) srst([]byte) string {
	c.source.ResetStats()
	return "Server stats reset.\n"
}

func (c *Commands) dirs([]byte) string {
	data, logs := c.source.Sizes()
	return fmt.Sprintf("datadir_size: %d\nlogdir_size: %d\n", data, logs)
}

func (c *Commands) envi([]byte) string {
	var b strings.Builder
	b.WriteString("Environment:\n")
	for _, e := range c.source.Environment() {
		fmt.Fprintf(&b, "%s=%s\n", e[0], e[1])
	}
	return b.String()
}

func (c *Commands) hash([]byte) string {
	var b strings.Builder
	for _, d := range c.source.Digests() {
		fmt.Fprintf(&b, "%x: %d\n", uint64(d.Zxid), d.Value)
	}
	return b.String()
}

func (c *Commands) mntr([]byte) string {
	var b strings.Builder
	for _, l := range slices.Concat(c.source.Gauges(), c.source.Metrics().Lines()) {
		fmt.Fprintf(&b, "zk_%s\t%s\n", l.Label(), l.Value)
	}
	return b.String()
}
